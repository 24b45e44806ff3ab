/// The objects of a cluster, reduced to the fields that the judgement reads. Plain data; filled by `wire`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

struct StorageClass {
  std::string name;
  std::string provisioner;
  StringMap parameters;
  std::string parameters_digest;  ///< of all names and values: they may hold a password; "" for none
  std::vector<std::string> mount_options;
  bool wait_for_first_consumer = false;
  bool retain = false;
  bool is_default = false;
};

struct PersistentVolume {
  std::string name;
  std::string storage_class;
  std::vector<AccessMode> access_modes;
  std::vector<std::string> mount_options;
  VolumeMode volume_mode = VolumeMode::kFilesystem;
  VolumeKind kind =
      VolumeKind::kUnknown;  ///< kHostPath, kInline (csi and in-tree drivers); `local` is kInline
  std::string driver;        ///< CSI driver name or the in-tree source's key ("nfs", "local", ...)
  std::string volume_handle;
  std::string provisioned_by;  ///< annotation pv.kubernetes.io/provisioned-by; empty: made by hand
  StringMap attributes;
  std::string fs_type;
  std::string path;                            ///< hostPath and local
  std::optional<std::string> pinned_hostname;  ///< nodeAffinity leaves just this hostname
};

struct PersistentVolumeClaim {
  std::string namespace_name;
  std::string name;
  ClaimSpec spec;
};

struct Node {
  std::string name;
  std::string hostname;  ///< label kubernetes.io/hostname
  std::string kernel_release;
  std::string os;
};

struct RuntimeClass {
  std::string name;
  std::string handler;
};

struct CsiDriver {
  std::string name;
  bool attach_required = true;  ///< CSIDriver.spec.attachRequired; the API's default is true
};

struct Namespace {
  std::string name;
  std::optional<Mode> mode;  ///< label walguard/mode
  bool ignored = false;      ///< label walguard/ignore
  StringMap labels = {};     ///< all of them: policies choose namespaces by any
};

/// A pod that is not yet Succeeded or Failed; a terminating one still writes.
struct RunningPod {
  std::string namespace_name;
  std::string name;
  std::string uid = {};
  Annotations annotations = {};
  std::string owner_kind = {};  ///< of the controlling owner, "" when none
  bool being_deleted = false;
  PodSpec spec = {};
};

/// The pod as a workload that can be judged.
[[nodiscard]] Workload workload_of(const RunningPod& pod);

/// What a pod is called that stands for those which the workload would make: a name that no pod can have, so
/// that it takes the place of none.
[[nodiscard]] std::string stand_in_name(const Workload& workload);

/// autoscaling/v2 HorizontalPodAutoscaler: how far it may scale what.
struct Autoscaler {
  std::string namespace_name;
  std::string name;
  std::optional<WorkloadKind> target_kind;  ///< nullopt: of a kind that is not judged
  std::string target_name;
  std::int64_t most_replicas = 1;
};

/// What can be held of a cluster; each is one resource of the API.
enum class ClusterKind : std::uint8_t {
  kPods,
  kClaims,
  kVolumes,
  kStorageClasses,
  kCsiDrivers,
  kNodes,
  kRuntimeClasses,
  kNamespaces,
  kDeployments,
  kStatefulSets,
  kDaemonSets,
  kReplicaSets,
  kJobs,
  kCronJobs,
  kAutoscalers,
};
inline constexpr std::size_t kClusterKindCount = 15;

/// "pods", "persistentvolumeclaims", ...: the API's plural, for logs and metrics.
[[nodiscard]] std::string_view name(ClusterKind kind);

/// A Workload here is one with a template: never a pod.
using ClusterObject = std::variant<RunningPod, PersistentVolumeClaim, PersistentVolume, StorageClass,
                                   CsiDriver, Node, RuntimeClass, Namespace, Workload, Autoscaler>;

/// Of a workload kind; kPod is kPods.
[[nodiscard]] ClusterKind cluster_kind(WorkloadKind kind);

}  // namespace walguard::core
