/// What a wish for nodes leaves to choose from.
///
/// Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {

/// The label of every node by which most pods are pinned to one. Source:
/// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetesiohostname
inline constexpr std::string_view kHostnameLabel = "kubernetes.io/hostname";

/// The one hostname that every term leaves, or nullopt. Counts `kubernetes.io/hostname In [x]` and the field
/// `metadata.name In [x]`.
[[nodiscard]] std::optional<std::string> single_hostname(const std::vector<NodeSelectorTerm>& terms);

/// The placement without what names one node alone.
[[nodiscard]] Placement on_any_node_of_its_kind(Placement placement);

}  // namespace walguard::core
