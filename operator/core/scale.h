/// What a Scale would scale. Pure, thread-safe.
#pragma once

#include <optional>

#include "operator/core/cluster_state.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// A Scale says how many and not of what: `scale` has kind, names and replicas alone. Returns the workload of
/// that name as the cluster's state holds it, with the Scale's replicas; without volumes where it has none to
/// judge. nullopt: it is not in view.
[[nodiscard]] std::optional<Workload> scaled_workload(const Workload& scale, const ClusterState& cluster);

}  // namespace walguard::core
