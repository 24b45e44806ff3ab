/// The two resources that order a preflight in a cluster and hold what it found: VolumePreflight (a class,
/// proved on a fresh claim) and ClaimPreflight (one claim that is there).
///
/// Plain values; pure, thread-safe. Their JSON is `wire/preflight_resource.h`'s.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

enum class PreflightKind : std::uint8_t { kVolume, kClaim };  ///< VolumePreflight, ClaimPreflight

/// How long the probe looks; its own words.
enum class ProbeProfile : std::uint8_t { kQuick, kStandard, kSoak };

enum class PreflightPhase : std::uint8_t {
  kWaiting,       ///< nothing runs yet; `reason` says what it waits for
  kRunning,       ///< objects of a run exist or are being made
  kCleaningUp,    ///< the run has ended, its result stands in the status, its objects are going
  kDone,          ///< there is a verdict, and nothing of the run is left
  kInconclusive,  ///< the last run gave no verdict; the next one is at `next_retry`
};

struct PreflightSpec {
  std::string storage_class;                            ///< VolumePreflight
  std::string claim;                                    ///< ClaimPreflight
  AccessMode access_mode = AccessMode::kReadWriteOnce;  ///< of the fresh claim
  Scope scope = Scope::kNode;  ///< as far as it is to be proved; kPod, kNode or kCluster
  std::string runtime_class;
  /// What the class must mount with, for the run to say anything of the volumes that it is for; nullopt:
  /// whatever it does.
  std::optional<std::vector<std::string>> mount_options;
  ProbeProfile profile = ProbeProfile::kQuick;
  Placement placement;
  std::string storage = "1Gi";               ///< of the fresh claim; a Kubernetes quantity
  std::optional<std::int64_t> run_as_user;   ///< nullopt: the image's own, 65532
  std::optional<std::int64_t> run_as_group;  ///< likewise
  std::optional<UtcSeconds>
      ttl_after_finish;  ///< seconds after which the object itself goes; nullopt: it stays
};

struct ProbeCheck {
  std::string id;
  std::string result;  ///< pass, fail, unsupported, not-run
  std::string detail;

  friend bool operator==(const ProbeCheck&, const ProbeCheck&) = default;
};

struct ProbedNode {
  std::string name;
  std::string
      kernel;  ///< of the node itself, by the API; "" where it was not in view. A sandbox has another.

  friend bool operator==(const ProbedNode&, const ProbedNode&) = default;
};

/// What the last run that said something has said.
struct Measurement {
  Evidence evidence;
  std::vector<ProbeCheck> checks;
  std::vector<ProbedNode> nodes;
  std::string sqlite_version;
  std::string operator_version;  ///< of the walguard that ordered it

  [[nodiscard]] bool has_verdict() const;
};

struct Condition {
  std::string type;
  bool is_true = false;
  std::string reason;
  std::string message;
  UtcSeconds since = 0;

  friend bool operator==(const Condition&, const Condition&) = default;
};

struct PreflightStatus {
  PreflightPhase phase = PreflightPhase::kWaiting;
  std::string reason;   ///< CamelCase, stable: for programs and `kubectl get`
  std::string message;  ///< one line for people
  std::int64_t observed_generation = 0;

  int run = 0;                  ///< number of the current or last run; names its objects. 0: none yet
  UtcSeconds run_started = 0;   ///< 0: never
  UtcSeconds run_finished = 0;  ///< 0: never
  std::vector<UtcSeconds> recent_starts;  ///< of the last hour, for the limit per hour
  EvidenceKey run_key;                    ///< what the current or last run measures
  std::string volume;                     ///< PersistentVolume made for the run, whose end is awaited; or ""
  std::string foreign_volume;  ///< PersistentVolume that is not ours and was bound all the same; or ""
  int inconclusive_runs = 0;   ///< in a row
  UtcSeconds next_retry = 0;   ///< 0: none is set

  std::optional<Measurement> measured;
  std::vector<Condition> conditions;
};

struct Preflight {
  PreflightKind kind = PreflightKind::kVolume;
  std::string namespace_name;  ///< ClaimPreflight
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  UtcSeconds created = 0;
  bool deleting = false;
  bool automatic = false;  ///< made by walguard on need (label app.kubernetes.io/managed-by), not by a person
  PreflightSpec spec;
  PreflightStatus status;
};

inline constexpr std::string_view kConditionMeasured = "Measured";
inline constexpr std::string_view kConditionCleanedUp = "CleanedUp";

[[nodiscard]] std::string_view name(PreflightKind kind);
[[nodiscard]] std::string_view name(ProbeProfile profile);
[[nodiscard]] std::string_view name(PreflightPhase phase);
[[nodiscard]] std::optional<ProbeProfile> parse_profile(std::string_view text);
[[nodiscard]] std::optional<PreflightPhase> parse_phase(std::string_view text);

/// The key under which a run on a fresh claim of this class is evidence: the same that `resolve` asks for.
[[nodiscard]] EvidenceKey class_key(const StorageClass& storage_class, std::string_view runtime_handler,
                                    AccessMode access_mode);

/// What the status holds as evidence; nullptr before the first report.
[[nodiscard]] const Evidence* evidence_of(const PreflightStatus& status);

/// Sets or adds the condition; `since` changes only with its truth.
void set_condition(PreflightStatus& status, std::string_view type, bool is_true, std::string reason,
                   std::string message, UtcSeconds now);

}  // namespace walguard::core
