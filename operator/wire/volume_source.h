/// Reads where a volume's bytes come from: the sources of a pod's volume and of a PersistentVolume, and the
/// spec of a claim.
///
/// Internal to `wire`; throws as json_reader.h says.
/// Fields: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

/// What pods and PersistentVolumes say of a source in the same words.
struct VolumeSource {
  core::VolumeKind kind = core::VolumeKind::kUnknown;
  std::string driver;  ///< kInline: the CSI or flexVolume driver, else the source's own key ("nfs", "local")
  bool read_only = false;
  std::string claim;
  core::ClaimSpec claim_spec;
  std::string path;       ///< hostPath and local
  std::string path_type;  ///< hostPath
  core::StringMap attributes;
  std::string fs_type;
  std::string volume_handle;  ///< csi of a PersistentVolume
};

/// nullopt: `key` names no source that this version knows.
[[nodiscard]] std::optional<VolumeSource> read_volume_source(std::string_view key, json::Value& value,
                                                             const json::Path& at);

[[nodiscard]] core::Volume read_volume(json::Value& value, const json::Path& at);
[[nodiscard]] core::ClaimSpec read_claim_spec(json::Value& value, const json::Path& at);
[[nodiscard]] core::VolumeMode read_volume_mode(json::Value& value, const json::Path& at);
[[nodiscard]] std::vector<core::AccessMode> read_access_modes(json::Value& value, const json::Path& at);
[[nodiscard]] core::StringMap read_string_map(json::Value& value, const json::Path& at);

}  // namespace walguard::wire
