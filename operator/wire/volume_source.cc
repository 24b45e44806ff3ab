#include "operator/wire/volume_source.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {
namespace {

using core::VolumeKind;
using json::Keys;
using json::Path;
using json::Value;

struct KnownSource {
  std::string_view key;
  VolumeKind kind;
};

/// Every source of core/v1 Volume and PersistentVolume, the removed ones included: old files still name them.
/// The frequent ones stand first. `gitRepo` is an emptyDir with a clone in it.
constexpr std::array kSources = {
    KnownSource{"persistentVolumeClaim", VolumeKind::kClaim},
    KnownSource{"emptyDir", VolumeKind::kEmptyDir},
    KnownSource{"configMap", VolumeKind::kProjection},
    KnownSource{"secret", VolumeKind::kProjection},
    KnownSource{"projected", VolumeKind::kProjection},
    KnownSource{"downwardAPI", VolumeKind::kProjection},
    KnownSource{"csi", VolumeKind::kInline},
    KnownSource{"ephemeral", VolumeKind::kGenericEphemeral},
    KnownSource{"hostPath", VolumeKind::kHostPath},
    KnownSource{"nfs", VolumeKind::kInline},
    KnownSource{"local", VolumeKind::kInline},
    KnownSource{"image", VolumeKind::kProjection},
    KnownSource{"gitRepo", VolumeKind::kEmptyDir},
    KnownSource{"awsElasticBlockStore", VolumeKind::kInline},
    KnownSource{"azureDisk", VolumeKind::kInline},
    KnownSource{"azureFile", VolumeKind::kInline},
    KnownSource{"cephfs", VolumeKind::kInline},
    KnownSource{"cinder", VolumeKind::kInline},
    KnownSource{"fc", VolumeKind::kInline},
    KnownSource{"flexVolume", VolumeKind::kInline},
    KnownSource{"flocker", VolumeKind::kInline},
    KnownSource{"gcePersistentDisk", VolumeKind::kInline},
    KnownSource{"glusterfs", VolumeKind::kInline},
    KnownSource{"iscsi", VolumeKind::kInline},
    KnownSource{"photonPersistentDisk", VolumeKind::kInline},
    KnownSource{"portworxVolume", VolumeKind::kInline},
    KnownSource{"quobyte", VolumeKind::kInline},
    KnownSource{"rbd", VolumeKind::kInline},
    KnownSource{"scaleIO", VolumeKind::kInline},
    KnownSource{"storageos", VolumeKind::kInline},
    KnownSource{"vsphereVolume", VolumeKind::kInline},
};

const KnownSource* find_source(std::string_view key) {
  const auto* const found = std::find_if(kSources.begin(), kSources.end(),
                                         [key](const KnownSource& source) { return source.key == key; });
  return found == kSources.end() ? nullptr : found;
}

/// The fields of a pod's volume: its name, then the sources in their order.
template <std::size_t... I>
consteval auto volume_keys(std::index_sequence<I...> /*all*/) {
  return Keys{"name", kSources[I].key...};
}
constexpr auto kVolumeKeys = volume_keys(std::make_index_sequence<kSources.size()>());

/// ephemeral.volumeClaimTemplate.spec
core::ClaimSpec read_claim_template(Value& value, const Path& at) {
  static constexpr Keys kKeys{"spec"};
  core::ClaimSpec claim;
  json::each_field<kKeys>(
      value, at, [&](std::size_t, Value& spec, const Path& here) { claim = read_claim_spec(spec, here); });
  return claim;
}

/// hostPath has a type, and with `local` a path of the node; nfs, cephfs and glusterfs have one of their
/// server.
bool has_node_path(const KnownSource& known) { return known.key == "hostPath" || known.key == "local"; }
bool names_its_driver(const KnownSource& known) { return known.key == "csi" || known.key == "flexVolume"; }

/// https://kubernetes.io/docs/concepts/storage/volumes/#emptydir; huge pages are no filesystem for data.
VolumeKind kind_of_medium(std::string_view medium) {
  if (medium == "Memory") return VolumeKind::kEmptyDirMemory;
  return medium.empty() ? VolumeKind::kEmptyDir : VolumeKind::kUnknown;
}

/// `volume_handle` may be null: only a PersistentVolume has one.
void read_known_source(const KnownSource& known, Value& value, const Path& at, core::Volume& out,
                       std::string* volume_handle) {
  static constexpr Keys kKeys{"readOnly", "fsType", "driver",    "volumeAttributes",    "volumeHandle",
                              "path",     "type",   "claimName", "volumeClaimTemplate", "medium"};
  out.kind = known.kind;
  if (known.kind == VolumeKind::kProjection) {
    return;  // nothing in it bears on the judgement
  }
  if (known.kind == VolumeKind::kInline) {
    out.driver = known.key;
  }
  json::each_field<kKeys>(value, at, [&](std::size_t field, Value& entry, const Path& here) {
    switch (field) {
      case kKeys["readOnly"]:
        out.read_only = json::bool_of(entry, here);
        break;
      case kKeys["fsType"]:
        out.fs_type = json::text_of(entry, here);
        break;
      case kKeys["driver"]:
        if (names_its_driver(known)) {
          out.driver = json::text_of(entry, here);
        }
        break;
      case kKeys["volumeAttributes"]:
        out.attributes = read_string_map(entry, here);
        break;
      case kKeys["volumeHandle"]:
        if (volume_handle != nullptr) {
          *volume_handle = json::text_of(entry, here);
        }
        break;
      case kKeys["path"]:
        if (has_node_path(known)) {
          out.host_path = json::text_of(entry, here);
        }
        break;
      case kKeys["type"]:
        if (known.kind == VolumeKind::kHostPath) {
          out.host_path_type = json::text_of(entry, here);
        }
        break;
      case kKeys["claimName"]:
        out.claim = json::text_of(entry, here);
        break;
      case kKeys["volumeClaimTemplate"]:
        out.claim_spec = read_claim_template(entry, here);
        break;
      case kKeys["medium"]:
        if (known.kind == VolumeKind::kEmptyDir) {
          out.kind = kind_of_medium(json::text_of(entry, here));
        }
        break;
      default:
        break;
    }
  });
}

}  // namespace

