#include "operator/core/resolve.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/databases.h"
#include "operator/core/evidence.h"
#include "operator/core/sharing.h"
#include "operator/core/storage.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// Whether this pod is the StatefulSet replica that the claim was made for: Kubernetes names such a claim
/// TEMPLATE-POD (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage).
bool claim_of_this_replica(const Workload& workload, const Volume& volume) {
  if (volume.from_template) return true;
  return workload.kind == WorkloadKind::kPod && workload.owner_kind == "StatefulSet" &&
         !workload.name.empty() && volume.claim.size() > workload.name.size() + 1 &&
         volume.claim.ends_with("-" + workload.name);
}

/// A StatefulSet names its pods NAME-ORDINAL.
bool own_replica(const Workload& workload, std::string_view pod) {
  if (workload.kind != WorkloadKind::kStatefulSet || !pod.starts_with(workload.name)) return false;
  pod.remove_prefix(workload.name.size());
  return pod.size() > 1 && pod.front() == '-' &&
         pod.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

using Pods = std::vector<const RunningPod*>;

/// Nobody else in view has the claim mounted.
bool no_strangers(const Workload& workload, const Pods& pods) {
  return std::ranges::all_of(pods, [&](const RunningPod* pod) {
    const bool own_name = pod->name == workload.name || own_replica(workload, pod->name);
    return own_name && pod->namespace_name == workload.namespace_name;
  });
}

/// Every pod in view that has the volume's storage mounted, under this claim or under another name for it.
Pods pods_on(const Workload& workload, const Volume& volume, const StorageView& storage,
             const ClusterState& cluster) {
  if (volume.kind == VolumeKind::kHostPath) return cluster.pods_of_host_path(volume.host_path);
  if (volume.kind != VolumeKind::kClaim) return {};
  if (volume.from_template) {
    return cluster.pods_of_numbered_claims(workload.namespace_name, volume.name + "-" + workload.name + "-");
  }
  Pods pods;
  const auto append = [&](std::string_view namespace_name, std::string_view claim) {
    const auto of_claim = cluster.pods_of_claim(namespace_name, claim);
    pods.insert(pods.end(), of_claim.begin(), of_claim.end());
  };
  append(workload.namespace_name, volume.claim);
  for (const PersistentVolumeClaim* claim : storage.other_claims) {
    append(claim->namespace_name, claim->name);
  }
  return pods;
}

std::optional<std::int64_t> autoscaled_to(const Workload& workload, const ClusterState& cluster) {
  return cluster.autoscaled_to(workload.kind, workload.namespace_name, workload.name);
}

/// A StatefulSet of one is the one replica count that bounds sharing: it promises at most one pod per
/// identity (https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/). Only of a
/// claim is it in view who else has it, and a pod that a scale-down still ends writes too.
bool owned_by_stateful_set_of_one(const Workload& workload, const Volume& volume, const Pods& pods,
                                  const ClusterState& cluster) {
  return workload.kind == WorkloadKind::kStatefulSet && workload.replicas.value_or(1) == 1 &&
         cluster.is_current(ClusterKind::kAutoscalers) && autoscaled_to(workload, cluster).value_or(1) <= 1 &&
         volume.kind == VolumeKind::kClaim && pods.size() <= 1 && no_strangers(workload, pods);
}

std::optional<std::string> pinned_to(const Workload& workload, const ClusterState& cluster) {
  if (workload.pod.pinned_hostname) return workload.pod.pinned_hostname;
  // The scheduler fills in nodeName too; only of a pod without a controller is it the author's word and
  // final.
  if (workload.pod.node_name.empty() || !workload.owner_kind.empty()) return std::nullopt;
  const Node* node = cluster.node(workload.pod.node_name);
  return node == nullptr || node->hostname.empty() ? workload.pod.node_name : node->hostname;
}

bool all_pinned_together(const Workload& workload, const Pods& others, const ClusterState& cluster) {
  const auto own = pinned_to(workload, cluster);
  return own &&
         std::ranges::all_of(others, [&](const RunningPod* pod) { return pod->spec.pinned_hostname == own; });
}

bool per_replica(const Workload& workload, const Volume& volume) {
  return claim_of_this_replica(workload, volume) || volume.kind == VolumeKind::kGenericEphemeral;
}

/// nullopt where the spec does not tell: a pod does not know its siblings.
std::optional<std::int64_t> replicas_of(const Workload& workload) {
  switch (workload.kind) {
    case WorkloadKind::kDeployment:
    case WorkloadKind::kReplicaSet:
    case WorkloadKind::kStatefulSet:
      return workload.replicas.value_or(1);
    case WorkloadKind::kPod:
      return workload.owner_kind.empty() ? std::optional<std::int64_t>{1} : std::nullopt;
    case WorkloadKind::kDaemonSet:
      return 1;
    case WorkloadKind::kJob:  // spec.parallelism is not among what is read
    case WorkloadKind::kCronJob:
      return std::nullopt;
  }
  return std::nullopt;
}

bool is_daemon(const Workload& workload) {
  return workload.kind == WorkloadKind::kDaemonSet || workload.owner_kind == "DaemonSet";
}

/// A disk of the node is never the same files elsewhere; a path that is whatever was mounted there may well
/// be.
bool is_known_to_be_local(const VolumeFacts& facts) {
  const bool local = facts.transport == Transport::kLocalDisk || facts.transport == Transport::kMemory;
  return local && facts.transport_verified && !facts.proven_only_by_preflight;
}

void add_sharing(VolumeFacts& facts, const Workload& workload, const Volume& volume,
                 const StorageView& storage, const ClusterState& cluster) {
  const Pods others = pods_on(workload, volume, storage, cluster);
  facts.consumers_in_pod = count_consumers(workload.pod, volume.name);
  // Another claim on the same storage is a way in for pods that are not there yet.
  const bool one_way_in = storage.other_claims.empty();
  facts.per_replica_claim = per_replica(workload, volume) && one_way_in && no_strangers(workload, others);
  facts.pinned_to_node = pinned_to(workload, cluster).has_value() || storage.pinned_to_node;

  const SharingFacts sharing{
      .owned_by_one_pod = storage.one_pod_only || facts.per_replica_claim ||
                          (one_way_in && owned_by_stateful_set_of_one(workload, volume, others, cluster)),
      .single_attach = storage.single_attach,
      .volume_pinned_to_node = storage.pinned_to_node,
      .stays_on_one_node = is_known_to_be_local(facts),
      .pods_pinned_to_one_node = all_pinned_together(workload, others, cluster),
      .consumers_in_pod = facts.consumers_in_pod,
  };
  // Of an emptyDir the spec alone tells who shares it.
  facts.cluster_is_current = cluster.storage_is_current() || storage.built_in_transport.has_value();
  if (facts.cluster_is_current) facts.scope = sharing_scope(sharing);
  // What sharing.cc knows of runtimes is Linux.
  if (!workload.pod.windows) {
    facts.kernel_domain = kernel_domain(workload.pod.runtime_class, others, cluster);
    facts.other_kernels_known = every_kernel_known(others, cluster);
  }
}

void add_workload(VolumeFacts& facts, const Workload& workload, const StorageView& storage,
                  const ClusterState& cluster) {
  facts.workload = is_daemon(workload) ? WorkloadKind::kDaemonSet : workload.kind;
  facts.replicas = replicas_of(workload);
  facts.autoscaled_to = autoscaled_to(workload, cluster);
  facts.replaced_by_overlap = workload.kind == WorkloadKind::kDeployment && !workload.recreate_strategy &&
                              facts.binding != Binding::kNotAClaim && !storage.one_pod_only;
}

/// What is other files on another node was measured on one of them; where it is not known which one this will
/// be, nothing speaks for it.
void tie_to_node(EvidenceKey& key, const std::optional<std::string>& hostname) {
  if (key.volume.empty()) return;
  key.volume = hostname ? key.volume + "@" + *hostname : std::string{};
}

std::string runtime_in_key(const Workload& workload, const ClusterState& cluster) {
  if (workload.pod.windows) return "windows";
  const std::string& runtime_class = workload.pod.runtime_class;
  return runtime_handler(runtime_class, cluster).value_or(std::string(kUnknownRuntimePrefix) + runtime_class);
}

VolumeFacts facts_of(const Workload& workload, const Volume& volume, const DatabasesOnVolume& databases,
                     const ClusterState& cluster, const Catalog& catalog) {
  VolumeFacts facts;
  facts.volume = volume.name;
  facts.claim = volume.claim;
  facts.certainty = databases.certainty;
  facts.databases = databases.paths;
  facts.strategy = databases.strategy;
  facts.single_file_mount = databases.single_file_mount;
  facts.read_only = volume.read_only || databases.every_mount_read_only;

  const StorageView storage = view_storage(workload.namespace_name, volume, cluster, catalog);
  describe_storage(facts, storage);
  if (volume.kind == VolumeKind::kHostPath) facts.key.volume = "hostPath:" + volume.host_path;
  const auto complete = [&](EvidenceKey& key) {
    if (facts.differs_per_node && !storage.pinned_to_node) tie_to_node(key, pinned_to(workload, cluster));
    key.runtime_handler = runtime_in_key(workload, cluster);
  };
  complete(facts.key);
  if (facts.own_key) complete(*facts.own_key);
  add_sharing(facts, workload, volume, storage, cluster);
  add_workload(facts, workload, storage, cluster);
  return facts;
}

}  // namespace

std::vector<VolumeFacts> resolve(const Workload& workload, const ClusterState& cluster,
                                 const Catalog& catalog) {
  std::vector<VolumeFacts> all;
  for (const Volume& volume : workload.pod.volumes) {
    const DatabasesOnVolume databases = find_databases(workload, volume);
    if (databases.certainty == Certainty::kNone) continue;
    all.push_back(facts_of(workload, volume, databases, cluster, catalog));
  }
  return all;
}

}  // namespace walguard::core
