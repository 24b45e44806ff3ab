#include "operator/core/cluster_state.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "operator/core/cluster_maps.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

using maps::find;
using maps::find_in;
using maps::handle_key;
using maps::is_host_path;
using maps::path_key;

template <typename Map, typename Key>
auto& slot(Map& map, const Key& key) {
  const auto it = map.find(key);
  return it != map.end() ? it->second : map.emplace(key, typename Map::mapped_type{}).first->second;
}

template <typename Map>
bool erase(Map& map, std::string_view key) {
  const auto it = map.find(key);
  if (it == map.end()) return false;
  map.erase(it);
  return true;
}

/// A namespace that holds nothing any more goes too: namespaces come and go for as long as a cluster lives.
template <typename Map>
bool erase_in(Map& by_namespace, std::string_view namespace_name, std::string_view name) {
  const auto of_namespace = by_namespace.find(namespace_name);
  if (of_namespace == by_namespace.end()) return false;
  const auto it = of_namespace->second.find(name);
  if (it == of_namespace->second.end()) return false;
  of_namespace->second.erase(it);
  if (of_namespace->second.empty()) by_namespace.erase(of_namespace);
  return true;
}

template <typename Map, typename Value>
void erase_value(Map& lists, std::string_view key, const Value& value) {
  const auto it = lists.find(key);
  if (it == lists.end()) return;
  std::erase(it->second, value);
  if (it->second.empty()) lists.erase(it);
}

bool is_claim(const Volume& volume) { return volume.kind == VolumeKind::kClaim; }
bool is_projection(const Volume& volume) { return volume.kind == VolumeKind::kProjection; }

bool is_gated(const PodSpec& spec) {
  return std::ranges::find(spec.scheduling_gates, kGateName) != spec.scheduling_gates.end();
}

bool is_asked_for(const PodSpec& spec) {
  return std::ranges::any_of(spec.volumes, is_claim) || std::ranges::any_of(spec.volumes, is_host_path) ||
         is_gated(spec);
}

/// Takes out what can never hold a database: every pod has a volume for its service account's token. And
/// where it may run, which only the preflights of gated pods ask for.
void trim(PodSpec& spec) {
  if (!is_gated(spec)) spec.placement = {};
  for (Container& container : spec.containers) {
    std::erase_if(container.mounts, [&](const VolumeMount& mount) {
      const auto it = std::ranges::find(spec.volumes, mount.volume, &Volume::name);
      return it != spec.volumes.end() && is_projection(*it);
    });
    container.mounts.shrink_to_fit();
  }
  std::erase_if(spec.volumes, is_projection);
  spec.volumes.shrink_to_fit();
}

/// Of pods only those that wait at the gate are judged again. How the others are started, which may hold
/// secrets, does not stay.
void forget_launch(PodSpec& spec) {
  if (is_gated(spec)) return;
  for (Container& container : spec.containers) container.launch = {};
}

}  // namespace

// ---- pods ----

ClusterState::PodTable::PodTable(const PodTable& other) : pods(other.pods) {
  for (const auto& [_, of_namespace] : pods) {
    for (const auto& [name, pod] : of_namespace) index(pod);
  }
}

void ClusterState::PodTable::add(RunningPod pod) {
  remove(pod.namespace_name, pod.name);
  if (!is_asked_for(pod.spec)) return;
  trim(pod.spec);
  forget_launch(pod.spec);
  auto& of_namespace = slot(pods, pod.namespace_name);
  std::string key = pod.name;
  index(of_namespace.emplace(std::move(key), std::move(pod)).first->second);
}

void ClusterState::PodTable::index(const RunningPod& pod) {
  const std::vector<Volume>& volumes = pod.spec.volumes;
  for (const Volume& volume : volumes) {
    if (!is_claim(volume)) continue;
    Pods& of_claim = slot(slot(of_claims, pod.namespace_name), volume.claim);
    // A pod may mount one claim as two volumes.
    if (of_claim.empty() || of_claim.back() != &pod) of_claim.push_back(&pod);
  }
  if (std::ranges::any_of(volumes, is_host_path)) with_host_paths.push_back(&pod);
  if (is_gated(pod.spec)) gated.push_back(&pod);
}

bool ClusterState::PodTable::remove(std::string_view namespace_name, std::string_view name) {
  const RunningPod* pod = find_in(pods, namespace_name, name);
  if (pod == nullptr) return false;
  if (const auto it = of_claims.find(namespace_name); it != of_claims.end()) {
    for (const Volume& volume : pod->spec.volumes) {
      if (is_claim(volume)) erase_value(it->second, volume.claim, pod);
    }
    if (it->second.empty()) of_claims.erase(it);
  }
  std::erase(with_host_paths, pod);
  std::erase(gated, pod);
  return erase_in(pods, namespace_name, name);
}

// ---- claims, volumes, classes ----

void ClusterState::ClaimTable::add(PersistentVolumeClaim claim) {
  remove(claim.namespace_name, claim.name);
  if (!claim.spec.volume_name.empty()) {
    slot(of_volumes, claim.spec.volume_name).emplace_back(claim.namespace_name, claim.name);
  }
  auto& of_namespace = slot(claims, claim.namespace_name);
  std::string key = claim.name;
  of_namespace.emplace(std::move(key), std::move(claim));
}

bool ClusterState::ClaimTable::remove(std::string_view namespace_name, std::string_view name) {
  const PersistentVolumeClaim* claim = find_in(claims, namespace_name, name);
  if (claim == nullptr) return false;
  erase_value(of_volumes, claim->spec.volume_name, std::pair(claim->namespace_name, claim->name));
  return erase_in(claims, namespace_name, name);
}