core::StringMap read_string_map(Value& value, const Path& at) {
  core::StringMap map;
  json::each_entry(value, at, [&](std::string_view key, Value& entry, const Path& here) {
    std::string owned(key);
    if (!map.try_emplace(std::move(owned), json::text_of(entry, here)).second) {
      json::throw_given_twice(here);
    }
  });
  return map;
}

core::VolumeMode read_volume_mode(Value& value, const Path& at) {
  const std::string_view text = json::text_of(value, at);
  if (text == "Filesystem") {
    return core::VolumeMode::kFilesystem;
  }
  if (text == "Block") {
    return core::VolumeMode::kBlock;
  }
  throw json::ReadError(
      at, std::string("unknown volume mode \"").append(text).append("\"; use Filesystem or Block"));
}

std::vector<core::AccessMode> read_access_modes(Value& value, const Path& at) {
  std::vector<core::AccessMode> modes;
  json::each_item(value, at, [&](Value& item, const Path& here) {
    const std::string_view text = json::text_of(item, here);
    const std::optional<core::AccessMode> mode = core::parse<core::AccessMode>(text);
    if (!mode) {
      throw json::ReadError(
          here, std::string("unknown access mode \"")
                    .append(text)
                    .append("\"; use ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod"));
    }
    modes.push_back(*mode);
  });
  return modes;
}

core::ClaimSpec read_claim_spec(Value& value, const Path& at) {
  static constexpr Keys kKeys{"storageClassName", "accessModes", "volumeMode", "volumeName"};
  core::ClaimSpec claim;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["storageClassName"]:
        claim.storage_class = json::text_of(field, here);
        break;
      case kKeys["accessModes"]:
        claim.access_modes = read_access_modes(field, here);
        break;
      case kKeys["volumeMode"]:
        claim.volume_mode = read_volume_mode(field, here);
        break;
      case kKeys["volumeName"]:
        claim.volume_name = json::text_of(field, here);
        break;
      default:
        break;
    }
  });
  return claim;
}

bool is_volume_source(std::string_view key) { return find_source(key) != nullptr; }

std::optional<PersistentSource> read_persistent_source(std::string_view key, Value& value, const Path& at) {
  const KnownSource* const known = find_source(key);
  if (known == nullptr) {
    return std::nullopt;
  }
  PersistentSource source;
  read_known_source(*known, value, at, source.volume, &source.volume_handle);
  return source;
}

core::Volume read_volume(Value& value, const Path& at) {
  core::Volume volume;
  std::size_t sources = 0;
  const auto on_field = [&](std::size_t key, Value& field, const Path& here) {
    if (key == kVolumeKeys["name"]) {
      volume.name = json::text_of(field, here);
      return;
    }
    if (++sources > 1) {
      throw json::ReadError(here, "a second source of one volume; keep one");
    }
    read_known_source(kSources[key - 1], field, here, volume, nullptr);
  };
  // A source that this version does not know: the volume stays kUnknown.
  const auto on_other = [&](Value& field) { sources += field.is_null() ? 0 : 1; };
  json::each_field<kVolumeKeys>(value, at, on_field, on_other);
  if (volume.name.empty()) {
    json::throw_missing(at.child("name"), "a volume");
  }
  if (sources == 0) {
    volume.kind = core::VolumeKind::kEmptyDir;  // the API's default for a volume without a source
  }
  return volume;
}

}  // namespace walguard::wire
