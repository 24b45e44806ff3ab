// What the judgement asks of the state.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/cluster_maps.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

using maps::count_in;
using maps::find;
using maps::find_in;
using maps::handle_key;
using maps::is_host_path;
using maps::path_key;

bool is_at_or_below(std::string_view path, std::string_view folder) {
  while (folder.ends_with('/')) folder.remove_suffix(1);
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// Two paths of nodes are never one folder where each belongs to a host of its own.
bool may_be_one_host(const PersistentVolume& a, const PersistentVolume& b) {
  return !a.pinned_hostname || !b.pinned_hostname || *a.pinned_hostname == *b.pinned_hostname;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool ClusterState::is_current(ClusterKind kind) const {
  return !out_of_date_[static_cast<std::size_t>(kind)];
}

bool ClusterState::storage_is_current() const {
  constexpr std::array kBehindStorage = {ClusterKind::kPods,          ClusterKind::kClaims,
                                         ClusterKind::kVolumes,       ClusterKind::kStorageClasses,
                                         ClusterKind::kCsiDrivers,    ClusterKind::kNodes,
                                         ClusterKind::kRuntimeClasses};
  return std::ranges::all_of(kBehindStorage, [this](ClusterKind kind) { return is_current(kind); });
}

const StorageClass* ClusterState::storage_class(std::string_view name) const {
  return find(classes_.classes, name);
}

const StorageClass* ClusterState::default_storage_class() const {
  return classes_.defaults.size() == 1 ? storage_class(classes_.defaults.front()) : nullptr;
}

const PersistentVolume* ClusterState::persistent_volume(std::string_view name) const {
  return find(volumes_.volumes, name);
}

const PersistentVolumeClaim* ClusterState::claim(std::string_view namespace_name,
                                                 std::string_view name) const {
  return find_in(claims_.claims, namespace_name, name);
}

const Node* ClusterState::node(std::string_view name) const { return find(nodes_, name); }
const RuntimeClass* ClusterState::runtime_class(std::string_view name) const { return find(runtimes_, name); }
const RuntimeClass* ClusterState::runtime_class_of_handler(std::string_view handler) const {
  const auto found =
      std::ranges::find_if(runtimes_, [&](const auto& entry) { return entry.second.handler == handler; });
  return found == runtimes_.end() ? nullptr : &found->second;
}
const CsiDriver* ClusterState::csi_driver(std::string_view name) const { return find(drivers_, name); }
const Namespace* ClusterState::namespace_object(std::string_view name) const {
  return find(namespaces_, name);
}

const RunningPod* ClusterState::pod(std::string_view namespace_name, std::string_view name) const {
  return find_in(pods_.pods, namespace_name, name);
}

ClusterState::WorkloadView ClusterState::workload(WorkloadKind kind, std::string_view namespace_name,
                                                  std::string_view name) const {
  const WorkloadTable& table = workloads_[static_cast<std::size_t>(cluster_kind(kind))];
  if (const Workload* found = find_in(table.with_volumes, namespace_name, name)) return {true, found};
  const Names* names = find(table.without_volumes, namespace_name);
  return {names != nullptr && names->contains(name), nullptr};
}

std::optional<std::int64_t> ClusterState::autoscaled_to(WorkloadKind kind, std::string_view namespace_name,
                                                        std::string_view name) const {
  std::optional<std::int64_t> most;
  const auto* of_namespace = find(autoscalers_, namespace_name);
  if (of_namespace == nullptr) return most;
  for (const auto& [_, autoscaler] : *of_namespace) {
    if (autoscaler.target_kind != kind || autoscaler.target_name != name) continue;
    most = std::max(most.value_or(0), autoscaler.most_replicas);
  }
  return most;
}

std::span<const RunningPod* const> ClusterState::pods_of_claim(std::string_view namespace_name,
                                                               std::string_view claim) const {
  const Pods* pods = find_in(pods_.of_claims, namespace_name, claim);
  return pods == nullptr ? std::span<const RunningPod* const>{} : std::span<const RunningPod* const>{*pods};
}

std::vector<const PersistentVolume*> ClusterState::same_storage(const PersistentVolume& volume) const {
  std::vector<const PersistentVolume*> all;
  if (!volume.path.empty()) {
    for (const PersistentVolume* other : volumes_at_path(volume.path)) {
      if (may_be_one_host(volume, *other)) all.push_back(other);
    }
    return all;
  }
  const auto* names = volume.volume_handle.empty() ? nullptr : find(volumes_.of_handles, handle_key(volume));
  if (names == nullptr) return {&volume};
  for (const std::string& name : *names) all.push_back(persistent_volume(name));
  return all;
}

std::vector<const PersistentVolume*> ClusterState::volumes_at_path(std::string_view path) const {
  std::vector<const PersistentVolume*> all;
  const auto append = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) all.push_back(persistent_volume(name));
  };
  const std::string wanted = path_key(path);
  std::string_view above = wanted;
  while (!above.empty()) {
    if (const auto it = volumes_.of_paths.find(above); it != volumes_.of_paths.end()) append(it->second);
    const std::size_t slash = above == "/" ? std::string_view::npos : above.rfind('/');
    above = slash == 0 ? std::string_view{"/"} : above.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  const std::string below = wanted == "/" ? wanted : wanted + "/";
  for (auto it = volumes_.of_paths.upper_bound(below); it != volumes_.of_paths.end(); ++it) {
    if (!it->first.starts_with(below)) break;
    append(it->second);
  }
  return all;
}

std::vector<const PersistentVolumeClaim*> ClusterState::claims_of_volume(std::string_view volume) const {
  std::vector<const PersistentVolumeClaim*> all;
  const auto* names = find(claims_.of_volumes, volume);
  if (names == nullptr) return all;
  for (const auto& [namespace_name, name] : *names) all.push_back(claim(namespace_name, name));
  return all;
}

std::vector<const RunningPod*> ClusterState::pods_of_numbered_claims(std::string_view namespace_name,
                                                                     std::string_view prefix) const {
  std::vector<const RunningPod*> all;
  const auto* of_namespace = find(pods_.of_claims, namespace_name);
  if (of_namespace == nullptr) return all;
  for (const auto& [claim_name, pods] : *of_namespace) {
    const std::string_view name = claim_name;
    if (!name.starts_with(prefix) || !all_digits(name.substr(prefix.size()))) continue;
    all.insert(all.end(), pods.begin(), pods.end());
  }
  return all;
}

std::vector<const RunningPod*> ClusterState::pods_of_host_path(std::string_view path) const {
  std::vector<const RunningPod*> all;
  std::ranges::copy_if(pods_.with_host_paths, std::back_inserter(all), [&](const RunningPod* pod) {
    return std::ranges::any_of(pod->spec.volumes, [&](const Volume& volume) {
      return is_host_path(volume) &&
             (is_at_or_below(path, volume.host_path) || is_at_or_below(volume.host_path, path));
    });
  });
  return all;
}

std::vector<const RunningPod*> ClusterState::gated_pods() const { return pods_.gated; }

std::size_t ClusterState::size() const {
  std::size_t total = 0;
  for (std::size_t kind = 0; kind < kClusterKindCount; ++kind) total += size(static_cast<ClusterKind>(kind));
  return total;
}

std::size_t ClusterState::size(ClusterKind kind) const {
  switch (kind) {
    case ClusterKind::kPods:
      return count_in(pods_.pods);
    case ClusterKind::kClaims:
      return count_in(claims_.claims);
    case ClusterKind::kVolumes:
      return volumes_.volumes.size();
    case ClusterKind::kStorageClasses:
      return classes_.classes.size();
    case ClusterKind::kCsiDrivers:
      return drivers_.size();
    case ClusterKind::kNodes:
      return nodes_.size();
    case ClusterKind::kRuntimeClasses:
      return runtimes_.size();
    case ClusterKind::kNamespaces:
      return namespaces_.size();
    case ClusterKind::kDeployments:
    case ClusterKind::kStatefulSets:
    case ClusterKind::kDaemonSets:
    case ClusterKind::kReplicaSets:
    case ClusterKind::kJobs:
    case ClusterKind::kCronJobs: {
      const WorkloadTable& table = workloads_[static_cast<std::size_t>(kind)];
      return count_in(table.with_volumes) + count_in(table.without_volumes);
    }
    case ClusterKind::kAutoscalers:
      return count_in(autoscalers_);
  }
  return 0;
}

}  // namespace walguard::core
