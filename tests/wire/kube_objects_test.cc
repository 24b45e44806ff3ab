#include "operator/wire/kube_objects.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::wire {
namespace {

using core::AccessMode;
using core::VolumeKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

core::ClusterState state_of(std::string_view yaml) {
  core::ClusterState state;
  const auto counts = add_kube_objects(yaml, "state.yaml", state);
  EXPECT_TRUE(counts) << counts.error().text();
  return state;
}

std::string error_of(std::string_view yaml) {
  core::ClusterState state;
  const auto counts = add_kube_objects(yaml, "state.yaml", state);
  return counts ? "no error" : counts.error().text();
}

TEST(KubeObjects, AStorageClass) {
  const auto state = state_of(R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: fast
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: ebs.csi.aws.com
parameters: {type: gp3, iops: "3000"}
mountOptions: [noatime, nolock]
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Retain
allowVolumeExpansion: true
)");
  const core::StorageClass* storage_class = state.storage_class("fast");
  ASSERT_NE(storage_class, nullptr);
  EXPECT_EQ(storage_class->provisioner, "ebs.csi.aws.com");
  EXPECT_THAT(storage_class->parameters, ElementsAre(Pair("iops", "3000"), Pair("type", "gp3")));
  EXPECT_THAT(storage_class->mount_options, ElementsAre("noatime", "nolock"));
  EXPECT_TRUE(storage_class->wait_for_first_consumer);
  EXPECT_TRUE(storage_class->retain);
  EXPECT_EQ(state.default_storage_class(), storage_class);
}

TEST(KubeObjects, ACsiPersistentVolume) {
  const auto state = state_of(R"(
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-1}
spec:
  capacity: {storage: 1Gi}
  storageClassName: fast
  accessModes: [ReadWriteOnce]
  mountOptions: [hard]
  volumeMode: Filesystem
  csi:
    driver: ebs.csi.aws.com
    volumeHandle: vol-1
    fsType: ext4
    volumeAttributes: {a: b}
)");
  const core::PersistentVolume* volume = state.persistent_volume("pv-1");
  ASSERT_NE(volume, nullptr);
  EXPECT_EQ(volume->storage_class, "fast");
  EXPECT_THAT(volume->access_modes, ElementsAre(AccessMode::kReadWriteOnce));
  EXPECT_THAT(volume->mount_options, ElementsAre("hard"));
  EXPECT_EQ(volume->kind, VolumeKind::kInline);
  EXPECT_EQ(volume->driver, "ebs.csi.aws.com");
  EXPECT_EQ(volume->volume_handle, "vol-1");
  EXPECT_EQ(volume->fs_type, "ext4");
  EXPECT_THAT(volume->attributes, ElementsAre(Pair("a", "b")));
  EXPECT_EQ(volume->pinned_hostname, std::nullopt);
}

TEST(KubeObjects, ALocalPersistentVolumeIsPinnedToItsNode) {
  const auto state = state_of(R"(
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-1}
spec:
  volumeMode: Block
  local: {path: /mnt/disk, fsType: xfs}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions:
        - {key: kubernetes.io/hostname, operator: In, values: [node-1]}
)");
  const core::PersistentVolume* volume = state.persistent_volume("pv-1");
  ASSERT_NE(volume, nullptr);
  EXPECT_EQ(volume->kind, VolumeKind::kInline);
  EXPECT_EQ(volume->driver, "local");
  EXPECT_EQ(volume->path, "/mnt/disk");
  EXPECT_EQ(volume->volume_mode, core::VolumeMode::kBlock);
  EXPECT_EQ(volume->pinned_hostname, "node-1");
}

TEST(KubeObjects, HostPathAndNfsPersistentVolumes) {
  const auto state = state_of(R"(
{apiVersion: v1, kind: PersistentVolume, metadata: {name: host}, spec: {hostPath: {path: /data}}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: net}, spec: {nfs: {server: s, path: /export}}}
)");
  EXPECT_EQ(state.persistent_volume("host")->kind, VolumeKind::kHostPath);
  EXPECT_EQ(state.persistent_volume("host")->path, "/data");
  EXPECT_EQ(state.persistent_volume("net")->driver, "nfs");
  EXPECT_EQ(state.persistent_volume("net")->path, "");
}

