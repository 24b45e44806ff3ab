#include "operator/core/preflight_resource.h"

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/storage.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

TEST(PreflightResource, AFreshClaimIsMeasuredUnderTheKeyThatTheJudgementAsksFor) {
  for (const char* const fs_type_parameter : {"csi.storage.k8s.io/fstype", "fsType", "fstype", "tier"}) {
    StorageClass storage_class;
    storage_class.name = "fast";
    storage_class.provisioner = "fast.csi.example.com";
    storage_class.parameters = {{fs_type_parameter, "xfs"}, {"zone", "a"}};
    storage_class.parameters_digest = "d1";
    storage_class.mount_options = {"noatime", "discard"};
    ClusterState cluster;
    cluster.add(storage_class);
    PersistentVolumeClaim claim;
    claim.namespace_name = "team";
    claim.name = "data";
    claim.spec.storage_class = "fast";
    claim.spec.access_modes = {AccessMode::kReadWriteOncePod};
    cluster.add(claim);
    Volume volume;
    volume.kind = VolumeKind::kClaim;
    volume.claim = "data";
    const Catalog catalog({}, {}, {});
    VolumeFacts facts;
    describe_storage(facts, view_storage("team", volume, cluster, catalog));
    EXPECT_EQ(class_key(storage_class, "", AccessMode::kReadWriteOnce), facts.key) << fs_type_parameter;
  }
}

TEST(PreflightResource, AConditionKeepsItsTimeWhileItsTruthStays) {
  PreflightStatus status;
  set_condition(status, kConditionMeasured, false, "Waiting", "", 100);
  set_condition(status, kConditionMeasured, false, "Running", "", 200);
  ASSERT_EQ(status.conditions.size(), 1U);
  EXPECT_EQ(status.conditions.front().since, 100);
  EXPECT_EQ(status.conditions.front().reason, "Running");
  set_condition(status, kConditionMeasured, true, "Safe", "", 300);
  EXPECT_EQ(status.conditions.front().since, 300);
}

}  // namespace
}  // namespace walguard::core
