#include "operator/docker/mount_table.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walguard::docker {
namespace {

using ::testing::ElementsAre;

std::string type_at(const MountTable& table, std::string_view path) {
  const Mount* const mount = table.find(path);
  return mount == nullptr ? "none" : mount->type;
}

TEST(MountTable, ReadsEveryFieldOfALineAndItsOctalEscapes) {
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
                              .type = "ext3",
                              .source = "/dev/my\\root",
                              .super_options = "rw,errors=continue"}));
}

TEST(MountTable, LeavesOutLinesThatCannotBeReadAndKeepsTheOthers) {
  const auto mounts = parse_mountinfo("nonsense\n1 x 8:1 / / rw - ext4 a rw\n2 1 8:2 / /b rw - xfs b rw\n\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mount_point, "/b");
}

TEST(MountTable, ReadsALineWhoseSourceIsEmpty) {
  const auto mounts = parse_mountinfo("2 1 0:6 / /b rw - tmpfs  rw\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].source, "");
}

TEST(MountTable, TheLongestMountPointAboveAPathWins) {
  const MountTable table(
      parse_mountinfo("1 0 8:1 / / rw - ext4 /dev/a rw\n"
                      "2 1 8:2 / /srv rw - xfs /dev/b rw\n"
                      "3 2 0:40 / /srv/nfs rw - nfs4 h:/e rw\n"));
  EXPECT_EQ(type_at(table, "/srv/nfs/app"), "nfs4");
  EXPECT_EQ(type_at(table, "/srv/nfsdata"), "xfs");
  EXPECT_EQ(type_at(table, "/etc"), "ext4");
}

TEST(MountTable, ALaterMountOnTheSamePlaceHidesTheEarlier) {
  const MountTable table(
      parse_mountinfo("1 0 8:1 / / rw - ext4 /dev/a rw\n"
                      "2 1 8:2 / /srv rw - xfs /dev/b rw\n"
                      "3 2 0:40 / /srv rw - nfs4 h:/e rw\n"
                      "4 3 0:41 / /srv/in rw - tmpfs t rw\n"));
  EXPECT_EQ(type_at(table, "/srv/app"), "nfs4");
  EXPECT_EQ(type_at(table, "/srv/in/app"), "tmpfs");
}

TEST(MountTable, AMountBelowOneThatCameLaterIsNotSeenAnyMore) {
  const MountTable table(
      parse_mountinfo("1 0 8:1 / / rw - ext4 /dev/a rw\n"
                      "2 1 8:2 / /a/b rw - xfs /dev/b rw\n"
                      "3 2 8:3 / /a/b/c rw - btrfs /dev/c rw\n"
                      "4 1 0:40 / /a rw - nfs4 h:/e rw\n"));
  EXPECT_EQ(type_at(table, "/a/b/app"), "nfs4");
  EXPECT_EQ(type_at(table, "/a/b/c/app"), "nfs4");
  EXPECT_TRUE(table.below("/a").empty());
}

TEST(MountTable, FindsWhatIsMountedBelowAPathAndNothingBesideIt) {
  const MountTable table(
      parse_mountinfo("1 0 8:1 / / rw - ext4 /dev/a rw\n"
                      "2 1 8:2 / /srv rw - xfs /dev/b rw\n"
                      "3 2 0:40 / /srv/x/nfs rw - nfs4 h:/e rw\n"
                      "4 1 0:41 / /srv2 rw - tmpfs t rw\n"));
  std::vector<std::string> points;
  for (const Mount* const mount : table.below("/srv")) points.push_back(mount->mount_point);
  EXPECT_THAT(points, ElementsAre("/srv/x/nfs"));
}

TEST(MountTable, ATableOfAContainerThatBeginsBelowTheRootIsUsable) {
  const MountTable table(parse_mountinfo("9 8 8:2 /vol /data rw - xfs /dev/b rw\n"));
  EXPECT_EQ(type_at(table, "/data/app"), "xfs");
  EXPECT_EQ(type_at(table, "/etc"), "none");
}

TEST(MountTable, APathInAMountBeginsAtTheMountsRoot) {
  const Mount mount = parse_mountinfo("2 1 8:2 /vol/a /srv rw - xfs /dev/b rw\n").at(0);
  EXPECT_EQ(path_in(mount, "/srv"), "/vol/a");
  EXPECT_EQ(path_in(mount, "/srv/app.db"), "/vol/a/app.db");
  const Mount whole = parse_mountinfo("1 0 8:1 / / rw - ext4 /dev/a rw\n").at(0);
  EXPECT_EQ(path_in(whole, "/"), "/");
  EXPECT_EQ(path_in(whole, "/srv"), "/srv");
}

}  // namespace
}  // namespace walguard::docker
