#include "operator/core/cluster_objects.h"

#include <string>
#include <string_view>

#include "operator/core/workload.h"

namespace walguard::core {

Workload workload_of(const RunningPod& pod) {
  Workload workload;
  workload.kind = WorkloadKind::kPod;
  workload.namespace_name = pod.namespace_name;
  workload.name = pod.name;
  workload.annotations = pod.annotations;
  workload.pod = pod.spec;
  workload.owner_kind = pod.owner_kind;
  workload.being_deleted = pod.being_deleted;
  return workload;
}

std::string_view name(ClusterKind kind) {
  switch (kind) {
    case ClusterKind::kPods:
      return "pods";
    case ClusterKind::kClaims:
      return "persistentvolumeclaims";
    case ClusterKind::kVolumes:
      return "persistentvolumes";
    case ClusterKind::kStorageClasses:
      return "storageclasses";
    case ClusterKind::kCsiDrivers:
      return "csidrivers";
    case ClusterKind::kNodes:
      return "nodes";
    case ClusterKind::kRuntimeClasses:
      return "runtimeclasses";
    case ClusterKind::kNamespaces:
      return "namespaces";
    case ClusterKind::kDeployments:
      return "deployments";
    case ClusterKind::kStatefulSets:
      return "statefulsets";
    case ClusterKind::kDaemonSets:
      return "daemonsets";
    case ClusterKind::kReplicaSets:
      return "replicasets";
    case ClusterKind::kJobs:
      return "jobs";
    case ClusterKind::kCronJobs:
      return "cronjobs";
    case ClusterKind::kAutoscalers:
      return "horizontalpodautoscalers";
  }
  return "";
}

ClusterKind cluster_kind(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::kPod:
      return ClusterKind::kPods;
    case WorkloadKind::kDeployment:
      return ClusterKind::kDeployments;
    case WorkloadKind::kStatefulSet:
      return ClusterKind::kStatefulSets;
    case WorkloadKind::kDaemonSet:
      return ClusterKind::kDaemonSets;
    case WorkloadKind::kReplicaSet:
      return ClusterKind::kReplicaSets;
    case WorkloadKind::kJob:
      return ClusterKind::kJobs;
    case WorkloadKind::kCronJob:
      return ClusterKind::kCronJobs;
  }
  return ClusterKind::kPods;
}

std::string stand_in_name(const Workload& workload) {
  return std::string(name(cluster_kind(workload.kind))) + "/" + workload.name;
}

}  // namespace walguard::core
