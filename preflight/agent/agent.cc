#include "preflight/agent/agent.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preflight/agent/worker.h"
#include "preflight/link/errno_name.h"
#include "preflight/link/frame.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/poll.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

using Clock = std::chrono::steady_clock;

// Past this much unsent, workers are left waiting: a conductor that stands still must not fill our memory.
constexpr std::size_t kMaxUnsentBytes = 256UL * 1024;
constexpr std::chrono::milliseconds kReapInterval{2};
// More than any check has at once. A conductor that asks for more is none of ours.
constexpr std::size_t kMaxWorkers = 256;

std::string describe_exit(int status) {
  if (!WIFSIGNALED(status)) return "status " + std::to_string(WEXITSTATUS(status));
  const char* const name = ::sigabbrev_np(WTERMSIG(status));
  return "signal SIG" + (name != nullptr ? std::string(name) : std::to_string(WTERMSIG(status)));
}

class Agent {
 public:
  explicit Agent(LineChannel conductor) : conductor_(std::move(conductor)) {}

  AgentEnd run(Clock::time_point until, int interrupt_fd) {
    AgentEnd end;
    send({.verb = Verb::kReady, .number = kProtocolVersion, .payload = {}});
    take_orders();  // some may have come with the handshake's last lines
    while (end.why.empty() && !result_) {
      if (wait_for_something(until, interrupt_fd)) end.why = "interrupted";
      take_orders();
      relay_workers();
      if (conductor_.closed()) end.why = "the conductor is gone: " + conductor_.why_closed();
      if (Clock::now() >= until) end.why = "the conductor did not end the run in time";
    }
    for (const auto& [number, worker] : workers_) ::kill(worker.pid, SIGKILL);
    end.result = std::move(result_);
    return end;
  }

 private:
  struct Worker {
    // NOLINTNEXTLINE(misc-include-cleaner): pid_t is of sys/types.h
    pid_t pid;
    LineChannel channel;
    bool ready = false;  // has sent something, or has ended
  };

  void send(const Frame& frame) { conductor_.send(encode_frame(frame)); }
  [[nodiscard]] bool may_relay() const { return conductor_.unsent_bytes() < kMaxUnsentBytes; }

  // Returns whether an interruption came.
  bool wait_for_something(Clock::time_point until, int interrupt_fd) {
    std::vector<pollfd> entries = {{.fd = conductor_.fd(), .events = conductor_.poll_events(), .revents = 0}};
    std::vector<Worker*> asked;
    bool awaits_death = false;
    for (auto& [number, worker] : workers_) {
      worker.ready = false;
      if (worker.channel.closed()) {
        awaits_death = true;
      } else if (may_relay()) {
        entries.push_back({.fd = worker.channel.fd(), .events = worker.channel.poll_events(), .revents = 0});
        asked.push_back(&worker);
      }
    }
    const bool interrupted = poll_until(
        entries, awaits_death ? std::min(until, Clock::now() + kReapInterval) : until, interrupt_fd);
    conductor_ready_ = entries.front().revents != 0;
    for (std::size_t i = 0; i < asked.size(); ++i) asked[i]->ready = entries[i + 1].revents != 0;
    return interrupted;
  }

  void take_orders() {
    conductor_.flush();
    if (conductor_ready_) conductor_.receive();
    while (const std::optional<std::string> line = conductor_.next_line()) {
      if (const auto order = parse_frame(*line)) obey(*order);
    }
  }

  void obey(const Frame& order) {
    if (order.verb == Verb::kSpawn) {
      spawn(order.number);
      return;
    }
    if (order.verb == Verb::kPing) {
      send({.verb = Verb::kPong, .number = order.number, .payload = {}});
      return;
    }
    if (order.verb == Verb::kDone) {
      result_ = order.payload;
      return;
    }
    const auto found = workers_.find(order.number);
    if (found == workers_.end()) return;  // it died meanwhile, which has been said
    if (order.verb == Verb::kKill) ::kill(found->second.pid, SIGKILL);
    if (order.verb == Verb::kTo) found->second.channel.send(order.payload);
  }

  void spawn(int number) {
    if (workers_.size() >= kMaxWorkers || workers_.contains(number)) {
      send({.verb = Verb::kExit, .number = number, .payload = "no room for another worker"});
      return;
    }
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      send({.verb = Verb::kExit, .number = number, .payload = "no socketpair: " + errno_name(errno)});
      return;
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
      send({.verb = Verb::kExit, .number = number, .payload = "no fork: " + errno_name(errno)});
      return;
    }
    if (pid == 0) {
      ours.reset();
      become_worker(parent, std::move(theirs));
    }
    workers_.emplace(number, Worker{pid, LineChannel(std::move(ours))});
  }

  [[noreturn]] void become_worker(pid_t parent, UniqueFd link) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);  // the agent died before the line above
    // The other sockets must not live on here, or their ends would never be seen to close.
    workers_.clear();
    conductor_ = LineChannel(UniqueFd());
    ::_exit(run_worker(std::move(link)));
  }

  void relay_workers() {
    for (auto entry = workers_.begin(); entry != workers_.end();) {
      Worker& worker = entry->second;
      worker.channel.flush();
      if (worker.ready && may_relay()) worker.channel.receive();
      while (const std::optional<std::string> line = worker.channel.next_line()) {
        send({.verb = Verb::kFrom, .number = entry->first, .payload = *line});
      }
      entry =
          worker.channel.closed() && reap(entry->first, worker) ? workers_.erase(entry) : std::next(entry);
    }
  }

  // All that the worker ever wrote has been relayed by now, so its end is the last that is heard of it.
  bool reap(int number, const Worker& worker) {
    int status = 0;
    // A closed link means it is dying already, or broke the protocol. The first is not changed by a signal.
    ::kill(worker.pid, SIGKILL);
    if (::waitpid(worker.pid, &status, WNOHANG) != worker.pid) return false;
    send({.verb = Verb::kExit, .number = number, .payload = describe_exit(status)});
    return true;
  }

  LineChannel conductor_;
  bool conductor_ready_ = false;  // as Worker::ready
  std::map<int, Worker> workers_;
  std::optional<std::string> result_;
};

}  // namespace

int run_agent(UniqueFd link) {
  // The terminal's Ctrl-C reaches every process; it is the conductor that ends a run, in order.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) (void)::signal(signal, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)Agent(LineChannel(std::move(link))).run(Clock::time_point::max(), -1);
  return 0;
}

AgentEnd work_for(LineChannel conductor, Clock::time_point until, int interrupt_fd) {
  return Agent(std::move(conductor)).run(until, interrupt_fd);
}

}  // namespace walguard::preflight