void ClusterState::VolumeTable::add(PersistentVolume volume) {
  remove(volume.name);
  if (!volume.volume_handle.empty()) slot(of_handles, handle_key(volume)).push_back(volume.name);
  if (!volume.path.empty()) of_paths[path_key(volume.path)].push_back(volume.name);
  std::string key = volume.name;
  volumes.emplace(std::move(key), std::move(volume));
}

bool ClusterState::VolumeTable::remove(std::string_view name) {
  const PersistentVolume* volume = find(volumes, name);
  if (volume == nullptr) return false;
  erase_value(of_handles, handle_key(*volume), volume->name);
  erase_value(of_paths, path_key(volume->path), volume->name);
  return erase(volumes, name);
}

void ClusterState::ClassTable::add(StorageClass object) {
  remove(object.name);
  if (object.is_default) defaults.push_back(object.name);
  std::string key = object.name;
  classes.emplace(std::move(key), std::move(object));
}

bool ClusterState::ClassTable::remove(std::string_view name) {
  std::erase(defaults, name);
  return erase(classes, name);
}

// ---- workloads ----

void ClusterState::WorkloadTable::add(Workload workload) {
  remove(workload.namespace_name, workload.name);
  trim(workload.pod);
  if (workload.pod.volumes.empty()) {
    slot(without_volumes, workload.namespace_name).insert(std::move(workload.name));
    return;
  }
  auto& of_namespace = slot(with_volumes, workload.namespace_name);
  std::string key = workload.name;
  of_namespace.emplace(std::move(key), std::move(workload));
}

bool ClusterState::WorkloadTable::remove(std::string_view namespace_name, std::string_view name) {
  return erase_in(with_volumes, namespace_name, name) || erase_in(without_volumes, namespace_name, name);
}

// ---- the state ----

ClusterState::ClusterState(const ClusterState& other) = default;

ClusterState& ClusterState::operator=(const ClusterState& other) {
  if (this != &other) *this = ClusterState(other);
  return *this;
}

void ClusterState::add_one(CsiDriver object) {
  std::string key = object.name;
  drivers_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add_one(Node object) {
  std::string key = object.name;
  nodes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add_one(RuntimeClass object) {
  std::string key = object.name;
  runtimes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add_one(Namespace object) {
  std::string key = object.name;
  namespaces_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add_one(Workload object) {
  workloads_[static_cast<std::size_t>(cluster_kind(object.kind))].add(std::move(object));
}

void ClusterState::add_one(Autoscaler object) {
  auto& of_namespace = slot(autoscalers_, object.namespace_name);
  std::string key = object.name;
  of_namespace.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(ClusterObject object) {
  std::visit([this](auto& one) { add_one(std::move(one)); }, object);
}

bool ClusterState::remove(ClusterKind kind, std::string_view namespace_name, std::string_view name) {
  switch (kind) {
    case ClusterKind::kPods:
      return pods_.remove(namespace_name, name);
    case ClusterKind::kClaims:
      return claims_.remove(namespace_name, name);
    case ClusterKind::kVolumes:
      return volumes_.remove(name);
    case ClusterKind::kStorageClasses:
      return classes_.remove(name);
    case ClusterKind::kCsiDrivers:
      return erase(drivers_, name);
    case ClusterKind::kNodes:
      return erase(nodes_, name);
    case ClusterKind::kRuntimeClasses:
      return erase(runtimes_, name);
    case ClusterKind::kNamespaces:
      return erase(namespaces_, name);
    case ClusterKind::kDeployments:
    case ClusterKind::kStatefulSets:
    case ClusterKind::kDaemonSets:
    case ClusterKind::kReplicaSets:
    case ClusterKind::kJobs:
    case ClusterKind::kCronJobs:
      return workloads_[static_cast<std::size_t>(kind)].remove(namespace_name, name);
    case ClusterKind::kAutoscalers:
      return erase_in(autoscalers_, namespace_name, name);
  }
  return false;
}

void ClusterState::swap_kind(ClusterKind kind, ClusterState& other) {
  switch (kind) {
    case ClusterKind::kPods:
      return std::swap(pods_, other.pods_);
    case ClusterKind::kClaims:
      return std::swap(claims_, other.claims_);
    case ClusterKind::kVolumes:
      return std::swap(volumes_, other.volumes_);
    case ClusterKind::kStorageClasses:
      return std::swap(classes_, other.classes_);
    case ClusterKind::kCsiDrivers:
      return drivers_.swap(other.drivers_);
    case ClusterKind::kNodes:
      return nodes_.swap(other.nodes_);
    case ClusterKind::kRuntimeClasses:
      return runtimes_.swap(other.runtimes_);
    case ClusterKind::kNamespaces:
      return namespaces_.swap(other.namespaces_);
    case ClusterKind::kDeployments:
    case ClusterKind::kStatefulSets:
    case ClusterKind::kDaemonSets:
    case ClusterKind::kReplicaSets:
    case ClusterKind::kJobs:
    case ClusterKind::kCronJobs: {
      const auto index = static_cast<std::size_t>(kind);
      return std::swap(workloads_[index], other.workloads_[index]);
    }
    case ClusterKind::kAutoscalers:
      return autoscalers_.swap(other.autoscalers_);
  }
}

void ClusterState::set_current(ClusterKind kind, bool current) {
  out_of_date_[static_cast<std::size_t>(kind)] = !current;
}

}  // namespace walguard::core
