#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_LOCK_TABLE_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_LOCK_TABLE_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <sys/types.h>

#include "tests/testbeds/faultfs/backing.h"

/// Who holds which bytes of which file. No system calls.
namespace walguard::faultfs {

/// Who a lock belongs to: for a POSIX lock a process, for an OFD lock an open file. The kernel makes the
/// number, differently for each mount (fuse_lock_owner_id() in fs/fuse/file.c scrambles it with the mount's
/// own key), so only the pair tells owners apart.
struct LockOwner {
  int mount = 0;
  std::uint64_t number = 0;
  auto operator<=>(const LockOwner&) const = default;
};

struct HeldLock {
  off_t start = 0;
  off_t end = 0;  ///< the last byte, included
  bool exclusive = false;
  LockOwner owner;
  std::uint64_t handle = 0;  ///< the open file it was taken through
  pid_t pid = 0;             ///< for F_GETLK to name

  [[nodiscard]] bool overlaps(off_t first, off_t last) const { return start <= last && first <= end; }
};

/// Locks of different domains never meet; one domain is what all mounts share.
struct LockedFile {
  int domain = 0;
  FileId file;
  auto operator<=>(const LockedFile&) const = default;
};

class LockTable {
 public:
  /// A lock of somebody else that is in the way of `wanted`.
  [[nodiscard]] std::optional<HeldLock> conflict(const LockedFile& file, const HeldLock& wanted) const;
  /// Takes the lock in place of whatever the owner held on these bytes. Asks nobody: see conflict().
  void take(const LockedFile& file, const HeldLock& lock);
  /// Ends what the owner holds on these bytes; a lock that reaches further keeps its rest.
  void drop(const LockedFile& file, const LockOwner& owner, off_t start, off_t end);
  /// Ends what was taken through this open file.
  void drop_handle(const LockedFile& file, std::uint64_t handle);

 private:
  std::map<LockedFile, std::vector<HeldLock>> locks_;
};

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_LOCK_TABLE_H_
