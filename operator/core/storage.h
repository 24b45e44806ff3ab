/// What lies behind a volume: claim, PersistentVolume, class and driver, and what the catalog knows of it.
/// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// The objects behind a volume that are in view, and what follows from them alone. Points into the
/// ClusterState and the Catalog it was made from.
struct StorageView {
  Binding binding = Binding::kNotAClaim;
  const PersistentVolume* volume = nullptr;
  const StorageClass* storage_class = nullptr;
  std::string storage_class_name;
  std::string_view driver;  ///< empty: not known
  const DriverVariant* variant = nullptr;
  std::vector<AccessMode> access_modes;  ///< of the PV; of the claim where that is not in view
  std::optional<VolumeMode> volume_mode;
  const std::vector<std::string>* mount_options = nullptr;  ///< null: not in view
  const MountOptionFact* lock_option = nullptr;             ///< a mount option that takes locks away
  const MountOptionFact* cache_option = nullptr;            ///< a mount option that splits the page cache
  const MountOptionFact* risky_option = nullptr;            ///< one that gives errors or stale data
  std::vector<const PersistentVolumeClaim*> other_claims;  ///< on other PersistentVolumes of the same storage

  bool pinned_to_node = false;
  bool one_pod_only = false;          ///< ReadWriteOncePod, emptyDir, generic ephemeral
  std::optional<bool> single_attach;  ///< one node at a time, enforced by attaching

  // Set for sources that need no driver: emptyDir and the like.
  std::optional<Transport> built_in_transport;
  std::string_view built_in_source;
};

[[nodiscard]] StorageView view_storage(std::string_view namespace_name, const Volume& volume,
                                       const ClusterState& cluster, const Catalog& catalog);

/// Writes what the view tells into the facts, with the evidence key.
void describe_storage(VolumeFacts& facts, const StorageView& storage);

}  // namespace walguard::core
