#include "operator/core/cluster_state.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

template <typename Map>
const typename Map::mapped_type* find(const Map& map, std::string_view key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

}  // namespace

void ClusterState::add(StorageClass object) {
  if (object.is_default) default_classes_.push_back(object.name);
  std::string key = object.name;
  classes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(PersistentVolume object) {
  std::string key = object.name;
  volumes_.insert_or_assign(std::move(key), std::move(object));
}

void ClusterState::add(PersistentVolumeClaim object) {
  std::string key = object.name;
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

std::size_t ClusterState::size() const {
  std::size_t total = classes_.size() + volumes_.size() + nodes_.size() + runtimes_.size() + drivers_.size() +
                      namespaces_.size() + pods_;
  for (const auto& [_, claims] : claims_) total += claims.size();
  return total;
}

}  // namespace walguard::core
