/// A machine of its own for one Docker engine: namespaces for mounts, processes and the network, a disk of
/// ext4 at /var/lib/docker and a small one at /srv. The engine, its plugin and the `docker` command find
/// everything where a Docker host has it, and several such machines run side by side.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/preflight/process/program.h"

namespace walguard::docker_engine {

struct CommandResult {
  int exit_code = -1;  ///< -1: did not end by itself
  std::string output;
  std::string errors;  ///< the last kilobytes

  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

/// Runs a command of this machine to its end. Blocks, `deadline` at most.
[[nodiscard]] CommandResult run_here(const std::vector<std::string>& command,
                                     std::chrono::milliseconds deadline = std::chrono::minutes(1));

/// Why there can be no such machine here ("not root", "no dockerd"), or nullopt.
[[nodiscard]] std::optional<std::string> why_no_machine();

/// A program inside the machine. Killed at its end.
class Daemon {
 public:
  Daemon(const std::vector<std::string>& entered, const std::vector<std::string>& command);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// To the program itself, as seen from outside.
  void signal(int number) const;
  [[nodiscard]] bool running() { return program_.running(); }
  /// As Program::wait: its exit code; nullopt: it had to be killed.
  std::optional<int> wait(std::chrono::seconds patience) { return program_.wait(patience); }
  [[nodiscard]] std::string log() const { return program_.out() + program_.err(); }
  [[nodiscard]] pid_t pid() const;  ///< as seen from outside

 private:
  testing_support::Program program_;  // nsenter, whose child it is
};

class Machine {
 public:
  /// Throws std::runtime_error where it does not come up.
  Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  /// Whatever runs in it is killed. What is left of its cgroups is removed.
  ~Machine();

  /// Runs a command in it to its end.
  [[nodiscard]] CommandResult run(const std::vector<std::string>& command,
                                  std::chrono::milliseconds deadline = std::chrono::minutes(1)) const;
  /// Starts a program in it, which may not outlive the machine.
  [[nodiscard]] std::unique_ptr<Daemon> start(const std::vector<std::string>& command) const;

  /// How a file or socket of the machine is called outside.
  [[nodiscard]] std::filesystem::path outside(const std::filesystem::path& inside) const;
  /// A file of namespaces: of "net", "mnt".
  [[nodiscard]] std::string name_space(const std::string& kind) const;
  /// Below this path are all cgroups of its containers.
  [[nodiscard]] std::string cgroup() const;

 private:
  [[nodiscard]] std::vector<std::string> entered() const;

  testing_support::TemporaryDirectory state_;
  testing_support::Program unshare_;
  pid_t first_ = -1;  // its process 1
};

}  // namespace walguard::docker_engine
