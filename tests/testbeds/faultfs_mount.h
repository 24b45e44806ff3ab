#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_MOUNT_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_MOUNT_H_

#include <filesystem>
#include <string>

#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {

/// faultfs over memory: what is stored, and the one or two mounts of it.
struct FaultFs {
  std::filesystem::path backing;
  Views mounts;
};

/// Mounts it for as long as the bed lives. `options` as in `faultfs -o`, empty for no fault. Throws
/// std::runtime_error where it does not come up.
FaultFs mount_faultfs(Bed& bed, const std::string& options, int mounts);

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_MOUNT_H_