TEST(KubeObjects, ClaimsNodesRuntimesDriversAndNamespaces) {
  const auto state = state_of(R"(
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: team-a}
spec: {storageClassName: fast, accessModes: [ReadWriteOncePod], volumeName: pv-1, resources: {}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: loose}
spec: {}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {kubernetes.io/hostname: host-1}}
status: {nodeInfo: {kernelVersion: 6.1.0, operatingSystem: linux}}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata-qemu
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: nfs.csi.k8s.io}
spec: {attachRequired: no}
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: ebs.csi.aws.com}
spec: {}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-a, labels: {walguard/mode: enforce}}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-b, labels: {walguard/ignore: "true"}}
)");
  const auto* claim = state.claim("team-a", "data");
  ASSERT_NE(claim, nullptr);
  EXPECT_EQ(claim->spec.storage_class, "fast");
  EXPECT_EQ(claim->spec.volume_name, "pv-1");
  EXPECT_THAT(claim->spec.access_modes, ElementsAre(AccessMode::kReadWriteOncePod));
  EXPECT_NE(state.claim("default", "loose"), nullptr) << "no namespace means default, as for kubectl";
  EXPECT_EQ(state.node("n1")->hostname, "host-1");
  EXPECT_EQ(state.node("n1")->kernel_release, "6.1.0");
  EXPECT_EQ(state.node("n1")->os, "linux");
  EXPECT_EQ(state.runtime_class("kata")->handler, "kata-qemu");
  EXPECT_FALSE(state.csi_driver("nfs.csi.k8s.io")->attach_required);
  EXPECT_TRUE(state.csi_driver("ebs.csi.aws.com")->attach_required) << "the API's default";
  EXPECT_EQ(state.namespace_object("team-a")->mode, core::Mode::kEnforce);
  EXPECT_FALSE(state.namespace_object("team-a")->ignored);
  EXPECT_EQ(state.namespace_object("team-b")->mode, std::nullopt);
  EXPECT_TRUE(state.namespace_object("team-b")->ignored);
}

std::string pod_in_phase(std::string_view phase) {
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p-" + std::string(phase) +
         ", namespace: a}\nspec:\n  nodeName: n1\n  volumes:\n  - name: d\n    persistentVolumeClaim: "
         "{claimName: c}\nstatus: {phase: " +
         std::string(phase) + "}\n";
}

TEST(KubeObjects, PodsThatHaveEndedAreLeftOut) {
  core::ClusterState state;
  const auto counts = add_kube_objects(
      pod_in_phase("Running") + pod_in_phase("Succeeded") + pod_in_phase("Failed") + pod_in_phase("Pending"),
      "pods.yaml", state);
  ASSERT_TRUE(counts) << counts.error().text();
  EXPECT_EQ(counts->added, 2U);
  EXPECT_EQ(counts->ignored, 2U);
  const auto pods = state.pods_of_claim("a", "c");
  ASSERT_EQ(pods.size(), 2U);
  EXPECT_EQ(pods[0]->spec.node_name, "n1");
}

TEST(KubeObjects, ListsAreOpenedWhateverTheirForm) {
  const auto state = state_of(R"(
kind: List
apiVersion: v1
items:
- metadata: {name: a}
  kind: Namespace
  apiVersion: v1
- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}
---
kind: NamespaceList
apiVersion: v1
items:
- metadata: {name: b}
- metadata: {name: c}
---
{"kind": "PodList", "apiVersion": "v1", "items": null}
)");
  EXPECT_NE(state.namespace_object("a"), nullptr);
  EXPECT_NE(state.namespace_object("b"), nullptr);
  EXPECT_NE(state.namespace_object("c"), nullptr);
}

TEST(KubeObjects, OtherKindsAreCountedAndIgnored) {
  core::ClusterState state;
  const auto counts = add_kube_objects(
      "kind: Service\napiVersion: v1\n---\nkind: Node\napiVersion: metrics.k8s.io/v1\nmetadata: {name: x}\n",
      "x.yaml", state);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->added, 0U);
  EXPECT_EQ(counts->ignored, 2U);
  EXPECT_EQ(state.size(), 0U);
}

