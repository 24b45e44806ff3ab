/// From judgements to an answer: allow, warn, gate or deny, with the words for people and the marks for
/// machines.
///
/// Pure, thread-safe. Contracts: design section 4 (modes, what is never denied) and section 7 (warnings under
/// 256 characters).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/decide.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

enum class Operation : std::uint8_t { kCreate, kUpdate, kDelete, kConnect };

struct JudgedVolume {
  VolumeFacts facts;
  Judgement judgement;
};

/// What the answer depends on beside the judgements.
struct RequestFacts {
  Operation operation = Operation::kCreate;
  bool mutating = false;  ///< /mutate annotates and gates and never denies: /validate has the last word
  const Workload* object = nullptr;
  /// UPDATE: the judgement of the old object. An update that leaves the storage no worse is never denied.
  const std::vector<JudgedVolume>* old_volumes = nullptr;
  std::optional<std::int64_t> old_replicas;
  bool scale_target_in_view = true;  ///< false: a Scale of a workload that is not in view, so not judged
  /// Null: not in view, the default mode counts; in a cluster at least `gate` (it was made this moment).
  const Namespace* namespace_object = nullptr;
};

struct Answer {
  Decision decision = Decision::kAllow;
  Mode mode = Mode::kWarn;  ///< the one that was in force
  /// When denied, or held at the gate for what a preflight has found: every deciding finding with its remedy.
  std::string message;
  std::vector<std::string> warnings;          ///< each under 256 characters
  Verdict verdict = Verdict::kNotApplicable;  ///< the worst of the volumes
  std::vector<std::string_view> rules;        ///< ids of the findings, worst first, without repeats
  std::string evidence;                       ///< digests that counted, comma-separated
  /// /mutate on a pod: add kGateName, and these annotations.
  bool add_gate = false;
  std::vector<std::pair<std::string_view, std::string>> annotations;
  /// What would settle the unproven volumes; the controller's to run.
  std::vector<ProbeRequest> wanted_probes;
};

/// A hostPath, a bind or a disk of some driver may be a network filesystem all the same: where the
/// preflight's `identity` saw one, that is what the volume is. Only what speaks against it is taken: that it
/// looks local is no guarantee.
void learn_from_identity(VolumeFacts& facts, const EvidenceBook& evidence, const Catalog& catalog);

/// Judges all volumes of a workload.
[[nodiscard]] std::vector<JudgedVolume> judge(const Workload& workload, const ClusterState& cluster,
                                              const Catalog& catalog, const EvidenceBook& evidence,
                                              const Policy& policy, UtcSeconds now);

/// The volumes as they were before an update, judged by the annotations of `object`: to declare a database
/// that was there all along makes the storage no worse.
[[nodiscard]] std::vector<JudgedVolume> judge_before_update(Workload old_object, const Workload& object,
                                                            const ClusterState& cluster,
                                                            const Catalog& catalog,
                                                            const EvidenceBook& evidence,
                                                            const Policy& policy, UtcSeconds now);

[[nodiscard]] Answer respond(const RequestFacts& request, const std::vector<JudgedVolume>& volumes,
                             const EvidenceBook& evidence, const Policy& policy, const ProbeReach& reach,
                             UtcSeconds now);

}  // namespace walguard::core
