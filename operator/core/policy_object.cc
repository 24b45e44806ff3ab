#include "operator/core/policy_object.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/policy.h"

namespace walguard::core {
namespace {

bool comes_first(const PolicyObject& a, const PolicyObject& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
}

/// The first object that sets `field` decides.
template <typename Field, typename Target>
void take_first(const std::vector<PolicyObject>& objects, Field PolicyObject::* field, Target& target) {
  for (const PolicyObject& object : objects) {
    if (const auto& value = object.*field) {
      target = *value;
      return;
    }
  }
}

/// Leaves only names that no object before has.
Driver without_known_names(Driver driver, std::set<std::string>& known) {
  const auto is_known = [&](const std::string& name) { return !known.insert(name).second; };
  std::erase_if(driver.names, is_known);
  std::erase_if(driver.suffixes, is_known);
  return driver;
}

}  // namespace

MergedPolicy merge_policies(const Policy& defaults, std::vector<PolicyObject> objects) {
  std::ranges::sort(objects, comes_first);
  MergedPolicy merged{.policy = defaults, .drivers = {}};
  Policy& policy = merged.policy;
  take_first(objects, &PolicyObject::evidence_max_age, policy.evidence_max_age);
  take_first(objects, &PolicyObject::stale_grace, policy.stale_grace);
  take_first(objects, &PolicyObject::accept_network_filesystem_on_one_node,
             policy.accept_network_filesystem_on_one_node);
  take_first(objects, &PolicyObject::accept_risk_namespaces, policy.accept_risk_namespaces);
  take_first(objects, &PolicyObject::automatic_preflights, policy.automatic_preflights);
  take_first(objects, &PolicyObject::preflights_at_once, policy.preflights_at_once);
  take_first(objects, &PolicyObject::preflights_per_hour, policy.preflights_per_hour);
  take_first(objects, &PolicyObject::probe_costly_drivers, policy.probe_costly_drivers);

  std::set<std::string> known_drivers;
  for (PolicyObject& object : objects) {
    if (object.default_mode) policy.modes.push_back({std::move(object.namespaces), *object.default_mode});
    std::ranges::move(object.exemptions, std::back_inserter(policy.exemptions));
    for (Driver& driver : object.drivers) {
      Driver rest = without_known_names(std::move(driver), known_drivers);
      if (!rest.names.empty() || !rest.suffixes.empty()) merged.drivers.push_back(std::move(rest));
    }
  }
  return merged;
}

}  // namespace walguard::core
