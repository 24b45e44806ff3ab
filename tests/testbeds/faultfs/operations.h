#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_OPERATIONS_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_OPERATIONS_H_

#include <string>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/fuse_api.h"
#include "tests/testbeds/faultfs/mount.h"

/// The FUSE operations, by what they work on. Each add_... fills in its part of libfuse's table.
///
/// Every operation answers its request exactly once, but for a lock request that the fault leaves hanging.
namespace walguard::faultfs {

void add_name_operations(fuse_lowlevel_ops& table);
void add_file_operations(fuse_lowlevel_ops& table);

[[nodiscard]] Mount& mount_of(fuse_req_t request);
/// Answers a lookup: with the file, which the kernel then holds a reference to, or with an errno.
void reply_entry(fuse_req_t request, const OrErrno<NodePtr>& found);
/// The same for an answer with more in it. Fills in all but the errno.
[[nodiscard]] OrErrno<fuse_entry_param> entry_for(Mount& mount, const NodePtr& node);

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_OPERATIONS_H_
