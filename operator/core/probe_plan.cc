#include "operator/core/probe_plan.h"

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
  return ProbeRequest{key, scope <= found->second.widest ? scope : found->second.widest};
}

}  // namespace walguard::core
