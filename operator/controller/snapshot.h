/// One value that a few threads replace as a whole and many threads read.
///
/// std::atomic<std::shared_ptr> would say the same, but ThreadSanitizer reports libstdc++'s as a data race
/// (https://github.com/google/sanitizers/issues/1558). A mutex held for one reference count costs about as
/// much.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace walguard::controller {

/// Thread-safe. `get` blocks only for as long as another thread copies or swaps a pointer. Never null.
template <typename T>
class Snapshot {
 public:
  Snapshot() : value_(std::make_shared<const T>()) {}

  /// The value in force. It stays valid and unchanged for as long as the caller keeps it.
  [[nodiscard]] std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  void set(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    {
      const std::lock_guard lock(mutex_);
      value_.swap(next);
    }
    // The old value ends here, outside the lock, when no reader holds it any more.
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace walguard::controller
