#include "preflight/checks/wal_reset_bug.h"

#include <gtest/gtest.h>

namespace walguard::preflight {
namespace {

TEST(WalResetBug, IsInWhatSqliteSaysItIsIn) {
  for (const int version : {3'007'000, 3'040'001, 3'044'005, 3'045'000, 3'046'001, 3'050'006, 3'051'002}) {
    EXPECT_TRUE(has_wal_reset_bug(version)) << version;
  }
}

TEST(WalResetBug, IsNotInOlderOrMendedVersions) {
  for (const int version : {3'006'023, 3'044'006, 3'044'099, 3'050'007, 3'051'003, 3'052'000}) {
    EXPECT_FALSE(has_wal_reset_bug(version)) << version;
  }
}

}  // namespace
}  // namespace walguard::preflight
