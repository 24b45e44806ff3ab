#include "operator/core/scale.h"

#include <optional>

#include "operator/core/cluster_state.h"
#include "operator/core/workload.h"

namespace walguard::core {

std::optional<Workload> scaled_workload(const Workload& scale, const ClusterState& cluster) {
  const auto view = cluster.workload(scale.kind, scale.namespace_name, scale.name);
  if (!view.in_view) return std::nullopt;
  if (view.workload == nullptr) return scale;
  Workload scaled = *view.workload;
  scaled.replicas = scale.replicas;
  return scaled;
}

}  // namespace walguard::core
