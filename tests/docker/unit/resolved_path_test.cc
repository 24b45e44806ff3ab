#include "operator/docker/resolved_path.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/docker/mount_table.h"
#include "tests/knowledge/embedded.h"

namespace walguard::docker {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr std::string_view kMounts =
    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "2 1 0:40 / /mnt/nfs rw - nfs4 h:/e rw\n"
    "3 1 0:41 / /mnt/bindfs rw - fuse /srv rw\n";

struct Walk {
  std::map<std::string, std::string> symlinks;
  std::vector<std::string> looked_at = {};

  ResolvedPath to(std::string_view path) {
    const MountTable mounts(parse_mountinfo(kMounts));
    return resolve_path(path, mounts, knowledge::embedded_catalog(),
                        [this](const std::string& name) -> std::optional<std::string> {
                          looked_at.push_back(name);
                          const auto found = symlinks.find(name);
                          return found == symlinks.end() ? std::nullopt : std::optional(found->second);
                        });
  }
};

TEST(ResolvedPath, APathWithoutSymlinksStaysAsItIs) {
  const ResolvedPath resolved = Walk{.symlinks = {}}.to("/srv/data/");
  EXPECT_EQ(resolved.path, "/srv/data");
  EXPECT_TRUE(resolved.whole);
  EXPECT_EQ(Walk{.symlinks = {}}.to("/").path, "/");
}

TEST(ResolvedPath, SymlinksAreFollowedWhetherAbsoluteOrRelative) {
  Walk walk{.symlinks = {{"/data", "/srv/./real"}, {"/srv/real/up", "../other//"}}};
  EXPECT_EQ(walk.to("/data/app").path, "/srv/real/app");
  EXPECT_EQ(walk.to("/data/up/app").path, "/srv/other/app");
}

TEST(ResolvedPath, ASymlinkIntoANetworkFilesystemLeadsThere) {
  Walk walk{.symlinks = {{"/data", "/mnt/nfs/app"}}};
  EXPECT_EQ(walk.to("/data/db").path, "/mnt/nfs/app/db");
}

TEST(ResolvedPath, NothingIsAskedOfAFilesystemThatMayNotAnswer) {
  Walk walk{.symlinks = {{"/mnt/nfs/app", "/srv"}, {"/mnt/bindfs/app", "/srv"}}};
  EXPECT_FALSE(walk.to("/mnt/nfs/app/db").whole);
  EXPECT_FALSE(walk.to("/mnt/bindfs/app").whole);
  EXPECT_THAT(walk.looked_at, Not(Contains("/mnt/nfs/app")));
  EXPECT_THAT(walk.looked_at, Not(Contains("/mnt/bindfs/app")));
  EXPECT_THAT(walk.looked_at, Not(Contains("/mnt/nfs"))) << "a look at the mount itself waits for its server";
}

TEST(ResolvedPath, ACircleOfSymlinksEndsAndIsNotWhole) {
  Walk walk{.symlinks = {{"/a", "/b"}, {"/b", "/a"}}};
  EXPECT_FALSE(walk.to("/a/x").whole);
}

TEST(ResolvedPath, WithoutAWayToReadSymlinksNoPathIsWhole) {
  const MountTable mounts(parse_mountinfo(kMounts));
  EXPECT_FALSE(resolve_path("/srv", mounts, knowledge::embedded_catalog(), {}).whole);
}

}  // namespace
}  // namespace walguard::docker