TEST(KubeObjects, ErrorsNameFileLineObjectFieldValueAndRemedy) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"hello\n", "state.yaml:1: expected an object"},
      {"a: 1\n", "state.yaml:1: kind: missing; a Kubernetes object needs it"},
      {"kind: 5\n", "state.yaml:1: kind: expected a string, found the number 5; put it in quotes"},
      {"kind: Namespace\napiVersion: v1\nmetadata:\n  labels: {}\n",
       "state.yaml:4: Namespace: metadata.name: missing; every object needs it"},
      {"# c\nkind: Namespace\napiVersion: v1\nmetadata:\n  name: a\n  labels:\n    walguard/mode: enforced\n",
       "state.yaml:7: Namespace \"a\": metadata.labels[\"walguard/mode\"]: unknown mode \"enforced\"; use "
       "off, audit, "
       "warn, gate or enforce"},
      {"kind: Namespace\napiVersion: v1\nmetadata:\n  name: a\n  labels:\n    x: z\n    walguard/mode: off\n",
       "state.yaml:7: Namespace \"a\": metadata.labels[\"walguard/mode\"]: expected a string, found the "
       "boolean false; "
       "put it in quotes"},
      {"kind: A\n---\nkind: StorageClass\napiVersion: storage.k8s.io/v1\nmetadata: {name: s}\n",
       "state.yaml:3: document 2: StorageClass \"s\": provisioner: missing; a StorageClass needs it"},
      {"kind: StorageClass\napiVersion: storage.k8s.io/v1\nmetadata: {name: s}\nprovisioner: "
       "x\nparameters:\n  iops: "
       "3000\n",
       "state.yaml:6: StorageClass \"s\": parameters.iops: expected a string, found the number 3000; put it "
       "in quotes"},
      {"kind: PersistentVolume\napiVersion: v1\nmetadata: {name: p}\nspec:\n  accessModes:\n  - "
       "ReadWriteOnce\n  - "
       "RWX\n",
       "state.yaml:7: PersistentVolume \"p\": spec.accessModes[1]: unknown access mode \"RWX\""},
      {"kind: PersistentVolume\napiVersion: v1\nmetadata: {name: p}\nspec:\n  nfs: {path: /}\n  hostPath: "
       "{path: /}\n",
       "state.yaml:6: PersistentVolume \"p\": spec.hostPath: a second source of one volume"},
      {"kind: PersistentVolume\napiVersion: v1\nmetadata: {name: p}\n",
       "PersistentVolume \"p\": spec: missing"},
      {"kind: PersistentVolumeClaim\napiVersion: v1\nmetadata: {name: p}\n",
       "PersistentVolumeClaim \"p\": spec: missing"},
      {"kind: RuntimeClass\napiVersion: node.k8s.io/v1\nmetadata: {name: r}\n",
       "RuntimeClass \"r\": handler: missing; a RuntimeClass needs it"},
      {"kind: CSIDriver\napiVersion: storage.k8s.io/v1\nmetadata: {name: d}\nspec:\n  attachRequired: "
       "\"no\"\n",
       "state.yaml:5: CSIDriver \"d\": spec.attachRequired: expected true or false, found a string"},
      {"kind: Node\napiVersion: v1\nmetadata: {name: n1, labels: {kubernetes.io/hostname: 5}}\n",
       "state.yaml:3: Node \"n1\": metadata.labels[\"kubernetes.io/hostname\"]: expected a string, found the "
       "number 5"},
      {"kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    "
       "volumeMounts:\n    - "
       "name: v\n      mountPath: 5\n",
       "state.yaml:9: Pod \"p\": spec.containers[0].volumeMounts[0].mountPath: expected a string, found the "
       "number 5"},
      {"kind: Pod\napiVersion: v1\nmetadata: {name: p}\n", "Pod \"p\": spec: missing; a pod needs it"},
      {"kind: Pod\napiVersion: v1\nspec: {}\n", "Pod: metadata.name: missing"},
      {"kind: List\napiVersion: v1\nitems:\n- kind: A\n- 5\n",
       "state.yaml:5: List: items[1]: expected an object, found the number 5"},
      {"kind: List\napiVersion: v1\nitems:\n- kind: A\n- {}\n", "state.yaml:5: items[1].kind: missing"},
      {"kind: List\napiVersion: v1\nitems: 5\n", "state.yaml:3: List: items: expected an array"},
      {"a: [\n", "state.yaml:2: not valid YAML"},
  };
  for (const auto& [yaml, message] : bad) {
    EXPECT_THAT(error_of(yaml), HasSubstr(message)) << yaml;
  }
}

}  // namespace
}  // namespace walguard::wire
