/// Runs one program to its end, with bounds on its time and its output, and leaves nothing of it behind.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/types.h>

namespace walguard::process {

struct ChildLimits {
  std::chrono::milliseconds deadline{120'000};  ///< then SIGTERM to its process group
  std::chrono::milliseconds grace{3'000};       ///< then SIGKILL; so long again is its end waited for
  std::size_t output = 1U << 20U;               ///< bytes of stdout; more ends the child
  std::size_t error_tail = 4096;                ///< bytes of stderr that are kept, the last ones
};

struct ChildEnd {
  enum class How : std::uint8_t {
    kExited,         ///< `code`: exit code
    kKilled,         ///< by a signal that is not ours; `code`: its number
    kTimedOut,       ///< we ended it at its deadline
    kStopped,        ///< we ended it because the stop token asked for it
    kTooMuchOutput,  ///< we ended it because it wrote more than `output` to stdout
    kNotStarted,     ///< `error_tail` says why
  };
  How how = How::kNotStarted;
  int code = 0;
  std::string output;      ///< stdout, at most `limits.output` bytes
  std::string error_tail;  ///< the end of stderr
};

/// Thread-safe: runs may go on at the same time.
class ChildRunner {
 public:
  explicit ChildRunner(ChildLimits limits) : limits_(limits) {}
  ChildRunner(const ChildRunner&) = delete;
  ChildRunner& operator=(const ChildRunner&) = delete;
  ~ChildRunner();

  /// Blocks until the program has ended or been ended. The child has a process group of its own, default
  /// signal handling, /dev/null as stdin, no other descriptor of ours, and our environment without
  /// `WALGUARD_*`, which may hold a token. Whatever it leaves running in its group is killed when it ends.
  /// `arguments[0]` is the program, looked up in PATH when it has no slash. `environment`: "NAME=value",
  /// added to ours and in its place where it has the same name.
  [[nodiscard]] ChildEnd run(const std::vector<std::string>& arguments, const std::stop_token& stop,
                             const std::vector<std::string>& environment = {});

 private:
  void reap_group(pid_t group);
  void reap_late_ones();

  const ChildLimits limits_;
  std::mutex late_mutex_;
  std::vector<pid_t> late_groups_;  // hung in the kernel past SIGKILL, as on a storage server that is gone
};

}  // namespace walguard::process
