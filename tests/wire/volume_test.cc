// Every source of a volume, as a pod and as a workload's templates name them.
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using core::AccessMode;
using core::VolumeKind;
using test::Json;
using ::testing::ElementsAre;
using ::testing::Pair;

core::Volume volume_of(Json volume) {
  volume["name"] = "v";
  return test::pod_of({{"volumes", Json::array({volume})}}).volumes.at(0);
}

TEST(Volume, AClaim) {
  const auto volume = volume_of({{"persistentVolumeClaim", {{"claimName", "data"}, {"readOnly", true}}}});
  EXPECT_EQ(volume.name, "v");
  EXPECT_EQ(volume.kind, VolumeKind::kClaim);
  EXPECT_EQ(volume.claim, "data");
  EXPECT_TRUE(volume.read_only);
  EXPECT_FALSE(volume.from_template);
}

TEST(Volume, AGenericEphemeralOneHasItsClaimsSpec) {
  const auto volume = volume_of({{"ephemeral",
                                  {{"volumeClaimTemplate",
                                    {{"metadata", {{"labels", {{"a", "b"}}}}},
                                     {"spec",
                                      {{"storageClassName", "fast"},
                                       {"accessModes", {"ReadWriteOnce", "ReadWriteOncePod"}},
                                       {"volumeMode", "Block"},
                                       {"volumeName", "pv-1"}}}}}}}});
  EXPECT_EQ(volume.kind, VolumeKind::kGenericEphemeral);
  EXPECT_EQ(volume.claim_spec.storage_class, "fast");
  EXPECT_THAT(volume.claim_spec.access_modes,
              ElementsAre(AccessMode::kReadWriteOnce, AccessMode::kReadWriteOncePod));
  EXPECT_EQ(volume.claim_spec.volume_mode, core::VolumeMode::kBlock);
  EXPECT_EQ(volume.claim_spec.volume_name, "pv-1");
}

TEST(Volume, AnAbsentClassAndAnEmptyOneAreDifferent) {
  const auto class_of = [](Json spec) {
    return volume_of({{"ephemeral", {{"volumeClaimTemplate", {{"spec", std::move(spec)}}}}}})
        .claim_spec.storage_class;
  };
  EXPECT_EQ(class_of(Json::object()), std::nullopt);
  EXPECT_EQ(class_of({{"storageClassName", nullptr}}), std::nullopt);
  EXPECT_EQ(class_of({{"storageClassName", ""}}), "");
}

TEST(Volume, EmptyDirAndItsMemory) {
  EXPECT_EQ(volume_of({{"emptyDir", Json::object()}}).kind, VolumeKind::kEmptyDir);
  EXPECT_EQ(volume_of({{"emptyDir", {{"medium", ""}}}}).kind, VolumeKind::kEmptyDir);
  EXPECT_EQ(volume_of({{"emptyDir", {{"medium", "Memory"}}}}).kind, VolumeKind::kEmptyDirMemory);
  EXPECT_EQ(volume_of(Json::object()).kind, VolumeKind::kEmptyDir) << "the API's default";
}

TEST(Volume, AHostPath) {
  const auto volume = volume_of({{"hostPath", {{"path", "/var/lib/x"}, {"type", "File"}}}});
  EXPECT_EQ(volume.kind, VolumeKind::kHostPath);
  EXPECT_EQ(volume.host_path, "/var/lib/x");
  EXPECT_EQ(volume.host_path_type, "File");
}

TEST(Volume, AnInlineCsiDriver) {
  const auto volume = volume_of({{"csi",
                                  {{"driver", "x.csi.io"},
                                   {"fsType", "ext4"},
                                   {"readOnly", true},
                                   {"volumeAttributes", {{"share", "a"}, {"server", "b"}}}}}});
  EXPECT_EQ(volume.kind, VolumeKind::kInline);
  EXPECT_EQ(volume.driver, "x.csi.io");
  EXPECT_EQ(volume.fs_type, "ext4");
  EXPECT_TRUE(volume.read_only);
  EXPECT_THAT(volume.attributes, ElementsAre(Pair("server", "b"), Pair("share", "a")));
}

TEST(Volume, AFlexVolumeIsItsDriver) {
  EXPECT_EQ(volume_of({{"flexVolume", {{"driver", "ceph.rook.io/rook"}, {"fsType", "xfs"}}}}).driver,
            "ceph.rook.io/rook");
}

TEST(Volume, ProjectionsAreOfOneKind) {
  for (const char* source : {"configMap", "secret", "projected", "downwardAPI", "image"}) {
    EXPECT_EQ(volume_of({{source, {{"whatever", 5}}}}).kind, VolumeKind::kProjection) << source;
  }
}

TEST(Volume, TheInTreeSourcesAreTheirOwnDrivers) {
  for (const char* source :
       {"nfs", "iscsi", "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc", "flocker",
        "gcePersistentDisk", "glusterfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd",
        "scaleIO", "storageos", "vsphereVolume"}) {
    const auto volume = volume_of({{source, {{"path", "/export"}, {"fsType", "ext4"}}}});
    EXPECT_EQ(volume.kind, VolumeKind::kInline) << source;
    EXPECT_EQ(volume.driver, source);
    EXPECT_EQ(volume.fs_type, "ext4") << source;
    EXPECT_EQ(volume.host_path, "") << source << ": its path is not the host's";
  }
}

TEST(Volume, ASourceOfTheFutureIsUnknown) {
  EXPECT_EQ(volume_of({{"quantumFoam", {{"spin", 1}}}}).kind, VolumeKind::kUnknown);
}

TEST(Volume, TwoSourcesAreAnError) {
  const auto request = test::decode(test::review_of(test::pod(
      {{"volumes", Json::array({{{"name", "v"}, {"emptyDir", Json::object()}, {"nfs", Json::object()}}})}})));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().message,
            "request.object.spec.volumes[0].nfs: a second source of one volume; keep one");
}

}  // namespace
}  // namespace walguard::wire
