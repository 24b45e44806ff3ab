/// The maps of ClusterState: looked up by string_view, without a copy of the key. Internal to `core`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "operator/core/cluster_objects.h"
#include "operator/core/workload.h"

namespace walguard::core::maps {

template <typename Map>
const typename Map::mapped_type* find(const Map& map, std::string_view key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

template <typename Map>
auto* find_in(const Map& by_namespace, std::string_view namespace_name, std::string_view name) {
  const auto* of_namespace = find(by_namespace, namespace_name);
  return of_namespace == nullptr ? nullptr : find(*of_namespace, name);
}

template <typename Map>
std::size_t count_in(const Map& by_namespace) {
  std::size_t total = 0;
  for (const auto& [_, of_namespace] : by_namespace) total += of_namespace.size();
  return total;
}

/// Two PersistentVolumes of one key are one volume.
inline std::string handle_key(const PersistentVolume& volume) {
  return volume.driver + "\n" + volume.volume_handle;
}

/// A path of a node, so that the same folder has the same text.
inline std::string path_key(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

inline bool is_host_path(const Volume& volume) { return volume.kind == VolumeKind::kHostPath; }

}  // namespace walguard::core::maps
