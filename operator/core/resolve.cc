#include "operator/core/resolve.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/consumers.h"
#include "operator/core/databases.h"
#include "operator/core/evidence.h"
#include "operator/core/pod_mounts.h"
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

/// A pod that this workload has made, by its name: only of a StatefulSet's is the whole name known.
bool is_own(const Workload& workload, const RunningPod& pod) {
  if (pod.namespace_name != workload.namespace_name) return false;
  if (pod.name == workload.name || pod.name == stand_in_name(workload) || own_replica(workload, pod.name)) {
    return true;
  }
  return workload.kind != WorkloadKind::kPod && !pod.owner_kind.empty() &&
         pod.name.starts_with(workload.name + "-");
}

int count_others(const Workload& workload, const Pods& pods) {
  return static_cast<int>(
      std::ranges::count_if(pods, [&](const RunningPod* pod) { return !is_own(workload, *pod); }));
}

bool is_only_read(const PodSpec& pod, const Volume& volume, const std::vector<std::string>& readers) {
  if (readers.empty()) return false;
  return std::ranges::none_of(pod.containers, [&](const Container& container) {
    if (container.role == ContainerRole::kInit || volume.read_only) return false;
    return std::ranges::any_of(container.mounts, [&](const VolumeMount& mount) {
      return mount.volume == volume.name && !mount.read_only;
    });
  });
}

/// By its own word, or because the node that it is on is one.
bool is_for_windows(const Workload& workload, const ClusterState& cluster) {
  if (workload.pod.windows) return true;
  const Node* node = workload.pod.node_name.empty() ? nullptr : cluster.node(workload.pod.node_name);
  return node != nullptr && node->os == "windows";
}

std::optional<std::int64_t> autoscaled_to(const Workload& workload, const ClusterState& cluster) {
  return cluster.autoscaled_to(workload.kind, workload.namespace_name, workload.name);
}

/// A StatefulSet of one is the one replica count that bounds sharing: it promises at most one pod per
/// identity (https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/). Only of a
/// claim is it in view who else has it, and a pod that a scale-down still ends writes too.
/// nullopt: as far as is in view, and what scales it is not.
std::optional<bool> owned_by_stateful_set_of_one(const Workload& workload, const Volume& volume,
                                                 const Pods& pods, const ClusterState& cluster) {
  const bool alone = workload.kind == WorkloadKind::kStatefulSet && workload.replicas.value_or(1) == 1 &&
                     autoscaled_to(workload, cluster).value_or(1) <= 1 && volume.kind == VolumeKind::kClaim &&
                     pods.size() <= 1 && no_strangers(workload, pods);
  if (alone && !cluster.is_current(ClusterKind::kAutoscalers)) return std::nullopt;
  return alone;
}

/// Whether one pod has the volume to itself, whatever else happens in the cluster.
std::optional<bool> owned_by_one_pod(const VolumeFacts& facts, const Workload& workload, const Volume& volume,
                                     const StorageView& storage, const Pods& pods,
                                     const ClusterState& cluster) {
  if (storage.one_pod_only || facts.per_replica_claim) return true;
  // Another claim on the same storage is a way in for pods that are not there yet.
  if (!storage.other_claims.empty()) return false;
  return owned_by_stateful_set_of_one(workload, volume, pods, cluster);
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

void add_sharing(VolumeFacts& facts, const Workload& workload, const PodMounts& mounts, const Volume& volume,
                 const StorageView& storage, const ClusterState& cluster) {
  const auto [on_volume, others] = consumers_of(workload, mounts, volume, storage, cluster);
  facts.consumers_in_pod = count_consumers(mounts, volume.name);
  facts.per_replica_claim =
      per_replica(workload, volume) && storage.other_claims.empty() && no_strangers(workload, on_volume);
  facts.pinned_to_node = pinned_to(workload, cluster).has_value() || storage.pinned_to_node;

  const SharingFacts sharing{
      .owned_by_one_pod = owned_by_one_pod(facts, workload, volume, storage, on_volume, cluster),
      .single_attach = storage.single_attach,
      .volume_pinned_to_node = storage.pinned_to_node,
      .stays_on_one_node = is_known_to_be_local(facts),
      .pods_pinned_to_one_node = all_pinned_together(workload, on_volume, cluster),
      .consumers_in_pod = facts.consumers_in_pod,
  };
  // Of an emptyDir the spec alone tells who shares it.
  facts.cluster_is_current = cluster.storage_is_current() || storage.built_in_transport.has_value();
  if (facts.cluster_is_current) facts.scope = sharing_scope(sharing);
  facts.other_pods = count_others(workload, others);
  facts.windows = is_for_windows(workload, cluster);
  // What sharing.cc knows of runtimes is Linux.
  const auto is_linux = [](const RunningPod* pod) { return !pod->spec.windows; };
  if (facts.windows) {
    if (std::ranges::any_of(others, is_linux)) facts.kernel_domain = KernelDomain::kMixed;
  } else {
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
  if (is_for_windows(workload, cluster)) return "windows";
  const std::string& runtime_class = workload.pod.runtime_class;
  return runtime_handler(runtime_class, cluster).value_or(std::string(kUnknownRuntimePrefix) + runtime_class);
}

VolumeFacts facts_of(const Workload& workload, const PodMounts& mounts, const Volume& volume,
                     const DatabasesOnVolume& databases, const ClusterState& cluster,
                     const Catalog& catalog) {
  VolumeFacts facts;
  facts.volume = volume.name;
  facts.claim = volume.claim;
  facts.certainty = databases.certainty;
  facts.databases = databases.paths;
  facts.strategy = databases.strategy;
  facts.usage = databases.usage;
  facts.single_file_mount = databases.single_file_mount;
  facts.read_only_consumers = read_only_consumers(mounts, volume);
  facts.only_read_in_pod = is_only_read(workload.pod, volume, facts.read_only_consumers);

  const StorageView storage = view_storage(workload.namespace_name, volume, cluster, catalog);
  describe_storage(facts, storage);
  if (volume.kind == VolumeKind::kHostPath) facts.key.volume = "hostPath:" + volume.host_path;
  const auto complete = [&](EvidenceKey& key) {
    if (facts.differs_per_node && !storage.pinned_to_node) tie_to_node(key, pinned_to(workload, cluster));
    key.runtime_handler = runtime_in_key(workload, cluster);
  };
  complete(facts.key);
  if (facts.own_key) complete(*facts.own_key);
  add_sharing(facts, workload, mounts, volume, storage, cluster);
  add_workload(facts, workload, storage, cluster);
  return facts;
}

}  // namespace

std::vector<VolumeFacts> resolve(const Workload& workload, const ClusterState& cluster,
                                 const Catalog& catalog) {
  std::vector<VolumeFacts> all;
  const std::vector<DatabasesOnVolume> databases = find_databases(workload, catalog);
  const PodMounts mounts(workload.pod);
  for (std::size_t i = 0; i < databases.size(); ++i) {
    if (databases[i].certainty == Certainty::kNone) continue;
    all.push_back(facts_of(workload, mounts, workload.pod.volumes[i], databases[i], cluster, catalog));
  }
  return all;
}

}  // namespace walguard::core
