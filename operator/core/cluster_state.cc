#include "operator/core/cluster_state.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

template <typename Map>
const typename Map::mapped_type* find(const Map& map, std::string_view key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

std::string handle_key(const PersistentVolume& volume) { return volume.driver + "\n" + volume.volume_handle; }

bool is_at_or_below(std::string_view path, std::string_view folder) {
  while (folder.ends_with('/')) folder.remove_suffix(1);
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool has_host_path(const Volume& volume) { return volume.kind == VolumeKind::kHostPath; }

}  // namespace

void ClusterState::add(StorageClass object) {
  if (object.is_default) default_classes_.push_back(object.name);
  std::string key = object.name;
  classes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(PersistentVolume object) {
  std::string key = object.name;
  if (!object.volume_handle.empty()) volumes_of_handle_[handle_key(object)].push_back(object.name);
  volumes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(PersistentVolumeClaim object) {
  std::string key = object.name;
  if (!object.spec.volume_name.empty()) {
    claims_of_volumes_[object.spec.volume_name].emplace_back(object.namespace_name, object.name);
  }
  claims_[object.namespace_name].insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(Node object) {
  std::string key = object.name;
  nodes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(RuntimeClass object) {
  std::string key = object.name;
  runtimes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(CsiDriver object) {
  std::string key = object.name;
  drivers_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(Namespace object) {
  std::string key = object.name;
  namespaces_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(const RunningPod& object) {
  ++pods_;
  auto& of_namespace = pods_of_claims_[object.namespace_name];
  for (const Volume& volume : object.spec.volumes) {
    if (volume.kind == VolumeKind::kClaim) of_namespace[volume.claim].push_back(object);
  }
  if (std::ranges::any_of(object.spec.volumes, has_host_path)) pods_with_host_paths_.push_back(object);
}

const StorageClass* ClusterState::storage_class(std::string_view name) const { return find(classes_, name); }

const StorageClass* ClusterState::default_storage_class() const {
  return default_classes_.size() == 1 ? storage_class(default_classes_.front()) : nullptr;
}

const PersistentVolume* ClusterState::persistent_volume(std::string_view name) const {
  return find(volumes_, name);
}

const PersistentVolumeClaim* ClusterState::claim(std::string_view namespace_name,
                                                 std::string_view name) const {
  const auto* of_namespace = find(claims_, namespace_name);
  return of_namespace == nullptr ? nullptr : find(*of_namespace, name);
}

const Node* ClusterState::node(std::string_view name) const { return find(nodes_, name); }
const RuntimeClass* ClusterState::runtime_class(std::string_view name) const { return find(runtimes_, name); }
const CsiDriver* ClusterState::csi_driver(std::string_view name) const { return find(drivers_, name); }
const Namespace* ClusterState::namespace_object(std::string_view name) const {
  return find(namespaces_, name);
}

std::span<const RunningPod> ClusterState::pods_of_claim(std::string_view namespace_name,
                                                        std::string_view claim) const {
  const auto* of_namespace = find(pods_of_claims_, namespace_name);
  if (of_namespace == nullptr) return {};
  const auto* pods = find(*of_namespace, claim);
  return pods == nullptr ? std::span<const RunningPod>{} : std::span<const RunningPod>{*pods};
}

std::vector<const PersistentVolume*> ClusterState::same_storage(const PersistentVolume& volume) const {
  std::vector<const PersistentVolume*> all;
  const auto* names = volume.volume_handle.empty() ? nullptr : find(volumes_of_handle_, handle_key(volume));
  if (names == nullptr) return {&volume};
  for (const std::string& name : *names) all.push_back(persistent_volume(name));
  return all;
}

std::vector<const PersistentVolumeClaim*> ClusterState::claims_of_volume(std::string_view volume) const {
  std::vector<const PersistentVolumeClaim*> all;
  const auto* names = find(claims_of_volumes_, volume);
  if (names == nullptr) return all;
  for (const auto& [namespace_name, name] : *names) all.push_back(claim(namespace_name, name));
  return all;
}

std::vector<const RunningPod*> ClusterState::pods_of_numbered_claims(std::string_view namespace_name,
                                                                     std::string_view prefix) const {
  std::vector<const RunningPod*> all;
  const auto* of_namespace = find(pods_of_claims_, namespace_name);
  if (of_namespace == nullptr) return all;
  for (const auto& [claim_name, pods] : *of_namespace) {
    const std::string_view name = claim_name;
    if (!name.starts_with(prefix) || !all_digits(name.substr(prefix.size()))) continue;
    for (const RunningPod& pod : pods) all.push_back(&pod);
  }
  return all;
}

std::vector<const RunningPod*> ClusterState::pods_of_host_path(std::string_view path) const {
  std::vector<const RunningPod*> all;
  for (const RunningPod& pod : pods_with_host_paths_) {
    const bool overlaps = std::ranges::any_of(pod.spec.volumes, [&](const Volume& volume) {
      return has_host_path(volume) &&
             (is_at_or_below(path, volume.host_path) || is_at_or_below(volume.host_path, path));
    });
    if (overlaps) all.push_back(&pod);
  }
  return all;
}

std::size_t ClusterState::size() const {
  std::size_t total = classes_.size() + volumes_.size() + nodes_.size() + runtimes_.size() + drivers_.size() +
                      namespaces_.size() + pods_;
  for (const auto& [_, claims] : claims_) total += claims.size();
  return total;
}

}  // namespace walguard::core
