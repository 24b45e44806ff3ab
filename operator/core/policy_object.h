/// What WalguardPolicy objects say, and how several of them become the one policy in force.
///
/// Pure, thread-safe. For people: docs/policy.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"

namespace walguard::core {

/// One object. nullopt: it says nothing of that, and another or the default does.
struct PolicyObject {
  std::string name;
  std::int64_t priority = 0;
  std::optional<Mode> default_mode;
  LabelSelector namespaces;  ///< where `default_mode` holds
  std::optional<UtcSeconds> evidence_max_age;
  std::optional<UtcSeconds> stale_grace;
  std::optional<bool> accept_network_filesystem_on_one_node;
  std::optional<std::vector<std::string>> accept_risk_namespaces;
  std::optional<bool> automatic_preflights;
  std::optional<int> preflights_at_once;
  std::optional<int> preflights_per_hour;
  std::optional<bool> probe_costly_drivers;
  std::vector<Exemption> exemptions;
  std::vector<Driver> drivers;  ///< facts that the cluster adds to the catalog, or knows better
};

struct MergedPolicy {
  Policy policy;
  std::vector<Driver> drivers;  ///< to go before the catalog's own; no name is there twice
};

/// The object of the highest priority comes first, of equal ones that of the lesser name. Each field is that
/// of the first object that sets it, and `defaults` where none does. Three lists are joined in that order
/// instead: modes (the first whose selector matches counts), exemptions, and drivers (of a name, the first
/// counts).
[[nodiscard]] MergedPolicy merge_policies(const Policy& defaults, std::vector<PolicyObject> objects);

}  // namespace walguard::core
