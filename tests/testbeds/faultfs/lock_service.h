#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_LOCK_SERVICE_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_LOCK_SERVICE_H_

#include <cstdint>
#include <optional>

#include <fcntl.h>
#include <sys/types.h>

#include "tests/testbeds/faultfs/lock_table.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {

/// Who asks about which file.
struct LockRequest {
  FileId file;
  LockOwner owner;
  std::uint64_t handle = 0;
  pid_t thread = 0;  ///< the thread that waits in fcntl()
};

/// Lock requests as the kernel sends them, answered rightly or with the fault.
///
/// The kernel leaves it all to us: it sends FLUSH with the process's owner number at every close, upon which
/// the process's POSIX locks on that file end, and nothing at all for OFD locks but RELEASE, at the last
/// close of the open file.
class LockService {
 public:
  explicit LockService(const Options& options) : fault_(options.fault), hang_after_(options.n) {}

  /// F_SETLK: 0 or an errno. F_GETLK: the same, and `lock` tells of what is in the way. nullopt: the request
  /// is never to be answered.
  std::optional<int> set(const LockRequest& request, const struct flock& lock);
  std::optional<int> get(const LockRequest& request, struct flock& lock);

  void closed_by_process(FileId file, const LockOwner& owner);
  void released(int mount, FileId file, std::uint64_t handle);

 private:
  /// The errno that the fault gives before the table is asked, or 0.
  [[nodiscard]] int refusal(const LockRequest& request) const;
  bool hangs();
  [[nodiscard]] LockedFile key(int mount, FileId file) const;

  Fault fault_;
  int hang_after_;
  int requests_ = 0;
  LockTable table_;
};

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_LOCK_SERVICE_H_
