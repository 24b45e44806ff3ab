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

void read_host_path_type(Value& value, const Path& at, VolumeSource& source) {
  if (source.kind == VolumeKind::kHostPath) {
    source.path_type = json::text_of(value, at);
  }
}

void read_path(std::string_view key, Value& value, const Path& at, VolumeSource& source) {
  if (key == "hostPath" || key == "local") {  // nfs, cephfs and glusterfs have a path on their server
    source.path = json::text_of(value, at);
  }
}

void read_driver(std::string_view key, Value& value, const Path& at, VolumeSource& source) {
  if (key == "csi" || key == "flexVolume") {
    source.driver = json::text_of(value, at);
  }
}

void read_medium(Value& value, const Path& at, VolumeSource& source) {
  if (source.kind == VolumeKind::kEmptyDir && json::text_of(value, at) == "Memory") {
    source.kind = VolumeKind::kEmptyDirMemory;
  }
}

VolumeSource read_known_source(const KnownSource& known, Value& value, const Path& at) {
  static constexpr Keys kKeys{"readOnly", "fsType", "driver",    "volumeAttributes",    "volumeHandle",
                              "path",     "type",   "claimName", "volumeClaimTemplate", "medium"};
  VolumeSource source;
  source.kind = known.kind;
  if (known.kind == VolumeKind::kProjection) {
    return source;  // nothing in it bears on the judgement
  }
  if (known.kind == VolumeKind::kInline) {
    source.driver = known.key;
  }
  json::each_field<kKeys>(value, at, [&](std::size_t field, Value& entry, const Path& here) {
    switch (field) {
      case kKeys["readOnly"]:
        source.read_only = json::bool_of(entry, here);
        break;
      case kKeys["fsType"]:
        source.fs_type = json::text_of(entry, here);
        break;
      case kKeys["driver"]:
        read_driver(known.key, entry, here, source);
        break;
      case kKeys["volumeAttributes"]:
        source.attributes = read_string_map(entry, here);
        break;
      case kKeys["volumeHandle"]:
        source.volume_handle = json::text_of(entry, here);
        break;
      case kKeys["path"]:
        read_path(known.key, entry, here, source);
        break;
      case kKeys["type"]:
        read_host_path_type(entry, here, source);
        break;
      case kKeys["claimName"]:
        source.claim = json::text_of(entry, here);
        break;
      case kKeys["volumeClaimTemplate"]:
        source.claim_spec = read_claim_template(entry, here);
        break;
      case kKeys["medium"]:
        read_medium(entry, here, source);
        break;
      default:
        break;
    }
  });
  return source;
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

std::optional<VolumeSource> read_volume_source(std::string_view key, Value& value, const Path& at) {
  const KnownSource* const known = find_source(key);
  return known == nullptr ? std::nullopt : std::optional(read_known_source(*known, value, at));
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
    VolumeSource source = read_known_source(kSources[key - 1], field, here);
    volume.kind = source.kind;
    volume.read_only = source.read_only;
    volume.claim = std::move(source.claim);
    volume.claim_spec = std::move(source.claim_spec);
    volume.host_path = std::move(source.path);
    volume.host_path_type = std::move(source.path_type);
    volume.driver = std::move(source.driver);
    volume.attributes = std::move(source.attributes);
    volume.fs_type = std::move(source.fs_type);
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
