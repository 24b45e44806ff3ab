#include "preflight/mountinfo/mountinfo.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace walguard::mountinfo {
namespace {

constexpr const char* kTable =
    "21 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
    "22 21 0:20 / /proc rw,nosuid - proc proc rw\n"
    "30 21 0:40 / /mnt/nfs rw,relatime shared:5 master:1 - nfs4 server:/export rw,vers=4.2,local_lock=none\n"
    "31 21 0:41 / /mnt/with\\040space rw - fuse.sshfs user@host:/dir rw,user_id=0\n"
    "32 21 8:1 / /mnt/twice rw - ext4 /dev/sda1 rw\n"
    "33 32 8:2 / /mnt/twice rw - xfs /dev/sdb1 rw\n";

Mount mount_of(const std::string& path, const std::string& device = "") {
  return find_mount(parse_mountinfo(kTable), path, device).value_or(Mount{});
}

TEST(Mountinfo, ReadsEveryFieldOfALineAndItsOctalEscapes) {
  const auto mounts = parse_mountinfo(
      "36 35 98:0 /mnt\\0401 /mnt\\011two rw,noatime shared:1 master:2 - ext3 /dev/my\\134root "
      "rw,errors=continue\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0], (Mount{.id = 36,
                              .parent = 35,
                              .device = "98:0",
                              .root = "/mnt 1",
                              .mount_point = "/mnt\ttwo",
                              .options = "rw,noatime",
                              .fstype = "ext3",
                              .source = "/dev/my\\root",
                              .super_options = "rw,errors=continue"}));
}

TEST(Mountinfo, LeavesOutLinesThatCannotBeReadAndKeepsTheOthers) {
  const auto mounts = parse_mountinfo("nonsense\n1 x 8:1 / / rw - ext4 a rw\n2 1 8:2 / /b rw - xfs b rw\n\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mount_point, "/b");
}

TEST(Mountinfo, ReadsALineWhoseSourceIsEmpty) {
  const auto mounts = parse_mountinfo("2 1 0:6 / /b rw - tmpfs  rw\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].source, "");
}

TEST(Mountinfo, LeavesOutLinesItCannotRead) {
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("nonsense\n1 2 3 - \n- - - - - - - - -\n").empty());
  EXPECT_EQ(parse_mountinfo("garbage\n21 1 254:0 / / rw - ext4 /dev/root rw\n").size(), 1U);
}

TEST(Mountinfo, UndoesTheEscapesOfSpacesAndBackslashes) {
  EXPECT_EQ(mount_of("/mnt/with space/data").fstype, "fuse.sshfs");
  EXPECT_EQ(parse_mountinfo("1 1 0:1 / /a\\134b\\ rw - tmpfs t\\1 rw\n").at(0).mount_point, "/a\\b\\");
}

TEST(FindMount, TakesTheLongestMountPointThatLeadsToThePath) {
  EXPECT_EQ(mount_of("/mnt/nfs/deep/down").fstype, "nfs4");
  EXPECT_EQ(mount_of("/mnt/nfs").fstype, "nfs4");
  EXPECT_EQ(mount_of("/home").device, "254:0");
}

TEST(FindMount, DoesNotTakeANameThatOnlyBeginsAlike) { EXPECT_EQ(mount_of("/mnt/nfs-not").device, "254:0"); }

TEST(FindMount, TakesTheLastOfTwoMountsAtOnePointUnlessTheDeviceSaysOtherwise) {
  EXPECT_EQ(mount_of("/mnt/twice/x").fstype, "xfs");
  EXPECT_EQ(mount_of("/mnt/twice/x", "8:2").fstype, "xfs");
  EXPECT_EQ(mount_of("/mnt/twice/x", "8:1").fstype, "ext4");
}

TEST(FindMount, SeesThroughAMountPointThatIsCoveredFurtherUp) {
  EXPECT_EQ(mount_of("/mnt/nfs/data", "254:0").fstype, "ext4");
}

TEST(FindMount, FallsBackToThePathForADeviceThatIsNotInTheTable) {
  EXPECT_EQ(mount_of("/mnt/nfs/data", "0:99").fstype, "nfs4");
}

TEST(FindMount, FindsNothingForARelativePath) {
  EXPECT_FALSE(find_mount(parse_mountinfo(kTable), "data", ""));
}

}  // namespace
}  // namespace walguard::mountinfo
