#ifndef WALGUARD_PREFLIGHT_AGENT_TIMING_H_
#define WALGUARD_PREFLIGHT_AGENT_TIMING_H_

#include <chrono>

#include <sched.h>

/// Time inside one worker. Nothing here is ever compared with the clock of another process.
namespace walguard::preflight {

/// Counts seconds from its construction.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// For loops that watch memory or try a lock without sleeping: lets the other side run where both share a
/// processor.
class PoliteSpin {
 public:
  void pause() {
    if (++spins_ % 64 == 0) ::sched_yield();
  }

 private:
  unsigned spins_ = 0;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_TIMING_H_
