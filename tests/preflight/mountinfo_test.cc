#include "preflight/agent/mountinfo.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace walguard::preflight {
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

TEST(Mountinfo, ReadsEveryFieldThatIsUsed) {
  const std::vector<Mount> mounts = parse_mountinfo(kTable);
  ASSERT_EQ(mounts.size(), 6U);
  const Mount expected{.device = "0:40",
                       .mount_point = "/mnt/nfs",
                       .options = "rw,relatime",
                       .fstype = "nfs4",
                       .source = "server:/export",
                       .super_options = "rw,vers=4.2,local_lock=none"};
  EXPECT_EQ(mounts[2], expected);
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

TEST(DetectSandbox, KnowsGvisorByTheKernelItPlaysOrByItsLog) {
  EXPECT_EQ(detect_sandbox({.proc_version = "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016"}),
            "gvisor");
  EXPECT_EQ(
      detect_sandbox({.proc_version = "Linux version 6.1.0",
                      .kernel_log = "[    0.000000] Starting gVisor...\n[    0.4] Recruiting cron-ies"}),
      "gvisor");
}

TEST(DetectSandbox, KnowsKataByItsShareOrByWhatItBootsInto) {
  EXPECT_EQ(detect_sandbox({.mounts = parse_mountinfo("1 1 0:1 / / rw - virtiofs kataShared rw\n")}), "kata");
  EXPECT_EQ(detect_sandbox({.command_line = "quiet systemd.unit=kata-containers.target agent.log=debug"}),
            "kata");
}

TEST(DetectSandbox, SeesNoneOnAnOrdinaryMachine) {
  EXPECT_EQ(
      detect_sandbox({.proc_version = "Linux version 4.4.0-210-generic (builder)",
                      .command_line = "BOOT_IMAGE=/vmlinuz root=/dev/sda1",
                      .kernel_log = "[    0.0] Linux version 4.4.0\n[   99.1] somebody said: Starting gVisor",
                      .mounts = parse_mountinfo(kTable)}),
      "");
  EXPECT_EQ(detect_sandbox({}), "");
}

}  // namespace
}  // namespace walguard::preflight
