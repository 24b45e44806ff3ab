#include "tests/cli/program.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX, not C++
#include <spawn.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX, not C++
#include <sys/wait.h>
#include <unistd.h>

namespace walguard::cli::testing {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::milliseconds kPoll{2};

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string unique_name() {
  static int count = 0;
  return std::to_string(++count);
}

}  // namespace

TestFolder::TestFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "walguard-cli-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the test");
  path_ = pattern;
  std::filesystem::create_directories(path("state"));
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TestFolder::path(const std::string& name) const {
  return name.empty() ? path_ : path_ + "/" + name;
}

void TestFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
}

Program::Program(const TestFolder& folder, const std::vector<std::string>& arguments) {
  const std::string name = unique_name();
  out_ = folder.path("out." + name);
  err_ = folder.path("err." + name);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<std::string> all = {WALGUARD_BINARY};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(all.size() + 1);
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, WALGUARD_BINARY, &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error("walguard was not started");
}

Program::~Program() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Program::signal(int number) const { kill(pid_, number); }

int Program::exit_code() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) return -1;
    std::this_thread::sleep_for(kPoll);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string Program::output() const { return text_of(out_); }
std::string Program::errors() const { return text_of(err_); }

namespace {

std::vector<std::string> serve_arguments(const TestFolder& folder, const std::vector<std::string>& more,
                                         ServedWalguard::State state) {
  std::vector<std::string> all = {"serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"};
  if (state == ServedWalguard::State::kFolder) {
    all.insert(all.end(), {"--standalone", folder.path("state"), "--data-dir", folder.path("d")});
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

ServedWalguard::ServedWalguard(const TestFolder& folder, const std::vector<std::string>& more, State state)
    : begin_(std::chrono::steady_clock::now()), program_(folder, serve_arguments(folder, more, state)) {
  const std::regex ports(R"(serving.*https_port"?[=:]"?(\d+).*http_port"?[=:]"?(\d+))");
  std::smatch found;
  std::string log;
  while (!std::regex_search(log = program_.errors(), found, ports)) {
    if (std::chrono::steady_clock::now() - begin_ > kPatience)
      throw std::runtime_error("it does not serve: " + log);
    std::this_thread::sleep_for(kPoll);
  }
  started_within_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_);
  https_port_ = std::stoi(found[1]);
  http_port_ = std::stoi(found[2]);
}

}  // namespace walguard::cli::testing
