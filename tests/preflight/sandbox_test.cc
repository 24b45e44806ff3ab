#include "preflight/agent/sandbox.h"

#include <gtest/gtest.h>

#include "preflight/mountinfo/mountinfo.h"

namespace walguard::preflight {
namespace {

using mountinfo::parse_mountinfo;

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
                      .mounts = parse_mountinfo(
                          "1 1 0:1 / / rw - ext4 /dev/root rw\n2 1 0:2 / /srv rw - nfs4 s:/e rw\n")}),
      "");
  EXPECT_EQ(detect_sandbox({}), "");
}

}  // namespace
}  // namespace walguard::preflight
