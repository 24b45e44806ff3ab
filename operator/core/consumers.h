/// Who else has a volume's storage mounted. Pure, thread-safe.
#pragma once

#include <vector>

#include "operator/core/cluster_state.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/storage.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// Pods in view, each once, in no order; those of the workload itself are among them.
struct Consumers {
  /// Who has the volume mounted, under this claim or path or under another name for it, whatever folder of
  /// it: two nodes that mount one block device destroy its filesystem, whoever reads what.
  std::vector<const RunningPod*> of_volume;
  /// Of those, who may see the same files. Left out is who certainly has another folder: a fixed subPath, or
  /// a path of the node, that neither holds this workload's nor lies in it. Of pods with very many mounts
  /// nobody is left out.
  std::vector<const RunningPod*> of_files;
};

/// `mounts` are the workload's.
[[nodiscard]] Consumers consumers_of(const Workload& workload, const PodMounts& mounts, const Volume& volume,
                                     const StorageView& storage, const ClusterState& cluster);

}  // namespace walguard::core
