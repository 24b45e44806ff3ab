/// Reads the cluster's objects, one function for each kind.
///
/// Internal to `wire`; throws as json_reader.h says. Fields:
/// https://kubernetes.io/docs/reference/kubernetes-api/
#pragma once

#include <optional>
#include <string_view>

#include "operator/core/cluster_objects.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

/// nullopt: it does not belong into the state (a pod that has ended).
using KindReader = std::optional<core::ClusterObject> (*)(json::Value& object, const json::Path& at);

/// nullptr for kinds that the state has no place for.
[[nodiscard]] KindReader find_kind_reader(std::string_view api_version, std::string_view kind);
[[nodiscard]] KindReader find_kind_reader(core::ClusterKind kind);

}  // namespace walguard::wire
