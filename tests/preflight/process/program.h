#ifndef WALGUARD_TESTS_PREFLIGHT_PROCESS_PROGRAM_H_
#define WALGUARD_TESTS_PREFLIGHT_PROCESS_PROGRAM_H_

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace walguard::testing_support {

/// A child process whose output is collected in files. Killed at its end if it still runs.
class Program {
 public:
  /// `arguments[0]` is the program, looked up in PATH. `environment`: "NAME=VALUE", beside our own.
  explicit Program(const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  void signal(int number) const;
  /// The exit code, 128 + the signal that ended it, or nullopt when it is still running after `patience` (and
  /// is then killed).
  std::optional<int> wait(std::chrono::seconds patience = std::chrono::seconds(100));
  [[nodiscard]] bool running();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  /// It, its children, their children, ...: as of now.
  [[nodiscard]] std::vector<pid_t> family() const;

 private:
  std::filesystem::path scratch_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// A new, empty directory, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Looks every few milliseconds until the condition holds. False when it does not within `patience`.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds patience = std::chrono::seconds(30));

/// Whether a process is there and more than a zombie.
bool is_alive(pid_t pid);

/// All processes that were started with `variable` ("NAME=VALUE") in their environment, whoever their parent
/// is by now.
std::vector<pid_t> processes_with(const std::string& variable);

/// What a quick run may hold in all its processes. A sanitizer's own memory is many times that and would be
/// counted.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::size_t kMostMemory = 4096UL * 1024 * 1024;
#else
inline constexpr std::size_t kMostMemory = 64UL * 1024 * 1024;
#endif

/// What these processes hold in memory together, in bytes: each shared page is counted once, by shares (the
/// kernel's Pss). A process that is gone holds nothing.
std::size_t memory_of(const std::vector<pid_t>& processes);

/// The probe's folder in `dir`, if there is one now.
std::optional<std::filesystem::path> probe_folder(const std::filesystem::path& dir);

/// Whether the probe has come as far as to have made this file in its folder.
bool probe_has_made(const std::filesystem::path& dir, const std::string& file);

}  // namespace walguard::testing_support

#endif  // WALGUARD_TESTS_PREFLIGHT_PROCESS_PROGRAM_H_
