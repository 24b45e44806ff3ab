// What keeps a volume unproven, and the warnings that leave its verdict alone.
#include <algorithm>
#include <cstdint>
#include <string>

#include "operator/core/evidence.h"
#include "operator/core/rule_matches.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

bool binding_tells_nothing(const VolumeFacts& facts) {
  return facts.binding == Binding::kUndecided || facts.binding == Binding::kMissing;
}

Match unknown_driver(const RuleInput& input, Strategy) {
  if (binding_tells_nothing(input.facts)) return Match::kNo;  // claim-unbound says it better
  return input.facts.transport ? Match::kNo : Match::kYes;
}

std::string unknown_driver_reason(const RuleInput& input) {
  if (input.facts.driver.empty()) return "the volume's source is not one that walguard knows";
  return "driver " + input.facts.driver +
         " is not known, or its parameters in view do not tell how it stores bytes";
}

Match claim_unbound(const RuleInput& input, Strategy) {
  return binding_tells_nothing(input.facts) ? Match::kYes : Match::kNo;
}

std::string claim_unbound_reason(const RuleInput& input) {
  if (input.facts.binding == Binding::kUndecided) {
    return "claim " + input.facts.claim + " is not bound and no class decides what it will be";
  }
  if (!input.facts.storage_class.empty())
    return "StorageClass " + input.facts.storage_class + " is not in view";
  return "claim " + input.facts.claim + " is not in view";
}

Match scope_unknown(const RuleInput& input, Strategy) { return input.facts.scope ? Match::kNo : Match::kYes; }

std::string scope_unknown_reason(const RuleInput& input) {
  if (!input.facts.cluster_is_current) {
    return "walguard's view of the cluster is out of date, so it cannot be told who else has it mounted";
  }
  return "it cannot be told whether two nodes may have it mounted at once (" + driver_words(input.facts) +
         ")";
}

/// Storage whose kind alone makes it unsafe: to ask for a measurement of it would be no help.
bool unsafe_by_kind(const VolumeFacts& facts) {
  return facts.transport == Transport::kNetworkFilesystem || facts.transport == Transport::kObjectFuse ||
         facts.transport == Transport::kVmShare;
}

/// Where the driver is known, nothing documents it as safe, and nobody has measured it.
Match evidence_missing(const RuleInput& input, Strategy strategy) {
  if (!input.facts.transport || unsafe_by_kind(input.facts) || documented_safe(input)) return Match::kNo;
  return input.evidence[strategy].evidence == nullptr ? Match::kYes : Match::kNo;
}

std::string evidence_missing_reason(const RuleInput& input) {
  const std::string key = input.facts.key.text();
  return "no preflight has measured it as far as this workload shares it" +
         (key.empty() ? "" : " (" + key + ")");
}

/// A document does not age: to have measured once leaves a volume no worse off than never to have measured.
Match evidence_stale(const RuleInput& input, Strategy strategy) {
  if (documented_safe(input)) return Match::kNo;
  return input.evidence[strategy].age == EvidenceAnswer::Age::kFresh ? Match::kNo : Match::kYes;
}

std::string evidence_stale_reason(const RuleInput& input) {
  const Evidence* evidence = input.evidence[input.facts.strategy].evidence;
  if (evidence == nullptr) return "the preflight that passed is too old";
  constexpr UtcSeconds kDay = UtcSeconds{24} * 3600;
  return "the preflight that passed is " + std::to_string((input.now - evidence->measured_at) / kDay) +
         " days old (report " + evidence->digest + ")";
}

Match rollout_overlap(const RuleInput& input, Strategy) {
  return input.facts.replaced_by_overlap ? Match::kYes : Match::kNo;
}

/// Above one where there are several, or an autoscaler may make them. A claim for each, and a volume that
/// ends with its pod, are nobody else's.
Match scale_out(const RuleInput& input, Strategy) {
  const VolumeFacts& facts = input.facts;
  const bool one_each = facts.workload == WorkloadKind::kDaemonSet || facts.per_replica_claim ||
                        (facts.binding == Binding::kNotAClaim && facts.scope && *facts.scope <= Scope::kPod);
  return most_replicas(facts) > 1 && !one_each ? Match::kYes : Match::kNo;
}

std::string scale_out_reason(const RuleInput& input) {
  const std::int64_t now = input.facts.replicas.value_or(1);
  const std::int64_t most = most_replicas(input.facts);
  const std::string who = most > now
                              ? "an autoscaler may make " + std::to_string(most) + " replicas, which all"
                              : std::to_string(most) + " replicas all";
  return who + " open the same databases: one of them can write at a time";
}

std::string rollout_overlap_reason(const RuleInput& input) {
  return "a rolling update starts the new pod while the old one still has claim " + input.facts.claim +
         " open";
}

}  // namespace

std::int64_t most_replicas(const VolumeFacts& facts) {
  return std::max(facts.replicas.value_or(1), facts.autoscaled_to.value_or(1));
}

bool still_in_grace(const RuleInput& input) {
  return input.evidence[input.facts.strategy].age == EvidenceAnswer::Age::kInGrace;
}

constinit const RuleLogic kUnknownDriver = {unknown_driver, unknown_driver_reason};
constinit const RuleLogic kClaimUnbound = {claim_unbound, claim_unbound_reason};
constinit const RuleLogic kScopeUnknown = {scope_unknown, scope_unknown_reason};
constinit const RuleLogic kEvidenceMissing = {evidence_missing, evidence_missing_reason};
constinit const RuleLogic kEvidenceStale = {evidence_stale, evidence_stale_reason};
constinit const RuleLogic kRolloutOverlap = {rollout_overlap, rollout_overlap_reason};
constinit const RuleLogic kScaleOut = {scale_out, scale_out_reason};

}  // namespace walguard::core
