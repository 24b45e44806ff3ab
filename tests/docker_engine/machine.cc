#include "tests/docker_engine/machine.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "operator/process/child_process.h"
#include "tests/preflight/process/program.h"

namespace walguard::docker_engine {

namespace {

namespace fs = std::filesystem;
using testing_support::eventually;

// The engine and the command of Debian, also where another `docker` stands before them in PATH.
constexpr const char* kPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

bool is_installed(const std::string& program) {
  return fs::exists("/usr/bin/" + program) || fs::exists("/usr/sbin/" + program);
}

// The end of `unshare` is the end of the machine, and the end of the test, however it comes, that of
// `unshare`.
std::vector<std::string> unshare_command(const fs::path& state) {
  const std::string first = std::string(WALGUARD_SOURCE_DIR) + "/tests/docker_engine/machine";
  std::vector<std::string> words = {"setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid"};
  words.insert(words.end(), {"--net", "--fork", "--kill-child", "--mount-proc", first, state});
  return words;
}

std::vector<std::string> joined(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Deepest first; a cgroup that still holds a process stays.
void remove_cgroup(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory(ignored)) remove_cgroup(entry.path());
  }
  ::rmdir(folder.c_str());
}

}  // namespace

CommandResult run_here(const std::vector<std::string>& command, std::chrono::milliseconds deadline) {
  process::ChildRunner runner(
      process::ChildLimits{.deadline = deadline, .output = 64U << 20U, .error_tail = 16384});
  const process::ChildEnd end = runner.run(command, std::stop_token(), {kPath});
  const bool exited = end.how == process::ChildEnd::How::kExited;
  return {.exit_code = exited ? end.code : -1, .output = end.output, .errors = end.error_tail};
}

std::optional<std::string> why_no_machine() {
  if (::geteuid() != 0) return "not root";
  if (!fs::exists("/dev/loop-control")) return "no loop devices";
  if (!fs::exists("/dev/fuse")) return "no /dev/fuse";
  for (const char* const program : {"dockerd", "docker", "bindfs", "unshare", "nsenter", "setpriv", "ip"}) {
    if (!is_installed(program)) {
      return std::string("no ") + program + "; scripts/install-deps docker installs it";
    }
  }
  return std::nullopt;
}

Daemon::Daemon(const std::vector<std::string>& entered, const std::vector<std::string>& command)
    : program_(joined(entered, command)) {}

// nsenter has to reap it: the namespace cannot end before.
Daemon::~Daemon() {
  signal(SIGKILL);
  (void)program_.wait(std::chrono::seconds(10));
}

// NOLINTNEXTLINE(misc-include-cleaner): pid_t is of sys/types.h
pid_t Daemon::pid() const {
  const std::vector<pid_t> family = program_.family();
  return family.size() > 1 ? family[1] : -1;
}

void Daemon::signal(int number) const {
  const pid_t target = pid();
  if (target > 0) ::kill(target, number);
}

Machine::Machine() : unshare_(unshare_command(state_.path())) {
  if (!eventually([this] { return fs::exists(state_.path() / "ready") || !unshare_.running(); }) ||
      !unshare_.running()) {
    throw std::runtime_error("no machine for the engine: " + unshare_.err());
  }
  first_ = unshare_.family().at(1);
}

// `unshare` reaps process 1, which ends when the last of its namespace has.
Machine::~Machine() {
  ::kill(first_, SIGKILL);
  (void)unshare_.wait(std::chrono::seconds(10));
  std::error_code ignored;
  for (const auto& controller : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
    if (controller.is_directory(ignored)) remove_cgroup(controller.path().string() + cgroup());
  }
  remove_cgroup("/sys/fs/cgroup" + cgroup());
}

std::vector<std::string> Machine::entered() const {
  return {"env",     kPath,   "setpriv", "--pdeathsig", "KILL", "nsenter", "--target", std::to_string(first_),
          "--mount", "--pid", "--net",   "--"};
}

CommandResult Machine::run(const std::vector<std::string>& command,
                           std::chrono::milliseconds deadline) const {
  return run_here(joined(entered(), command), deadline);
}

std::unique_ptr<Daemon> Machine::start(const std::vector<std::string>& command) const {
  return std::make_unique<Daemon>(entered(), command);
}

fs::path Machine::outside(const fs::path& inside) const {
  return fs::path("/proc/" + std::to_string(first_) + "/root") / inside.relative_path();
}

std::string Machine::name_space(const std::string& kind) const {
  return "/proc/" + std::to_string(first_) + "/ns/" + kind;
}

std::string Machine::cgroup() const { return "/walguard-docker-" + std::to_string(first_); }

}  // namespace walguard::docker_engine
