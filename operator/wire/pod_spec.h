/// Reads a pod's spec and the node selectors that pods and PersistentVolumes share.
///
/// Internal to `wire`; throws as json_reader.h says. Env, args, images and everything else that the judgement
/// does not read is skipped, so it cannot leak.
#pragma once

#include <optional>
#include <string>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

[[nodiscard]] core::PodSpec read_pod_spec(json::Value& value, const json::Path& at);

/// A core/v1 NodeSelector. Its terms are ORed, the expressions of a term are ANDed: the one hostname that
/// every term leaves, or nullopt. Counts `kubernetes.io/hostname In [x]` and the field `metadata.name In
/// [x]`. Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity
[[nodiscard]] std::optional<std::string> read_single_hostname(json::Value& selector, const json::Path& at);

}  // namespace walguard::wire
