#include "operator/core/response.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/accepted_risk.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/databases.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/placement.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// The Kubernetes limit for one entry of AdmissionResponse.warnings is 256 characters; longer ones are cut by
/// clients.
constexpr std::size_t kWarningLimit = 255;

struct Context {
  const RequestFacts& request;
  const Workload& object;
  const EvidenceBook& evidence;
  const Policy& policy;
  const ProbeReach& reach;
  UtcSeconds now;
  Mode mode;
  bool require_local;
};

Mode mode_in_force(const RequestFacts& request, const Policy& policy, const ProbeReach& reach) {
  const Namespace* in_namespace = request.namespace_object;
  if (in_namespace != nullptr && in_namespace->ignored) return Mode::kOff;
  Mode from_namespace = policy.default_mode;
  // In a cluster all namespaces are in view but one that was made this very moment. What it asks for is not
  // known yet, and only a gate can be opened again.
  if (in_namespace == nullptr && reach.in_cluster) from_namespace = std::max(from_namespace, Mode::kGate);
  if (in_namespace != nullptr) {
    from_namespace = in_namespace->mode.value_or(mode_of_namespace(policy, in_namespace->labels));
  }
  const auto& annotation = request.object->annotations.mode;
  const auto own = annotation ? parse<Mode>(*annotation) : std::nullopt;
  // An author may only be stricter than the namespace: a looser word would undo the administrator's.
  return own && *own > from_namespace ? *own : from_namespace;
}

std::optional<AcceptedRisk> accepted(const Finding& finding, const Context& context) {
  return accepted_risk(context.object, context.policy, finding.rule);
}

bool stands(const Finding& finding, Severity severity, const Context& context) {
  return finding.severity == severity && !accepted(finding, context);
}

/// Findings of this severity that nobody has accepted. Recognised databases (design section 3) only warn,
/// unless the author asked for a guarantee.
bool blocks(const JudgedVolume& volume, Severity severity, const Context& context) {
  if (volume.facts.certainty < Certainty::kFound && !context.require_local) return false;
  const auto any_stands = [&](Severity wanted) {
    return std::ranges::any_of(volume.judgement.findings,
                               [&](const Finding& finding) { return stands(finding, wanted, context); });
  };
  // What is unsafe is not unproven as well: no preflight would change the verdict that a gate waits for.
  if (severity == Severity::kUnproven && any_stands(Severity::kUnsafe)) return false;
  return any_stands(severity);
}

const JudgedVolume* same_volume(const std::vector<JudgedVolume>& volumes, const JudgedVolume& wanted) {
  const auto it = std::ranges::find_if(volumes, [&](const JudgedVolume& volume) {
    return volume.facts.volume == wanted.facts.volume && volume.facts.claim == wanted.facts.claim;
  });
  return it == volumes.end() ? nullptr : &*it;
}

bool every_rule_was_there(const JudgedVolume& now, const JudgedVolume& before) {
  return std::ranges::all_of(now.judgement.findings, [&](const Finding& finding) {
    return finding.severity < Severity::kUnproven ||
           std::ranges::find(before.judgement.findings, finding.rule, &Finding::rule) !=
               before.judgement.findings.end();
  });
}

/// A volume that only got another name is known by its claim: the old name is not there any more. One more
/// volume on the same claim is not that.
bool was_no_better(const JudgedVolume& volume, const std::vector<JudgedVolume>& old_volumes,
                   const std::vector<JudgedVolume>& volumes) {
  if (const JudgedVolume* const before = same_volume(old_volumes, volume)) {
    return every_rule_was_there(volume, *before);
  }
  if (volume.facts.claim.empty()) return false;
  return std::ranges::any_of(old_volumes, [&](const JudgedVolume& before) {
    const bool renamed = before.facts.claim == volume.facts.claim && same_volume(volumes, before) == nullptr;
    return renamed && every_rule_was_there(volume, before);
  });
}

bool scaled_up(const Context& context) {
  if (!context.object.replicas && !context.request.old_replicas) return false;
  return context.object.replicas.value_or(1) > context.request.old_replicas.value_or(1);
}

