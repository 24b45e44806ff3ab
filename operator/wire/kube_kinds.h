/// Reads the cluster's objects, one function for each kind.
///
/// Internal to `wire`; throws as json_reader.h says. Fields:
/// https://kubernetes.io/docs/reference/kubernetes-api/
#pragma once

#include <optional>
#include <string_view>

#include "operator/core/cluster_state.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

/// Reads the object and adds it. False: it does not belong into the state (a pod that has ended).
using KindReader = bool (*)(json::Value& object, const json::Path& at, core::ClusterState& state);

/// nullptr for kinds that the state has no place for.
[[nodiscard]] KindReader find_kind_reader(std::string_view api_version, std::string_view kind);

}  // namespace walguard::wire
