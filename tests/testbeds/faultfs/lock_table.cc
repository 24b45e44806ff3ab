#include "tests/testbeds/faultfs/lock_table.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace walguard::faultfs {

std::optional<HeldLock> LockTable::conflict(const LockedFile& file, const HeldLock& wanted) const {
  const auto held = locks_.find(file);
  if (held == locks_.end()) return std::nullopt;
  const auto found = std::ranges::find_if(held->second, [&](const HeldLock& lock) {
    return lock.owner != wanted.owner && lock.overlaps(wanted.start, wanted.end) &&
           (lock.exclusive || wanted.exclusive);
  });
  if (found == held->second.end()) return std::nullopt;
  return *found;
}

void LockTable::take(const LockedFile& file, const HeldLock& lock) {
  drop(file, lock.owner, lock.start, lock.end);
  locks_[file].push_back(lock);
}

void LockTable::drop(const LockedFile& file, const LockOwner& owner, off_t start, off_t end) {
  std::vector<HeldLock> kept;
  for (const HeldLock& lock : locks_[file]) {
    if (lock.owner != owner || !lock.overlaps(start, end)) {
      kept.push_back(lock);
      continue;
    }
    HeldLock before = lock;
    before.end = start - 1;
    if (before.start <= before.end) kept.push_back(before);
    HeldLock after = lock;
    if (lock.end > end) {
      after.start = end + 1;
      kept.push_back(after);
    }
  }
  locks_[file] = std::move(kept);
}

void LockTable::drop_handle(const LockedFile& file, std::uint64_t handle) {
  std::erase_if(locks_[file], [&](const HeldLock& lock) { return lock.handle == handle; });
}

}  // namespace walguard::faultfs
