#include "operator/core/policy.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

bool names(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::any_of(list, [&](const std::string& entry) { return entry == "*" || entry == wanted; });
}

bool holds(const LabelRequirement& requirement, const StringMap& labels) {
  using Operator = LabelRequirement::Operator;
  const auto label = labels.find(requirement.key);
  const bool is_there = label != labels.end();
  const bool is_listed =
      is_there && std::ranges::find(requirement.values, label->second) != requirement.values.end();
  switch (requirement.is) {
    case Operator::kIn:
      return is_listed;
    case Operator::kNotIn:
      return !is_listed;
    case Operator::kExists:
      return is_there;
    case Operator::kDoesNotExist:
      return !is_there;
  }
  return false;
}

}  // namespace

bool matches(const LabelSelector& selector, const StringMap& labels) {
  return std::ranges::all_of(selector.requirements,
                             [&](const LabelRequirement& requirement) { return holds(requirement, labels); });
}

Mode mode_of_namespace(const Policy& policy, const StringMap& labels) {
  const auto rule = std::ranges::find_if(
      policy.modes, [&](const ModeRule& entry) { return matches(entry.namespaces, labels); });
  return rule == policy.modes.end() ? policy.default_mode : rule->mode;
}

const Exemption* exemption_for(const Policy& policy, std::string_view namespace_name, std::string_view rule) {
  const auto found = std::ranges::find_if(policy.exemptions, [&](const Exemption& exemption) {
    return names(exemption.namespaces, namespace_name) && names(exemption.rules, rule);
  });
  return found == policy.exemptions.end() ? nullptr : &*found;
}

}  // namespace walguard::core
