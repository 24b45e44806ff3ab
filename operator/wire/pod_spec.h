/// Reads a pod's spec and the node selectors that pods and PersistentVolumes share.
///
/// Internal to `wire`; throws as json_reader.h says. What the judgement does not read is skipped, so it
/// cannot leak; of Secrets not even the name is read.
#pragma once

#include <vector>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

[[nodiscard]] core::PodSpec read_pod_spec(json::Value& value, const json::Path& at);

/// The terms of a core/v1 NodeSelector that take any node.
[[nodiscard]] std::vector<core::NodeSelectorTerm> read_node_selector(json::Value& selector,
                                                                     const json::Path& at);

}  // namespace walguard::wire
