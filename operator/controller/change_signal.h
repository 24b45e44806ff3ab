/// Tells loops that something they watch has changed, so that they need not look again and again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace walguard::controller {

/// Thread-safe. Changes are counted, so that none is lost between two waits.
class ChangeSignal {
 public:
  void notify() {
    {
      const std::lock_guard lock(mutex_);
      ++changes_;
    }
    changed_.notify_all();
  }

  /// Changes so far; what a loop hands to its first wait.
  [[nodiscard]] std::uint64_t changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
  }

  /// Blocks until there are more changes than `seen`, `longest` has passed or `stop` is requested. Returns
  /// the changes so far.
  std::uint64_t wait(std::uint64_t seen, std::chrono::milliseconds longest,
                     const std::stop_token& stop) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, longest, [&] { return changes_ != seen; });
    return changes_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::uint64_t changes_ = 0;
};

}  // namespace walguard::controller
