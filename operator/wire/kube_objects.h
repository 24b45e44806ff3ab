/// Fills a ClusterState from the text of Kubernetes objects: what `kubectl get -o yaml` prints, or files
/// written by hand.
#pragma once

#include <cstddef>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/core/cluster_state.h"
#include "operator/wire/manifest.h"

namespace walguard::wire {

struct LoadCounts {
  std::size_t added = 0;
  std::size_t ignored = 0;  ///< objects of other kinds, and pods that have Succeeded or Failed
};

/// Adds every StorageClass, PersistentVolume, PersistentVolumeClaim, Node, RuntimeClass, CSIDriver,
/// Namespace, Pod, workload (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob) and
/// HorizontalPodAutoscaler of `yaml` (YAML or JSON, several documents, `List` kinds) to `state`.
///
/// `file` is for the error alone. After an error `state` is as it was. Reads no file. Thread-safe for
/// different states. Limits: 32 MiB a file, 64 MiB with its aliases written out, 100 levels.
[[nodiscard]] tl::expected<LoadCounts, LoadError> add_kube_objects(std::string_view yaml,
                                                                   std::string_view file,
                                                                   core::ClusterState& state);

}  // namespace walguard::wire
