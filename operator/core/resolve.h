/// Works out the facts of a workload's volumes from its spec, the cluster and the catalog.
///
/// Pure and thread-safe; retains no argument. Scope is the worst case over what the spec and the cluster
/// allow, and never comes from replica counts (a drained pod still writes on its old node while its
/// replacement starts).
#pragma once

#include <span>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// One entry for each volume that holds or may hold a SQLite database, in the order of the pod spec. Volumes
/// that certainly do not (configMap, unmounted, nothing declared or recognised) are left out.
[[nodiscard]] std::vector<VolumeFacts> resolve(const Workload& workload, const ClusterState& cluster,
                                               const Catalog& catalog);

}  // namespace walguard::core
