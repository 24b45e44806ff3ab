#include "preflight/conductor/launch.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/link/errno_name.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

constexpr int kAgentFd = 3;
constexpr auto kFarewell = std::chrono::seconds(2);
constexpr auto kFarewellStep = std::chrono::milliseconds(2);

sigset_t interrupting_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Between fork and exec: system calls only.
[[noreturn]] void become_agent(pid_t parent, int link) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);  // the conductor died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // dup2 also clears close-on-exec; where the link is at its place already it must be cleared by hand.
  const bool placed = link == kAgentFd ? ::fcntl(link, F_SETFD, 0) == 0 : ::dup2(link, kAgentFd) == kAgentFd;
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);  // stdout is for results
  }
  if (placed)
    ::execl("/proc/self/exe", "walguard-preflight", "agent", "--fd", "3", static_cast<char*>(nullptr));
  ::_exit(127);
}

bool gone_within(pid_t pid, std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (::waitpid(pid, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(kFarewellStep);
  }
  return true;
}

}  // namespace

tl::expected<LocalAgent, std::string> LocalAgent::start() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return tl::unexpected("cannot make a socket pair: " + errno_name(errno));
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return tl::unexpected("cannot start a process: " + errno_name(errno));
  if (pid == 0) become_agent(parent, theirs.get());
  return LocalAgent(pid, std::move(ours));
}

LocalAgent::LocalAgent(LocalAgent&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), link_(std::move(other.link_)) {}

LocalAgent::~LocalAgent() {
  link_.reset();
  if (pid_ < 0 || gone_within(pid_, kFarewell)) return;
  ::kill(pid_, SIGKILL);
  (void)gone_within(pid_, kFarewell);
}

Interrupts::Interrupts() {
  const sigset_t signals = interrupting_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);  // nobody reading our output is no reason to leave a folder behind
  fd_ = UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace walguard::preflight