/// Design section 4: an update that leaves the storage facts no worse, a scale-down and a deletion are never
/// denied.
bool never_denied(const Context& context, const std::vector<JudgedVolume>& volumes) {
  const RequestFacts& request = context.request;
  if (request.operation == Operation::kDelete || request.operation == Operation::kConnect) return true;
  if (context.object.being_deleted || context.object.mirror_pod) return true;
  if (request.operation != Operation::kUpdate || request.old_volumes == nullptr || scaled_up(context))
    return false;
  return std::ranges::all_of(volumes, [&](const JudgedVolume& volume) {
    return was_no_better(volume, *request.old_volumes, volumes);
  });
}

bool has_gate(const Workload& workload) {
  const auto& gates = workload.pod.scheduling_gates;
  return std::ranges::find(gates, kGateName) != gates.end();
}

/// Gates can be set only while a pod is created, and the API server refuses them together with spec.nodeName.
bool may_hold_gate(const Context& context) {
  return context.object.kind == WorkloadKind::kPod && context.request.operation == Operation::kCreate &&
         context.object.pod.node_name.empty();
}

/// In a cluster a claim is often made in the same breath as what uses it, and bound a moment later. Until
/// then nothing can run on it anyway.
bool will_be_known(const JudgedVolume& volume, const Context& context) {
  const Binding binding = volume.facts.binding;
  return context.reach.in_cluster && (binding == Binding::kMissing || binding == Binding::kUndecided);
}

/// A run on two nodes cannot keep to one. And each pod of a DaemonSet is pinned to a node of its own: one
/// preflight speaks for all of them.
Placement placement_of(const Workload& workload, Scope scope) {
  const bool not_pinned = scope == Scope::kCluster || workload.owner_kind == "DaemonSet";
  return not_pinned ? on_any_node_of_its_kind(workload.pod.placement) : workload.pod.placement;
}

/// The preflights for every unproven volume; nullopt when one of them cannot be settled, with the reason.
std::optional<std::string> plan_probes(const Context& context, const std::vector<JudgedVolume>& volumes,
                                       std::vector<ProbeRequest>& probes) {
  std::optional<std::string> refusal;
  for (const JudgedVolume& volume : volumes) {
    if (!blocks(volume, Severity::kUnproven, context)) continue;
    // Seen clearly again, it may need no preflight, or another one: until then it is only held.
    if (!volume.facts.cluster_is_current || will_be_known(volume, context)) continue;
    auto plan = plan_probe(volume.facts, context.evidence, context.policy, context.reach, context.now);
    if (plan) {
      if (context.reach.in_cluster) plan->placement = placement_of(context.object, plan->scope);
      probes.push_back(*std::move(plan));
    } else if (!refusal) {
      refusal = "volume \"" + volume.facts.volume + "\": " + plan.error();
    }
  }
  return refusal;
}

bool any_blocks(const std::vector<JudgedVolume>& volumes, Severity severity, const Context& context) {
  return std::ranges::any_of(volumes,
                             [&](const JudgedVolume& volume) { return blocks(volume, severity, context); });
}

/// What stands in the way, of the worse kind alone, and then each way out once: several findings of one
/// volume often share it.
std::string denial(const std::vector<JudgedVolume>& volumes, const Context& context) {
  const bool unsafe = any_blocks(volumes, Severity::kUnsafe, context);
  const Severity deciding = unsafe ? Severity::kUnsafe : Severity::kUnproven;
  std::string text = "walguard:";
  std::vector<std::string_view> remedies;
  for (const JudgedVolume& volume : volumes) {
    for (const Finding& finding : volume.judgement.findings) {
      if (!stands(finding, deciding, context)) continue;
      text.append(" volume \"").append(volume.facts.volume).append("\": ").append(finding.rule);
      text.append(": ").append(finding.reason).append(".");
      const bool repeated = std::ranges::find(remedies, finding.remedy) != remedies.end();
      if (!repeated && !finding.remedy.empty()) remedies.push_back(finding.remedy);
    }
  }
  for (const std::string_view remedy : remedies) text.append(" Remedy: ").append(remedy);
  return text;
}

