/// Decides whether one volume may hold a SQLite database, per journal strategy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {

/// One rule that applies to one volume. The views point into the rule table and live as long as the program.
struct Finding {
  std::string_view rule;
  Severity severity = Severity::kInfo;
  std::string reason;
  std::string_view detail;
  std::string_view remedy;
  std::string_view source;
};

struct Judgement {
  PerStrategy<Verdict> verdicts{{Verdict::kUnproven, Verdict::kUnproven, Verdict::kUnproven}};
  Verdict verdict = Verdict::kUnproven;  ///< of the strategy the workload uses
  Basis basis = Basis::kNone;
  std::vector<Finding> findings;  ///< worst first, then in the order of the table
  std::string evidence;           ///< digest of the report that counted, empty when none did
};

/// Pure: reads no clock, file, network or global state. Thread-safe. Retains no argument.
///
/// `facts`: a nullopt field means "could not be learned", never "absent".
/// `now`: UTC seconds; used only to age evidence against `policy.evidence_max_age` (seconds).
///
/// Returns every finding, worst first. `kSafe` comes only from a rule that cites a guarantee or from a
/// matching measurement, and never while an unsafe rule applies or cannot be excluded; where nothing applies
/// the verdict is kUnproven with the rule "evidence-missing".
[[nodiscard]] Judgement decide(const VolumeFacts& facts, const EvidenceBook& evidence, const Policy& policy,
                               UtcSeconds now);

}  // namespace walguard::core
