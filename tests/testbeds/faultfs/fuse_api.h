#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_FUSE_API_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_FUSE_API_H_

/// libfuse wants to be told for which version of its interface it is included: 3.5, in Debian 12 and 13.
#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>  // IWYU pragma: export
#include <fuse_opt.h>       // IWYU pragma: export

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_FUSE_API_H_
