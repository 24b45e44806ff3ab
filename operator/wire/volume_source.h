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

/// A source of a PersistentVolume. Pods and PersistentVolumes say most of it in the same words, and so it has
/// the form of a pod's volume (`host_path` is also where a `local` volume lies).
struct PersistentSource {
  core::Volume volume;
  std::string volume_handle;  ///< csi
};

/// Whether the field `key` of a volume's or PersistentVolume's spec is a source that this version knows.
[[nodiscard]] bool is_volume_source(std::string_view key);

/// nullopt: `key` names no source that this version knows.
[[nodiscard]] std::optional<PersistentSource> read_persistent_source(std::string_view key, json::Value& value,
                                                                     const json::Path& at);

[[nodiscard]] core::Volume read_volume(json::Value& value, const json::Path& at);
[[nodiscard]] core::ClaimSpec read_claim_spec(json::Value& value, const json::Path& at);
[[nodiscard]] core::VolumeMode read_volume_mode(json::Value& value, const json::Path& at);
[[nodiscard]] std::vector<core::AccessMode> read_access_modes(json::Value& value, const json::Path& at);
[[nodiscard]] core::StringMap read_string_map(json::Value& value, const json::Path& at);

}  // namespace walguard::wire
