/// Reads files of Kubernetes objects, each object with the place it has there.
///
/// Pure, thread-safe. Never throws for what a file says. Limits: 32 MiB a file, 64 MiB with its aliases
/// written out, 100 levels, 100,000 documents, 100,000 objects.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/cluster_objects.h"
#include "operator/core/config_maps.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {

/// Where a file is wrong, and what to do about it.
struct LoadError {
  std::string file;
  int document = 0;     ///< counted from 1; 0: the file is not even YAML
  int line = 0;         ///< counted from 1; 0: the file as a whole
  std::string object;   ///< "StorageClass fast", as far as it could be read
  std::string message;  ///< names the field, what it holds and the remedy

  /// state.yaml:12: document 2: StorageClass "fast": provisioner: missing; ...
  [[nodiscard]] std::string text() const;
};

struct VolumeLine {
  std::string volume;  ///< its name in the pod spec
  int line = 0;
};

struct ManifestObject {
  std::string api_version;
  std::string kind;
  std::string name;
  int line = 0;  ///< where it begins
  /// nullopt: the state has no place for it (another kind, or a pod that has ended).
  std::optional<core::ClusterObject> object;
  std::vector<VolumeLine> volume_lines;  ///< of pods and workloads, claim templates among them
  /// Of a kind or apiVersion that is not read, but with containers in it, as what makes pods has them.
  bool unread_containers = false;
  /// Of a ConfigMap. No part of the state: what runs in a cluster does not look at them.
  std::optional<core::ConfigMap> config_map = {};
};

/// A document that is no Kubernetes object: it has neither apiVersion nor kind.
struct OtherDocument {
  int number = 0;  ///< in its file, from 1
  JsonDocument content;
  std::string why;  ///< what an object would have, for an error
};

struct Manifest {
  std::vector<ManifestObject> objects;  ///< in the order of the file, items of lists one by one
  std::vector<OtherDocument> others;
  /// An object that cannot be read does not keep the others from being read, unless a list has more than 100
  /// of them.
  std::vector<LoadError> errors;
};

/// `text` is YAML or JSON, several documents, with `List` kinds; `file` is for the errors.
[[nodiscard]] Manifest read_manifest(std::string_view text, std::string_view file);

}  // namespace walguard::wire
