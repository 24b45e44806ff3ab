#include "operator/core/probe_plan.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

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
/// count, they are tried again. In a cluster the next one may be of narrower scope, of which a failure says
/// nothing; elsewhere a run always looks as far as it can.
const Evidence* measured_lately(const EvidenceBook& book, const ProbeRequest& request, Strategy strategy,
                                bool in_cluster, UtcSeconds now, UtcSeconds max_age) {
  const auto it = std::ranges::find_if(book.all(), [&](const Evidence& evidence) {
    const bool may_pass_nearer =
        in_cluster && evidence.scope > request.scope && evidence.verdicts[strategy] == Verdict::kUnsafe;
    return evidence.scope >= request.scope && !may_pass_nearer && now - evidence.measured_at <= max_age &&
           std::ranges::any_of(evidence.verdicts.values, [](Verdict v) { return v != Verdict::kUnproven; }) &&
           evidence.key == request.key;
  });
  return it == book.all().end() ? nullptr : &*it;
}

/// Preflight pods on a claim of these modes come this far. Enforced by the scheduler (ReadWriteOncePod) or by
/// attaching (ReadWriteOnce): https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes
std::optional<Scope> widest_of(const std::vector<AccessMode>& modes) {
  const auto has = [&](AccessMode mode) { return std::ranges::find(modes, mode) != modes.end(); };
  if (has(AccessMode::kReadWriteMany)) return Scope::kCluster;
  if (has(AccessMode::kReadWriteOnce)) return Scope::kNode;
  if (has(AccessMode::kReadWriteOncePod)) return Scope::kPod;
  return std::nullopt;
}

/// A Job's pods can have any runtime that a RuntimeClass names; the probe itself is a Linux program.
tl::expected<void, std::string> runtime_in_reach(const std::string& runtime, const ProbeReach& reach) {
  if (runtime == "windows") return Refusal("a preflight runs on Linux and says nothing of Windows nodes");
  if (runtime.starts_with(kUnknownRuntimePrefix)) return Refusal(runtime + " is not in view");
  if (reach.default_runtime_only && !runtime.empty()) {
    return Refusal("a preflight here runs on the host's kernel and says nothing of runtime " + runtime);
  }
  return {};
}

tl::expected<ProbeReach::ClassReach, std::string> class_reach(const VolumeFacts& facts,
                                                              const ProbeReach& reach) {
  if (reach.in_cluster) {
    const auto widest = widest_of(facts.access_modes);
    if (!widest) return Refusal("no access mode of it lets a preflight write");
    return ProbeReach::ClassReach{.widest = *widest, .views = 1};
  }
  const std::string& name = facts.key.storage_class;
  const auto found = reach.classes.find(name);
  if (found != reach.classes.end()) return found->second;
  return Refusal("no preflight can reach class " + name + " (--storage-path " + name +
                 "=DIR tells where it lives)");
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

/// What the class makes afresh is not like this volume.
Refusal differs_from_class(const VolumeFacts& facts, const ProbeReach& reach) {
  std::string text =
      "it is not as class " + facts.storage_class + " makes it now (" + facts.differs_from_class + "): ";
  if (reach.in_cluster) text += "order a ClaimPreflight of claim " + facts.claim + ", ";
  return Refusal(text + "give it what the class has, or move to a new claim");
}

}  // namespace

tl::expected<ProbeRequest, std::string> plan_probe(const VolumeFacts& facts, const EvidenceBook& evidence,
                                                   const Policy& policy, const ProbeReach& reach,
                                                   UtcSeconds now) {
  if (!policy.automatic_preflights) return Refusal("automatic preflights are switched off by policy");
  const EvidenceKey& key = facts.key;
  if (!facts.differs_from_class.empty()) return differs_from_class(facts, reach);
  if (key.storage_class.empty()) {
    return Refusal("only volumes that a StorageClass provisions are measured by themselves");
  }
  if (facts.costly_to_probe && !policy.probe_costly_drivers) {
    return Refusal("volumes of driver " + facts.driver +
                   " are dear: the policy must allow preflights on them");
  }
  if (auto runtime = runtime_in_reach(key.runtime_handler, reach); !runtime) return Refusal(runtime.error());
  const auto in_class = class_reach(facts, reach);
  if (!in_class) return Refusal(in_class.error());
  const Scope scope = facts.scope.value_or(Scope::kCluster);
  const EvidenceAnswer in_reach =
      evidence.ask(key, facts.strategy, in_class->widest, now, policy.evidence_max_age, policy.stale_grace);
  const bool passed_already = in_reach.verdict == Verdict::kSafe;
  if (!can_settle(*in_class, scope, passed_already)) {
    return Refusal("a preflight here proves scope " + std::string(name(in_class->widest)) +
                   ", and the volume may be shared as far as scope " + std::string(name(scope)));
  }
  ProbeRequest request{key, std::min(scope, in_class->widest)};
  if (const Evidence* report = measured_lately(evidence, request, facts.strategy, reach.in_cluster, now,
                                               policy.evidence_max_age)) {
    return leaves_open(*report, facts.strategy);
  }
  return request;
}

}  // namespace walguard::core
