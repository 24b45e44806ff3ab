/// Node selector terms as JSON, for the manifests that walguard writes and the resources it reads.
///
/// Internal to `wire`. Pure, thread-safe.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"

namespace walguard::wire {

[[nodiscard]] nlohmann::ordered_json node_terms_json(const std::vector<core::NodeSelectorTerm>& terms);

/// Throws nlohmann's exceptions where it is no list of core/v1 NodeSelectorTerm.
[[nodiscard]] std::vector<core::NodeSelectorTerm> read_node_terms(const nlohmann::ordered_json& terms);

}  // namespace walguard::wire
