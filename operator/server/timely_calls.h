/// Calls that may take too long, made on threads of their own, so that one that hangs costs its caller an
/// answer and nobody else anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace walguard::server {

struct TimelyOptions {
  unsigned threads = 4;
  /// The longest that a caller waits.
  std::chrono::milliseconds patience{800};
  /// The same while another call is overdue: what hangs once hangs again, and several callers that wait one
  /// after the other on one thread are to be done within a second too.
  std::chrono::milliseconds patience_while_stuck{50};
};

enum class CallEnd : std::uint8_t {
  kDone,
  kLate,  ///< not done when patience was over; it may still be running
  kFull,  ///< not begun: every thread has an overdue call
};

/// Thread-safe.
class TimelyCalls {
 public:
  explicit TimelyCalls(TimelyOptions options);
  TimelyCalls(const TimelyCalls&) = delete;
  TimelyCalls& operator=(const TimelyCalls&) = delete;
  /// As stop().
  ~TimelyCalls();

  /// Waits for `work`, which must own what it uses: after kLate it may still be running. Work that nobody
  /// waits for any more is not begun. What it throws is thrown here.
  [[nodiscard]] CallEnd run(std::function<void()> work);

  /// Calls that are overdue now.
  [[nodiscard]] unsigned stuck() const;

  /// Ends the threads. False where a call hangs: its thread is left behind, and what it uses must stay, so
  /// the process should end without destroying anything (std::_Exit). Later calls of run() are kFull.
  bool stop();

 private:
  struct State;
  const TimelyOptions options_;
  const std::shared_ptr<State> state_;
};

}  // namespace walguard::server
