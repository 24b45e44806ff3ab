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
  return mount == nullptr ? "none" : mount->fstype;
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
