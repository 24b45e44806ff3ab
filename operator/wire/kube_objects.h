/// Fills a ClusterState from the text of Kubernetes objects: what `kubectl get -o yaml` prints, or files
/// written by hand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/core/cluster_state.h"

namespace walguard::wire {

struct LoadCounts {
  std::size_t added = 0;
  std::size_t ignored = 0;  ///< objects of other kinds, and pods that have Succeeded or Failed
};

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

/// Adds every StorageClass, PersistentVolume, PersistentVolumeClaim, Node, RuntimeClass, CSIDriver,
/// Namespace, Pod, workload (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob) and
/// HorizontalPodAutoscaler of `yaml` (YAML or JSON, several documents, `List` kinds) to `state`.
///
/// `file` is for the error alone. After an error `state` holds a part of the file: a caller fills a fresh
/// state and keeps its last good one. Reads no file. Thread-safe for different states. Limits: 32 MiB a file,
/// 64 MiB with its aliases written out, 100 levels.
[[nodiscard]] tl::expected<LoadCounts, LoadError> add_kube_objects(std::string_view yaml,
                                                                   std::string_view file,
                                                                   core::ClusterState& state);

}  // namespace walguard::wire
