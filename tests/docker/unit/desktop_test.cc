// Engines that live in a virtual machine: what /info and mountinfo say there, after the public formats.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/verdict.h"
#include "operator/docker/plugin_judge.h"
#include "tests/docker/unit/scene.h"

namespace walguard::docker::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kDesktopInfo =
    R"({"OperatingSystem":"Docker Desktop","KernelVersion":"6.6.12-linuxkit","Name":"docker-desktop",)"
    R"("DefaultRuntime":"runc","DockerRootDir":"/var/lib/docker","DriverStatus":[["Backing Filesystem","extfs"]]})";

constexpr std::string_view kDesktopVirtiofs =
    "20 1 0:20 / / ro - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n"
    "21 20 254:1 / /var/lib rw,relatime - ext4 /dev/vda1 rw,discard\n"
    "22 20 0:40 / /host_mnt rw,relatime - virtiofs host_mark rw\n"
    "23 20 0:41 / /run/host_virtiofs rw,relatime - virtiofs virtiofs0 rw\n";

constexpr std::string_view kDesktopGrpcFuse =
    "20 1 0:20 / / ro - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n"
    "21 20 254:1 / /var/lib rw,relatime - ext4 /dev/vda1 rw,discard\n"
    "22 20 0:40 / /host_mnt rw,nosuid,nodev,relatime - fuse.grpcfuse grpcfuse "
    "rw,user_id=0,group_id=0,allow_other,max_read=1048576\n";

constexpr std::string_view kWslInfo =
    R"info({"OperatingSystem":"Ubuntu 22.04.4 LTS","KernelVersion":"5.15.153.1-microsoft-standard-WSL2",)info"
    R"info("Name":"laptop","DefaultRuntime":"runc","DockerRootDir":"/var/lib/docker",)info"
    R"info("DriverStatus":[["Backing Filesystem","extfs"]]})info";

constexpr std::string_view kWsl =
    "60 1 8:32 / / rw,relatime - ext4 /dev/sdc rw,discard,errors=remount-ro,data=ordered\n"
    "75 60 0:60 / /mnt/c rw,noatime - 9p C:\\134 "
    "rw,dirsync,aname=drvfs;path=C:\\134;uid=1000,mmap,access=client\n"
    "76 60 0:61 / /mnt/d rw,noatime - drvfs D:\\134 rw\n";

constexpr std::string_view kColimaInfo =
    R"info({"OperatingSystem":"Ubuntu 24.04 LTS","KernelVersion":"6.8.0-39-generic","Name":"colima",)info"
    R"info("DefaultRuntime":"runc","DockerRootDir":"/var/lib/docker",)info"
    R"info("DriverStatus":[["Backing Filesystem","extfs"]]})info";

constexpr std::string_view kColimaVirtiofs =
    "25 1 253:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
    "40 25 0:50 / /Users/me rw,relatime - virtiofs mount0 rw\n";
constexpr std::string_view kLima9p =
    "25 1 253:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
    "40 25 0:50 / /Users/me rw,relatime - 9p mount0 rw,dirsync,access=client,msize=131072,trans=virtio\n";
constexpr std::string_view kLimaSshfs =
    "25 1 253:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
    "40 25 0:50 / /Users/me rw,nosuid,nodev,relatime - fuse.sshfs :/Users/me rw,user_id=501,group_id=1000\n";

PluginAnswer bind_on(std::string_view info, std::string_view mounts, std::string_view bind) {
  Scene scene;
  return scene.info(info).mounts(mounts).create(container_of("a", {std::string(bind)}));
}

void expect_vm_share(const PluginAnswer& answer) {
  EXPECT_FALSE(answer.allow);
  EXPECT_EQ(answer.rule, "vm-shared-filesystem");
}

TEST(Desktop, AFolderOfTheOuterMachineIsAShareUnderVirtiofsAndUnderGrpcFuse) {
  expect_vm_share(bind_on(kDesktopInfo, kDesktopVirtiofs, "/host_mnt/Users/me/app:/data"));
  expect_vm_share(bind_on(kDesktopInfo, kDesktopVirtiofs, "/run/host_virtiofs/Users/me:/data"));
  expect_vm_share(bind_on(kDesktopInfo, kDesktopGrpcFuse, "/host_mnt/Users/me/app:/data"));
}

TEST(Desktop, APathAsItsUserWritesItIsAShareThoughNothingIsMountedThere) {
  expect_vm_share(bind_on(kDesktopInfo, kDesktopVirtiofs, "/Users/me/app:/data"));
}

TEST(Desktop, AVolumeInsideTheMachineIsOnItsOwnDisk) {
  const PluginAnswer answer = bind_on(kDesktopInfo, kDesktopVirtiofs, "app:/data");
  EXPECT_TRUE(answer.allow);
  EXPECT_EQ(answer.verdict, core::Verdict::kSafe);
}

TEST(Desktop, WhereTheMountsAreNotSeenABindIsAShareAndAVolumeIsToBeMeasured) {
  Scene scene;
  scene.info(kDesktopInfo).no_mounts();
  expect_vm_share(scene.create(container_of("a", {"/home/me/app:/data"})));
  const PluginAnswer volume = scene.create(container_of("b", {"app:/data"}));
  EXPECT_TRUE(volume.allow);
  EXPECT_EQ(volume.verdict, core::Verdict::kUnproven);
  EXPECT_EQ(volume.rule, "evidence-missing");
}

TEST(Desktop, ADriveOfWindowsIsAShareAndAPathOfWsl2sOwnDiskIsNot) {
  expect_vm_share(bind_on(kWslInfo, kWsl, "/mnt/c/Users/me/app:/data"));
  expect_vm_share(bind_on(kWslInfo, kWsl, "/mnt/d/app:/data"));
  EXPECT_EQ(bind_on(kWslInfo, kWsl, "/home/me/app:/data").verdict, core::Verdict::kSafe);
}

TEST(Desktop, ColimaAndLimaShareTheHomeFolderBySeveralMeansOfWhichNoneIsSafe) {
  expect_vm_share(bind_on(kColimaInfo, kColimaVirtiofs, "/Users/me/app:/data"));
  expect_vm_share(bind_on(kColimaInfo, kLima9p, "/Users/me/app:/data"));
  const PluginAnswer sshfs = bind_on(kColimaInfo, kLimaSshfs, "/Users/me/app:/data");
  EXPECT_FALSE(sshfs.allow);
  EXPECT_EQ(bind_on(kColimaInfo, kLimaSshfs, "app:/data").verdict, core::Verdict::kSafe);
}

TEST(Desktop, OnPlainLinuxWithoutTheMountsInViewNothingIsSafeAndTheReasonIsSaid) {
  Scene scene;
  scene.no_mounts();
  const PluginAnswer bind = scene.create(container_of("a", {"/srv/app:/data"}));
  EXPECT_TRUE(bind.allow);
  EXPECT_EQ(bind.verdict, core::Verdict::kUnproven);
  EXPECT_THAT(bind.message, HasSubstr("walguard does not see what the engine's machine has mounted"));
  EXPECT_EQ(scene.create(container_of("b", {"app:/data"})).verdict, core::Verdict::kUnproven);
}

TEST(Desktop, OnPlainLinuxAMacsPathIsAFolderLikeAnyOther) {
  Scene scene;
  EXPECT_EQ(scene.create(container_of("a", {"/Users/me/app:/data"})).verdict, core::Verdict::kSafe);
}

}  // namespace
}  // namespace walguard::docker::testing
