#include "tests/preflight/process/program.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preflight/agent/proc.h"
#include "preflight/agent/workspace.h"

namespace walguard::testing_support {
namespace {

namespace fs = std::filesystem;

constexpr auto kLookInterval = std::chrono::milliseconds(5);

fs::path make_scratch() {
  std::string path = (fs::temp_directory_path() / "walguard-test-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary directory");
  return path;
}

std::string read_all(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void redirect(int fd, const fs::path& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ::dup2(file, fd);
}

// NOLINTNEXTLINE(misc-include-cleaner): pid_t is of sys/types.h
void add_family(pid_t pid, std::vector<pid_t>& family) {
  family.push_back(pid);
  const std::string process = std::to_string(pid);
  std::ifstream children("/proc/" + process + "/task/" + process + "/children");
  for (pid_t child = 0; children >> child;) add_family(child, family);
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment)
    : scratch_(make_scratch()) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string out_path = scratch_ / "out";
  const std::string err_path = scratch_ / "err";
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
  redirect(STDOUT_FILENO, out_path);
  redirect(STDERR_FILENO, err_path);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

Program::~Program() {
  if (running()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(scratch_, ignored);
}

void Program::signal(int number) const { ::kill(pid_, number); }

bool Program::running() {
  if (exit_code_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return false;
}

std::optional<int> Program::wait(std::chrono::seconds patience) {
  if (!eventually([this] { return !running(); }, patience)) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    exit_code_ = 128 + SIGKILL;
    return std::nullopt;
  }
  return exit_code_;
}

std::string Program::out() const { return read_all(scratch_ / "out"); }
std::string Program::err() const { return read_all(scratch_ / "err"); }

std::vector<pid_t> Program::family() const {
  std::vector<pid_t> family;
  add_family(pid_, family);
  return family;
}

TemporaryDirectory::TemporaryDirectory() : path_(make_scratch()) {}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(kLookInterval);
  }
  return true;
}

bool is_alive(pid_t pid) { return preflight::start_ticks(pid).has_value(); }

std::vector<pid_t> processes_with(const std::string& variable) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string environment = '\0' + read_all(entry.path() / "environ");
    const pid_t pid = std::stoi(name);
    if (environment.find('\0' + variable + '\0') != std::string::npos && is_alive(pid)) found.push_back(pid);
  }
  return found;
}

std::size_t memory_of(const std::vector<pid_t>& processes) {
  std::size_t kilobytes = 0;
  for (const pid_t pid : processes) {
    std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
    std::string line;
    while (std::getline(rollup, line)) {
      if (line.starts_with("Pss:")) kilobytes += std::stoul(line.substr(4));
    }
  }
  return kilobytes * 1024;
}

std::optional<fs::path> probe_folder(const fs::path& dir) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    if (preflight::is_workspace_name(entry.path().filename().string())) return entry.path();
  }
  return std::nullopt;
}

bool probe_has_made(const fs::path& dir, const std::string& file) {
  const std::optional<fs::path> folder = probe_folder(dir);
  std::error_code error;
  return folder && fs::exists(*folder / file, error);
}

}  // namespace walguard::testing_support
