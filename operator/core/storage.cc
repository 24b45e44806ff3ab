#include "operator/core/storage.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

constexpr std::string_view kNoProvisioner = "kubernetes.io/no-provisioner";

/// Sources that Kubernetes mounts itself without an attach step, so that ReadWriteOnce is only a word there.
constexpr std::array<std::string_view, 5> kNeverAttached = {"nfs", "cephfs", "glusterfs", "azureFile",
                                                            "hostPath"};

bool holds(const std::vector<AccessMode>& modes, AccessMode mode) {
  return std::ranges::find(modes, mode) != modes.end();
}

bool all_within(const std::vector<AccessMode>& modes, AccessMode a, AccessMode b) {
  return !modes.empty() &&
         std::ranges::all_of(modes, [&](AccessMode mode) { return mode == a || mode == b; });
}

/// Kubernetes enforces ReadWriteOnce by attaching, and only for volumes that no mode lets out.
std::optional<bool> single_attach(const std::vector<AccessMode>& modes, std::string_view driver,
                                  const ClusterState& cluster) {
  if (modes.empty()) return std::nullopt;
  if (!all_within(modes, AccessMode::kReadWriteOnce, AccessMode::kReadWriteOncePod)) return false;
  if (std::ranges::find(kNeverAttached, driver) != kNeverAttached.end()) return false;
  const CsiDriver* object = cluster.csi_driver(driver);
  if (object == nullptr) return std::nullopt;
  return object->attach_required;
}

std::optional<AccessMode> widest(const std::vector<AccessMode>& modes) {
  for (const AccessMode mode : {AccessMode::kReadWriteMany, AccessMode::kReadOnlyMany,
                                AccessMode::kReadWriteOnce, AccessMode::kReadWriteOncePod}) {
    if (holds(modes, mode)) return mode;
  }
  return std::nullopt;
}

/// Class parameters under the two keys in use: the CSI sidecars' own, and the older in-tree one.
std::string_view class_fs_type(const StorageClass& storage_class) {
  for (const std::string_view key : {"csi.storage.k8s.io/fstype", "fsType", "fstype"}) {
    if (const auto it = storage_class.parameters.find(key); it != storage_class.parameters.end())
      return it->second;
  }
  return {};
}

const StorageClass* class_of(const ClaimSpec& spec, const ClusterState& cluster) {
  return spec.storage_class ? cluster.storage_class(*spec.storage_class) : cluster.default_storage_class();
}

bool provisions(const StorageClass* storage_class) {
  return storage_class != nullptr && !storage_class->provisioner.empty() &&
         storage_class->provisioner != kNoProvisioner;
}

