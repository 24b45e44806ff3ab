/// What an administrator decided: modes, ages, and what is let through.
///
/// Pure values and functions, thread-safe. Where they come from and which of several wins: docs/policy.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// One line of a label selector; matchLabels are kIn with one value.
/// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
struct LabelRequirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Operator is = Operator::kIn;
  std::vector<std::string> values;  ///< of kIn and kNotIn

  friend bool operator==(const LabelRequirement&, const LabelRequirement&) = default;
};

/// All requirements must hold; without one, everything matches.
struct LabelSelector {
  std::vector<LabelRequirement> requirements;

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

/// As Kubernetes: kNotIn holds too where the label is not there.
[[nodiscard]] bool matches(const LabelSelector& selector, const StringMap& labels);

/// The mode of namespaces that have no label walguard/mode and match.
struct ModeRule {
  LabelSelector namespaces;
  Mode mode = Mode::kWarn;

  friend bool operator==(const ModeRule&, const ModeRule&) = default;
};

/// A risk that the administrator has taken for others: the rule's findings there only warn.
struct Exemption {
  std::vector<std::string> namespaces;  ///< names; "*" is every namespace
  std::vector<std::string> rules;       ///< ids; "*" is every rule
  std::string reason;                   ///< for people; recorded wherever it is used

  friend bool operator==(const Exemption&, const Exemption&) = default;
};

struct Policy {
  Mode default_mode = Mode::kWarn;                           ///< where no entry of `modes` matches
  std::vector<ModeRule> modes;                               ///< the first that matches counts
  UtcSeconds evidence_max_age = UtcSeconds{30} * 24 * 3600;  ///< seconds; older evidence is stale
  UtcSeconds stale_grace = UtcSeconds{7} * 24 * 3600;        ///< seconds; so long a stale pass only warns
  /// A network filesystem used from one node only: unsafe, unless this accepts a passing preflight there.
  bool accept_network_filesystem_on_one_node = false;
  /// Namespaces whose pods may carry walguard/accept-risk; "*" is every namespace.
  std::vector<std::string> accept_risk_namespaces;
  std::vector<Exemption> exemptions;
  bool automatic_preflights = true;
  int preflights_at_once = 2;  ///< runs at the same time, in the cluster, those that people order among them
  int preflights_per_hour = 20;  ///< runs begun within an hour, likewise
  bool probe_costly_drivers = false;
};

/// The mode of a namespace with these labels, where it says none itself.
[[nodiscard]] Mode mode_of_namespace(const Policy& policy, const StringMap& labels);

/// The first exemption for this rule in this namespace; null where there is none.
[[nodiscard]] const Exemption* exemption_for(const Policy& policy, std::string_view namespace_name,
                                             std::string_view rule);

}  // namespace walguard::core
