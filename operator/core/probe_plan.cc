#include "operator/core/probe_plan.h"

#include <algorithm>
#include <string>

#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

using Refusal = tl::unexpected<std::string>;

/// Whether a run of this reach can give a verdict for `scope`. Two views of one directory stand for two
/// nodes: a failure between them settles `cluster`, a pass does not.
bool can_settle(const ProbeReach::ClassReach& reach, Scope scope, bool passed_already) {
  if (scope <= reach.widest) return true;
  return reach.views > 1 && !passed_already;
}

/// A run with a verdict that is still fresh: the next one would say no more. Runs without any verdict do not
/// count, they are tried again.
const Evidence* measured_lately(const EvidenceBook& book, const EvidenceKey& key, Scope scope, UtcSeconds now,
                                UtcSeconds max_age) {
  const auto it = std::ranges::find_if(book.all(), [&](const Evidence& evidence) {
    return evidence.scope >= scope && now - evidence.measured_at <= max_age &&
           std::ranges::any_of(evidence.verdicts.values, [](Verdict v) { return v != Verdict::kUnproven; }) &&
           evidence.key == key;
  });
  return it == book.all().end() ? nullptr : &*it;
}

/// No run can settle what this one left open; a gate that waited for one would never open.
Refusal leaves_open(const Evidence& report, Strategy strategy) {
  if (report.verdicts[strategy] == Verdict::kUnproven) {
    return Refusal("the preflight (report " + report.digest + ") gives no verdict for " +
                   std::string(name(strategy)));
  }
  return Refusal("a preflight has measured it (report " + report.digest +
                 "), and what is still open no measurement can tell");
}

}  // namespace

tl::expected<ProbeRequest, std::string> plan_probe(const VolumeFacts& facts, const EvidenceBook& evidence,
                                                   const Policy& policy, const ProbeReach& reach,
                                                   UtcSeconds now) {
  if (!policy.automatic_preflights) return Refusal("automatic preflights are switched off by policy");
  const EvidenceKey& key = facts.key;
  if (key.storage_class.empty()) {
    return Refusal("only volumes that a StorageClass provisions are measured by themselves");
  }
  if (facts.costly_to_probe && !policy.probe_costly_drivers) {
    return Refusal("volumes of driver " + facts.driver +
                   " are dear: the policy must allow preflights on them");
  }
  if (reach.default_runtime_only && !key.runtime_handler.empty()) {
    return Refusal("a preflight here runs on the host's kernel and says nothing of runtime " +
                   key.runtime_handler);
  }
  const auto found = reach.classes.find(key.storage_class);
  if (found == reach.classes.end()) {
    return Refusal("no preflight can reach class " + key.storage_class + " (--storage-path " +
                   key.storage_class + "=DIR tells where it lives)");
  }
  const Scope scope = facts.scope.value_or(Scope::kCluster);
  const EvidenceAnswer in_reach = evidence.ask(key, facts.strategy, found->second.widest, now,
                                               policy.evidence_max_age, policy.stale_grace);
  const bool passed_already = in_reach.verdict == Verdict::kSafe;
  if (!can_settle(found->second, scope, passed_already)) {
    return Refusal("a preflight here proves scope " + std::string(name(found->second.widest)) +
                   ", and the volume may be shared as far as scope " + std::string(name(scope)));
  }
  const Scope reached = std::min(scope, found->second.widest);
  if (const Evidence* report = measured_lately(evidence, key, reached, now, policy.evidence_max_age)) {
    return leaves_open(*report, facts.strategy);
  }
  return ProbeRequest{key, reached};
}

}  // namespace walguard::core