/// The first option of this effect. One mountOptions entry may itself be a comma-separated list.
const MountOptionFact* option_with(MountOptionFact::Effect effect, const std::vector<std::string>& options,
                                   const Catalog& catalog) {
  for (const std::string& entry : options) {
    std::string_view rest = entry;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const MountOptionFact* fact = catalog.mount_option(rest.substr(0, comma));
      if (fact != nullptr && fact->effect == effect) return fact;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  return nullptr;
}

/// The class parameter whose copy in the volume's attributes has another value; nullptr: none has. Drivers
/// copy some of them.
const std::string* differing_parameter(const PersistentVolume& volume, const StorageClass& storage_class) {
  const auto differs = [&](const auto& parameter) {
    const auto& [name, value] = parameter;
    const auto attribute = volume.attributes.find(name);
    const bool is_template = value.find("${") != std::string::npos;
    return attribute != volume.attributes.end() && attribute->second != value && !is_template;
  };
  const auto it = std::ranges::find_if(storage_class.parameters, differs);
  return it == storage_class.parameters.end() ? nullptr : &it->first;
}

/// Where neither says one, it is the driver's own.
bool fs_type_differs(const PersistentVolume& volume, const StorageClass& storage_class) {
  const std::string_view wanted = class_fs_type(storage_class);
  return !wanted.empty() && !volume.fs_type.empty() && volume.fs_type != wanted;
}

/// A PersistentVolume made by hand may bear a class's name; what the class says holds for what it provisioned
/// alone. https://kubernetes.io/docs/reference/labels-annotations-taints/#pv-kubernetes-io-provisioned-by
bool provisioned_by_class(const StorageView& view) {
  if (!provisions(view.storage_class) || view.storage_class->provisioner != view.driver) return false;
  return view.volume == nullptr || view.volume->provisioned_by == view.storage_class->provisioner;
}

/// Parameters are changed by deleting the class: a volume with another value is of an older one of that name.
bool made_by_class(const StorageView& view) {
  if (!provisioned_by_class(view)) return false;
  if (view.volume == nullptr) return true;
  return differing_parameter(*view.volume, *view.storage_class) == nullptr &&
         !fs_type_differs(*view.volume, *view.storage_class);
}

std::vector<std::string> sorted(std::vector<std::string> options) {
  std::ranges::sort(options);
  return options;
}

std::string joined(const std::vector<std::string>& options) {
  std::string text;
  for (const std::string& option : options) text += (text.empty() ? "" : ",") + option;
  return text.empty() ? "none" : text;
}

/// See VolumeFacts::differs_from_class. Mount options can be changed in the class as in the volume, so that
/// they tell nothing of its parameters. No value of a parameter: it may be a password.
std::string difference_from_class(const StorageView& view) {
  if (view.volume == nullptr || !provisioned_by_class(view)) return {};
  const PersistentVolume& volume = *view.volume;
  const StorageClass& storage_class = *view.storage_class;
  if (const std::string* const parameter = differing_parameter(volume, storage_class)) {
    return "parameter " + *parameter;
  }
  if (fs_type_differs(volume, storage_class)) {
    return "fsType " + volume.fs_type + " instead of " + std::string(class_fs_type(storage_class));
  }
  const auto own = sorted(volume.mount_options);
  const auto of_class = sorted(storage_class.mount_options);
  return own == of_class ? "" : "mountOptions " + joined(own) + " instead of " + joined(of_class);
}

void look_up_variant(StorageView& view, const Catalog& catalog, const StringMap* attributes,
                     std::optional<std::string_view> handle, std::optional<std::string_view> fs_type) {
  if (view.driver.empty()) return;
  const VariantQuery query{.driver = view.driver,
                           .parameters = made_by_class(view) ? &view.storage_class->parameters : nullptr,
                           .attributes = attributes,
                           .widest_access = widest(view.access_modes),
                           .volume_handle = handle,
                           .fs_type = fs_type};
  view.variant = catalog.find(query).variant;
}

/// Two PersistentVolumes with one volumeHandle are one volume: what one of them lets out, all do. A path of
/// one host stays there, whatever other name it has.
void view_other_names(StorageView& view, const PersistentVolume& own, const ClusterState& cluster) {
  for (const PersistentVolume* twin : cluster.same_storage(own)) {
    if (twin == &own) continue;
    view.access_modes.insert(view.access_modes.end(), twin->access_modes.begin(), twin->access_modes.end());
    const bool stays = !own.path.empty() || twin->pinned_hostname == own.pinned_hostname;
    view.pinned_to_node = view.pinned_to_node && stays;
    for (const PersistentVolumeClaim* claim : cluster.claims_of_volume(twin->name))
      view.other_claims.push_back(claim);
  }
}

void view_bound(StorageView& view, const ClaimSpec& spec, const ClusterState& cluster,
                const Catalog& catalog) {
  const PersistentVolume& pv = *view.volume;
  view.binding = Binding::kBound;
  view.storage_class_name = pv.storage_class;
  view.storage_class = cluster.storage_class(pv.storage_class);
  view.driver = pv.kind == VolumeKind::kHostPath ? std::string_view{"hostPath"} : std::string_view{pv.driver};
  view.access_modes = pv.access_modes.empty() ? spec.access_modes : pv.access_modes;
  view.volume_mode = pv.volume_mode;
  view.mount_options = &pv.mount_options;
  view.pinned_to_node = pv.pinned_hostname.has_value();
  view_other_names(view, pv, cluster);
  look_up_variant(view, catalog, &pv.attributes, pv.volume_handle, pv.fs_type);
}

void view_by_class(StorageView& view, const ClaimSpec& spec, const Catalog& catalog) {
  view.binding = Binding::kByClass;
  view.driver = view.storage_class->provisioner;
  view.access_modes = spec.access_modes;
  view.volume_mode = spec.volume_mode;
  view.mount_options = &view.storage_class->mount_options;
  look_up_variant(view, catalog, nullptr, std::nullopt, class_fs_type(*view.storage_class));
}

/// Provisioners name what they make "pvc-" and the claim's UID
/// (https://github.com/kubernetes-csi/external-provisioner, --volume-name-prefix). Any other is of somebody's
/// making, and its class says nothing of it.
bool is_named_by_provisioner(std::string_view volume_name) {
  constexpr std::string_view kPrefix = "pvc-";
  constexpr std::size_t kUuidLength = 36;
  return volume_name.starts_with(kPrefix) && volume_name.size() == kPrefix.size() + kUuidLength &&
         volume_name.find_first_not_of("0123456789abcdef-", kPrefix.size()) == std::string_view::npos;
}

void view_claim_spec(StorageView& view, const ClaimSpec& spec, const ClusterState& cluster,
                     const Catalog& catalog) {
  view.volume = spec.volume_name.empty() ? nullptr : cluster.persistent_volume(spec.volume_name);
  if (view.volume != nullptr) {
    view_bound(view, spec, cluster, catalog);
    return;
  }
  view.storage_class = class_of(spec, cluster);
  view.storage_class_name =
      view.storage_class != nullptr ? view.storage_class->name : spec.storage_class.value_or(std::string{});
  const bool is_somebodys = !spec.volume_name.empty() && !is_named_by_provisioner(spec.volume_name);
  if (is_somebodys) {
    view.binding = Binding::kVolumeMissing;
    return;
  }
  if (provisions(view.storage_class)) {
    view_by_class(view, spec, catalog);
    return;
  }
  view.access_modes = spec.access_modes;
  view.volume_mode = spec.volume_mode;
  const bool class_not_in_view = view.storage_class == nullptr && !view.storage_class_name.empty();
  view.binding = class_not_in_view ? Binding::kMissing : Binding::kUndecided;
}

void view_claim(StorageView& view, std::string_view namespace_name, const Volume& volume,
                const ClusterState& cluster, const Catalog& catalog) {
  if (volume.from_template || volume.kind == VolumeKind::kGenericEphemeral) {
    view_claim_spec(view, volume.claim_spec, cluster, catalog);
  } else if (const PersistentVolumeClaim* claim = cluster.claim(namespace_name, volume.claim)) {
    view_claim_spec(view, claim->spec, cluster, catalog);
  } else {
    view.binding = Binding::kMissing;
  }
  view.single_attach = single_attach(view.access_modes, view.driver, cluster);
  const bool one_pod_a_claim =
      all_within(view.access_modes, AccessMode::kReadWriteOncePod, AccessMode::kReadWriteOncePod);
  view.one_pod_only =
      view.other_claims.empty() && (volume.kind == VolumeKind::kGenericEphemeral || one_pod_a_claim);
}

/// A driver named in the pod itself. An inline CSI volume of a local driver is the pod's own
/// (https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#csi-ephemeral-volumes); a network one is
/// not.
void view_inline(StorageView& view, const Volume& volume, const ClusterState& cluster,
                 const Catalog& catalog) {
  view.driver =
      volume.kind == VolumeKind::kHostPath ? std::string_view{"hostPath"} : std::string_view{volume.driver};
  view.volume_mode = VolumeMode::kFilesystem;
  look_up_variant(view, catalog, &volume.attributes, std::nullopt, volume.fs_type);
  if (view.variant != nullptr && view.variant->transport) {
    const Transport transport = *view.variant->transport;
    view.one_pod_only = volume.kind == VolumeKind::kInline && cluster.csi_driver(view.driver) != nullptr &&
                        (transport == Transport::kLocalDisk || transport == Transport::kMemory);
    if (transport != Transport::kLocalDisk && transport != Transport::kMemory) view.single_attach = false;
  }
}

void view_empty_dir(StorageView& view, bool memory) {
  view.one_pod_only = true;
  view.volume_mode = VolumeMode::kFilesystem;
  view.built_in_transport = memory ? Transport::kMemory : Transport::kLocalDisk;
  view.built_in_source = "https://kubernetes.io/docs/concepts/storage/volumes/#emptydir";
}

/// What a measurement must have been made on to speak of this volume (see EvidenceKey).
void describe_key(VolumeFacts& facts, const StorageView& view) {
  EvidenceKey own;
  own.driver = view.driver;
  if (view.mount_options != nullptr) own.mount_options = sorted(*view.mount_options);
  if (view.volume != nullptr) own.volume = view.volume->name;
  if (!facts.proven_only_by_preflight) facts.differs_from_class = difference_from_class(view);
  const bool class_speaks_for_it =
      made_by_class(view) && !facts.proven_only_by_preflight && facts.differs_from_class.empty();
  if (!class_speaks_for_it) {
    facts.key = std::move(own);
    return;
  }
  facts.key.storage_class = view.storage_class->name;
  facts.key.driver = own.driver;
  facts.key.mount_options = own.mount_options;
  facts.key.parameters = view.storage_class->parameters_digest;
  facts.key.access_mode = access_in_key(view.access_modes);
  facts.key.fs_type = class_fs_type(*view.storage_class);
  if (view.volume != nullptr) facts.own_key = std::move(own);
}

void describe_options(VolumeFacts& facts, const StorageView& view) {
  if (view.variant != nullptr && view.variant->locks_stay_local) {
    facts.locks_stay_local = true;
    facts.locks_because = "the driver " + facts.driver + " mounts so itself";
  } else if (view.mount_options != nullptr) {
    facts.locks_stay_local = false;
  }
  if (view.variant != nullptr && view.variant->per_pod_cache) {
    facts.split_page_cache = true;
    facts.split_because = "the driver " + facts.driver + " runs one FUSE daemon a pod";
  }
  if (view.lock_option != nullptr) {
    facts.locks_stay_local = true;
    facts.locks_because = "mount option " + view.lock_option->option;
  }
  if (view.cache_option != nullptr) {
    facts.split_page_cache = true;
    facts.split_because = "mount option " + view.cache_option->option;
  }
  if (view.risky_option != nullptr) facts.risky_option = view.risky_option->option;
}

}  // namespace

