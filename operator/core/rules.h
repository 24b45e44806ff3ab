/// The ordered table of rules: each with when it applies, what it touches, its remedy and its sources.
///
/// Pure, thread-safe. `walguard explain`, the docs page and the metrics label all come from this one table.
/// How to add a rule: CONTRIBUTING.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {

/// Three-valued on purpose: `kUnknown` is what keeps a missing fact from reading as "does not apply".
enum class Match : std::uint8_t { kNo, kYes, kUnknown };

struct RuleInput {
  const VolumeFacts& facts;
  const Policy& policy;
  PerStrategy<EvidenceAnswer> evidence;  ///< asked for this volume's keys at its scope
  UtcSeconds now = 0;
};

/// Asks the book once, for every rule to read.
[[nodiscard]] RuleInput make_rule_input(const VolumeFacts& facts, const EvidenceBook& evidence,
                                        const Policy& policy, UtcSeconds now);

/// What a rule says and when; rules_*.cc hold one for each row of the table.
struct RuleBody {
  Match (*match)(const RuleInput&, Strategy);
  std::string (*reason)(const RuleInput&);  ///< one line about this very volume; only called after kYes
  std::string_view summary;                 ///< one line, for tables and warnings
  std::string_view detail;                  ///< a paragraph: what goes wrong and why
  /// A real way out, whole enough to paste: Kubernetes fields stand as YAML in flow style. Empty for safe
  /// rules.
  std::string_view remedy;
  std::string_view source;
  /// Where it stands, does it only warn? Null: its class says all.
  bool (*only_warns)(const RuleInput&) = nullptr;
};

struct Rule : RuleBody {
  std::string_view id;  ///< stable, kebab-case
  enum class Class : std::uint8_t { kUnsafe, kUnproven, kWarning, kSafe } rule_class;
  StrategySet touches;
  /// Evidence that passes settles this question: an unproven rule no longer stands, an unsafe rule's kUnknown
  /// is answered. It never discharges an unsafe rule's kYes.
  bool discharged_by_evidence;
};

/// In the order in which findings are reported: unsafe, unproven, warnings, safe.
[[nodiscard]] std::span<const Rule> rules();
/// nullptr when there is no rule of that id.
[[nodiscard]] const Rule* find_rule(std::string_view id);

}  // namespace walguard::core