/// Cuts at a character, not inside one.
std::string within_limit(std::string text) {
  if (text.size() <= kWarningLimit) return text;
  constexpr std::string_view kMark = "...";
  std::size_t end = kWarningLimit - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end).append(kMark);
}

std::string mark_of(const std::optional<AcceptedRisk>& accepted) {
  if (!accepted) return {};
  if (accepted->by == AcceptedRisk::By::kAnnotation) return " (risk accepted)";
  return " (exempt by policy: " + std::string(accepted->reason) + ")";
}

void add_warnings(Answer& answer, const std::vector<JudgedVolume>& volumes, const Context& context) {
  for (const JudgedVolume& volume : volumes) {
    for (const Finding& finding : volume.judgement.findings) {
      if (finding.severity == Severity::kInfo) continue;
      std::string text = "walguard: volume \"" + volume.facts.volume + "\": " + std::string(finding.rule);
      answer.warnings.push_back(
          within_limit(text + mark_of(accepted(finding, context)) + ": " + finding.reason));
    }
  }
}

void add_complaints(Answer& answer, const Context& context) {
  for (const std::string& complaint : annotation_complaints(context.object)) {
    answer.warnings.push_back(within_limit("walguard: " + complaint));
  }
  for (const std::string& complaint : accept_risk_complaints(context.object, context.policy)) {
    answer.warnings.push_back(within_limit("walguard: " + complaint));
  }
}

/// Nothing can be said of a workload that is not in view; its pods are judged when they are made.
void add_scale_warning(Answer& answer, const Context& context) {
  if (context.request.scale_target_in_view || !scaled_up(context)) return;
  const Workload& scale = context.object;
  answer.warnings.push_back(within_limit("walguard: the workload " + scale.namespace_name + "/" + scale.name +
                                         " is not in view, so it was not judged what " +
                                         std::to_string(scale.replicas.value_or(1)) +
                                         " replicas would do to its volumes"));
}

void deny(Answer& answer, std::string message) {
  answer.decision = Decision::kDeny;
  answer.message = std::move(message);
}

/// Unproven volumes of a pod or workload that must not run on them: held by a gate where one can be opened
/// again.
void hold_unproven(Answer& answer, const std::vector<JudgedVolume>& volumes, const Context& context) {
  std::vector<ProbeRequest> probes;
  const auto refusal = plan_probes(context, volumes, probes);
  answer.wanted_probes = std::move(probes);
  const bool enforcing = context.mode == Mode::kEnforce || context.require_local;
  if (refusal && !enforcing) {
    answer.warnings.push_back(within_limit("walguard: no preflight can settle it: " + *refusal));
  }
  if (context.object.kind != WorkloadKind::kPod) {
    // The workload's pods will be gated; only where no gate could ever open is the workload itself refused.
    if (enforcing && refusal && !context.request.mutating) {
      deny(answer, denial(volumes, context) + " No preflight can settle it: " + *refusal + ".");
    }
    return;
  }
  if (has_gate(context.object) && !refusal) {
    answer.decision = Decision::kGate;
  } else if (may_hold_gate(context) && !refusal && context.request.mutating) {
    answer.decision = Decision::kGate;
    answer.add_gate = true;
  } else if (enforcing && !context.request.mutating) {
    const std::string why = refusal ? "No preflight can settle it: " + *refusal
                                    : "The pod does not hold the scheduling gate " + std::string(kGateName);
    deny(answer, denial(volumes, context) + " " + why + ".");
  }
}

/// Mode `gate` waits for a preflight, so it does not let run what a preflight has found unsafe. What is
/// unsafe by its kind alone needs none: that it only warns of.
bool failed_its_preflight(const JudgedVolume& volume, const Context& context) {
  return blocks(volume, Severity::kUnsafe, context) &&
         std::ranges::any_of(volume.judgement.findings, [&](const Finding& finding) {
           return finding.rule == "preflight-failed" && stands(finding, Severity::kUnsafe, context);
         });
}