StorageView view_storage(std::string_view namespace_name, const Volume& volume, const ClusterState& cluster,
                         const Catalog& catalog) {
  StorageView view;
  switch (volume.kind) {
    case VolumeKind::kClaim:
    case VolumeKind::kGenericEphemeral:
      view_claim(view, namespace_name, volume, cluster, catalog);
      break;
    case VolumeKind::kHostPath:
    case VolumeKind::kInline:
      view_inline(view, volume, cluster, catalog);
      break;
    case VolumeKind::kEmptyDir:
    case VolumeKind::kEmptyDirMemory:
      view_empty_dir(view, volume.kind == VolumeKind::kEmptyDirMemory);
      break;
    case VolumeKind::kProjection:
    case VolumeKind::kUnknown:
      break;
  }
  if (view.mount_options != nullptr) {
    using Effect = MountOptionFact::Effect;
    view.lock_option = option_with(Effect::kLocksStayLocal, *view.mount_options, catalog);
    view.cache_option = option_with(Effect::kSplitPageCache, *view.mount_options, catalog);
    view.risky_option = option_with(Effect::kRisky, *view.mount_options, catalog);
  }
  return view;
}

void describe_storage(VolumeFacts& facts, const StorageView& view) {
  facts.binding = view.binding;
  facts.storage_class = view.storage_class_name;
  facts.driver = view.driver;
  facts.access_modes = view.access_modes;
  facts.volume_mode = view.volume_mode;
  facts.single_attach = view.single_attach;
  if (view.built_in_transport) {
    facts.transport = view.built_in_transport;
    facts.transport_verified = true;
    facts.source = view.built_in_source;
    facts.locks_stay_local = false;
  } else if (view.variant != nullptr) {
    facts.transport = view.variant->transport;
    facts.transport_verified = view.variant->verified;
    facts.source = view.variant->source;
    facts.differs_per_node = view.variant->differs_per_node;
    facts.proven_only_by_preflight = view.variant->proven_only_by_preflight;
    facts.costly_to_probe = view.variant->costly_to_probe;
  }
  describe_options(facts, view);
  describe_key(facts, view);
}

}  // namespace walguard::core
