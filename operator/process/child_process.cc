// clang-tidy does not see that sys/types.h and sys/wait.h provide what they document:
// NOLINTBEGIN(misc-include-cleaner)
#include "operator/process/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace walguard::process {
namespace {

using Clock = std::chrono::steady_clock;

/// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (value_ >= 0) ::close(std::exchange(value_, -1));
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_ = -1;
};

std::string system_reason(int error) { return std::generic_category().message(error); }

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;

  /// errno, or 0. Only our end is non-blocking: the child expects a pipe as a shell would give it.
  int open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
    return ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
  }
};

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

/// Our environment for the child, with views into environ (no thread of walguard changes it) and into
/// `added`.
std::vector<char*> environment_for_child(const std::vector<std::string>& added) {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto replaces = [&](const std::string& other) { return name_of(other) == name_of(*entry); };
    if (std::string_view(*entry).starts_with("WALGUARD_") || std::ranges::any_of(added, replaces)) continue;
    kept.push_back(*entry);
  }
  for (const std::string& variable : added) kept.push_back(const_cast<char*>(variable.c_str()));
  kept.push_back(nullptr);
  return kept;
}

/// posix_spawn with everything set that a child could otherwise inherit by accident. Returns errno, or 0.
int spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& added, int out, int err,
          pid_t* pid) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::vector<char*> environment = environment_for_child(added);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  // A library may have opened something without O_CLOEXEC: the list of what stays open is ours to give.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  const int result =
      ::posix_spawnp(pid, argv.front(), &actions, &attributes, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return result;
}

/// One child from its start to its end. Used once.
class Supervision {
 public:
  Supervision(const ChildLimits& limits, const std::stop_token& stop) : limits_(limits), stop_(stop) {}

  /// nullopt: it runs.
  std::optional<std::string> start(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& environment);
  /// Blocks until the child has ended, or has outlived SIGKILL by the grace time.
  void supervise();
  /// Kills what is left of the group and takes what is left in the pipes. The group is killed before its
  /// leader is reaped: until then its number cannot be given to a stranger.
  void finish();

  [[nodiscard]] pid_t pid() const { return pid_; }
  ChildEnd& result() { return end_; }

 private:
  enum class Stage : std::uint8_t { kRunning, kAskedToEnd, kKilled };

  void end_because(ChildEnd::How how);
  void escalate();
  void take_output();
  void take_errors();
  bool wait_for_event();

  const ChildLimits limits_;
  const std::stop_token stop_;
  Pipe out_;
  Pipe err_;
  Descriptor stop_event_;
  Descriptor process_;
  pid_t pid_ = -1;
  Stage stage_ = Stage::kRunning;
  Clock::time_point next_step_;
  bool ended_ = false;
  bool lost_ = false;  // it outlived SIGKILL
  std::optional<ChildEnd::How> ended_by_us_;
  ChildEnd end_;
};

std::optional<std::string> Supervision::start(const std::vector<std::string>& arguments,
                                              const std::vector<std::string>& environment) {
  stop_event_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  int error = stop_event_.get() < 0 ? errno : 0;
  if (error == 0) error = out_.open();
  if (error == 0) error = err_.open();
  if (error == 0) error = spawn(arguments, environment, out_.write_end.get(), err_.write_end.get(), &pid_);
  if (error != 0) return arguments.front() + ": " + system_reason(error);
  out_.write_end.close();
  err_.write_end.close();
  // By number: glibc 2.36 declares pidfd_open without extern "C".
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (process_.get() < 0) {
    std::string reason = "pidfd_open: " + system_reason(errno);
    ::kill(-pid_, SIGKILL);
    return reason;
  }
  next_step_ = Clock::now() + limits_.deadline;
  return std::nullopt;
}

void Supervision::supervise() {
  const std::stop_callback on_stop(stop_, [this] { ::eventfd_write(stop_event_.get(), 1); });
  while (!ended_ && !lost_) {
    if (!wait_for_event()) escalate();
  }
}