/// Held for as long as that is so, and told why; where no gate can hold it there is only the warning.
void hold_failed(Answer& answer, const std::vector<JudgedVolume>& volumes, const Context& context) {
  const bool held = has_gate(context.object);
  const bool can_be_held = may_hold_gate(context) && context.request.mutating;
  if (!held && !can_be_held) return;
  answer.decision = Decision::kGate;
  answer.add_gate = !held;
  answer.message = denial(volumes, context);
}

void act(Answer& answer, const std::vector<JudgedVolume>& volumes, const Context& context) {
  answer.decision = answer.warnings.empty() ? Decision::kAllow : Decision::kWarn;
  if (never_denied(context, volumes)) return;
  const bool enforcing = context.mode == Mode::kEnforce || context.require_local;
  if (enforcing && any_blocks(volumes, Severity::kUnsafe, context)) {
    if (!context.request.mutating) deny(answer, denial(volumes, context));
    return;
  }
  const bool holding = enforcing || context.mode == Mode::kGate;
  if (holding && any_blocks(volumes, Severity::kUnproven, context)) hold_unproven(answer, volumes, context);
  const bool failed = std::ranges::any_of(
      volumes, [&](const JudgedVolume& volume) { return failed_its_preflight(volume, context); });
  if (holding && failed) hold_failed(answer, volumes, context);
}

/// Worst first over all volumes, each rule once.
std::vector<std::string_view> rules_found(const std::vector<JudgedVolume>& volumes) {
  std::vector<const Finding*> findings;
  for (const JudgedVolume& volume : volumes) {
    for (const Finding& finding : volume.judgement.findings) findings.push_back(&finding);
  }
  std::ranges::stable_sort(findings, std::greater{}, &Finding::severity);
  std::vector<std::string_view> rules;
  for (const Finding* finding : findings) {
    if (std::ranges::find(rules, finding->rule) == rules.end()) rules.push_back(finding->rule);
  }
  return rules;
}

void summarise(Answer& answer, const std::vector<JudgedVolume>& volumes) {
  answer.rules = rules_found(volumes);
  for (const JudgedVolume& volume : volumes) {
    answer.verdict = std::max(answer.verdict, volume.judgement.verdict);
    const std::string& digest = volume.judgement.evidence;
    if (digest.empty() || answer.evidence.find(digest) != std::string::npos) continue;
    if (!answer.evidence.empty()) answer.evidence += ',';
    answer.evidence += digest;
  }
}

void annotate(Answer& answer) {
  std::string findings;
  for (const std::string_view rule : answer.rules) findings.append(findings.empty() ? "" : ",").append(rule);
  answer.annotations.emplace_back("walguard/verdict", name(answer.verdict));
  answer.annotations.emplace_back("walguard/findings", std::move(findings));
  if (!answer.evidence.empty()) answer.annotations.emplace_back("walguard/evidence", answer.evidence);
}

}  // namespace

Answer respond(const RequestFacts& request, const std::vector<JudgedVolume>& volumes,
               const EvidenceBook& evidence, const Policy& policy, const ProbeReach& reach, UtcSeconds now) {
  const Workload& object = *request.object;
  const Mode mode = mode_in_force(request, policy, reach);
  const bool wants_guarantee = object.annotations.require_local.value_or(false);
  const Context context{.request = request,
                        .object = object,
                        .evidence = evidence,
                        .policy = policy,
                        .reach = reach,
                        .now = now,
                        .mode = mode,
                        // Where an administrator has switched walguard off, nothing is held back.
                        .require_local = mode != Mode::kOff && wants_guarantee};
  Answer answer;
  answer.mode = context.mode;
  summarise(answer, volumes);
  if (mode == Mode::kOff && wants_guarantee) {
    answer.warnings.emplace_back(
        "walguard: annotation walguard/require-local is not honoured: walguard is off in this namespace");
  }
  const bool watching_only = mode <= Mode::kAudit && !context.require_local;
  if (watching_only) return answer;
  add_complaints(answer, context);
  add_scale_warning(answer, context);
  add_warnings(answer, volumes, context);
  act(answer, volumes, context);
  const bool pod_being_made = object.kind == WorkloadKind::kPod && request.operation == Operation::kCreate;
  if (request.mutating && pod_being_made && !volumes.empty()) annotate(answer);
  return answer;
}

}  // namespace walguard::core