/// Waits for output, the end, a stop, or the next step's time; false when it was the time.
bool Supervision::wait_for_event() {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_step_ - Clock::now());
  if (left.count() <= 0) return false;
  // A negative descriptor is skipped by poll: an end of file or a stop is seen once.
  std::array<pollfd, 4> events = {{{process_.get(), POLLIN, 0},
                                   {out_.read_end.get(), POLLIN, 0},
                                   {err_.read_end.get(), POLLIN, 0},
                                   {ended_by_us_ ? -1 : stop_event_.get(), POLLIN, 0}}};
  const int timeout = static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000));
  if (::poll(events.data(), events.size(), timeout) <= 0) return true;  // the next call looks at the time
  if (events[1].revents != 0) take_output();
  if (events[2].revents != 0) take_errors();
  if (events[0].revents != 0) ended_ = true;
  if (events[3].revents != 0 && !ended_) end_because(ChildEnd::How::kStopped);
  return true;
}

void Supervision::end_because(ChildEnd::How how) {
  if (ended_by_us_) return;
  ended_by_us_ = how;
  ::kill(-pid_, SIGTERM);
  stage_ = Stage::kAskedToEnd;
  next_step_ = Clock::now() + limits_.grace;
}

void Supervision::escalate() {
  switch (stage_) {
    case Stage::kRunning:
      return end_because(ChildEnd::How::kTimedOut);
    case Stage::kAskedToEnd:
      ::kill(-pid_, SIGKILL);
      stage_ = Stage::kKilled;
      next_step_ = Clock::now() + limits_.grace;
      return;
    case Stage::kKilled:
      lost_ = true;
      return;
  }
}

/// Appends what is in the pipe; closes it at its end. Bounded, since a writer may be as fast as this reader:
/// the rest comes with the next call.
void read_available(Descriptor& pipe, std::string& text) {
  constexpr int kBlocks = 16;  // more than a pipe holds, so that a dead writer's last words are all taken
  std::array<char, 16384> block{};
  for (int i = 0; i < kBlocks && pipe.get() >= 0; ++i) {
    const ssize_t got = ::read(pipe.get(), block.data(), block.size());
    if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) pipe.close();
  }
}

void Supervision::take_output() {
  read_available(out_.read_end, end_.output);
  if (end_.output.size() <= limits_.output) return;
  end_.output.resize(limits_.output);
  end_because(ChildEnd::How::kTooMuchOutput);
}

void Supervision::take_errors() {
  read_available(err_.read_end, end_.error_tail);
  if (end_.error_tail.size() > limits_.error_tail) {
    end_.error_tail.erase(0, end_.error_tail.size() - limits_.error_tail);
  }
}

void Supervision::finish() {
  ::kill(-pid_, SIGKILL);
  if (lost_) {
    end_.how = ended_by_us_.value_or(ChildEnd::How::kTimedOut);
    end_.error_tail += "\nit hangs in the kernel and cannot be killed";
    return;
  }
  take_output();
  take_errors();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  end_.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  end_.how = ended_by_us_.value_or(WIFEXITED(status) ? ChildEnd::How::kExited : ChildEnd::How::kKilled);
}

/// Takes the children of ours in this group that have ended. True when none is left.
bool reap_ended(pid_t group) {
  while (true) {
    const pid_t reaped = ::waitpid(-group, nullptr, WNOHANG);
    if (reaped == 0) return false;
    if (reaped < 0 && errno != EINTR) return true;
  }
}

}  // namespace

ChildEnd ChildRunner::run(const std::vector<std::string>& arguments, const std::stop_token& stop,
                          const std::vector<std::string>& environment) {
  reap_late_ones();
  Supervision child(limits_, stop);
  if (const auto problem = child.start(arguments, environment)) {
    if (child.pid() > 0) reap_group(child.pid());
    return {ChildEnd::How::kNotStarted, 0, {}, *problem};
  }
  child.supervise();
  child.finish();
  reap_group(child.pid());
  return std::move(child.result());
}

/// Grandchildren become children of process 1, and in a container that may be us: a group killed is not yet a
/// group reaped.
void ChildRunner::reap_group(pid_t group) {
  const auto give_up = Clock::now() + limits_.grace;
  while (!reap_ended(group)) {
    if (Clock::now() > give_up) {
      const std::lock_guard lock(late_mutex_);
      late_groups_.push_back(group);
      return;
    }
    ::poll(nullptr, 0, 1);  // wait(2) has no deadline
  }
}

void ChildRunner::reap_late_ones() {
  const std::lock_guard lock(late_mutex_);
  std::erase_if(late_groups_, reap_ended);
}

ChildRunner::~ChildRunner() { reap_late_ones(); }

}  // namespace walguard::process
// NOLINTEND(misc-include-cleaner)
