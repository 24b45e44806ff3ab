/// What is to be done about the preflights of a cluster: observe -> next_actions(world, now) -> execute.
///
/// Pure, level-triggered, idempotent: it knows nothing but what it is shown, so it goes on after a crash
/// wherever it was, and an action that was taken shows in the next world. Thread-safe.
///
/// One run of a VolumePreflight, each step seen before the next is taken:
///   status Running -> claim -> Job, suspended -> (claim bound to a volume that is ours; with a
///   WaitForFirstConsumer class this comes later) -> Service and Secret -> Job resumed -> reports ->
///   status CleaningUp with what they say -> Job away -> pods away -> claim away -> volume away, or too long
///   in going -> Done or Inconclusive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core {

enum class ActionKind : std::uint8_t {
  kWriteStatus,        ///< `status`
  kEmitEvent,          ///< about the preflight: `warning`, `reason`, `message`
  kCreateClaim,        ///< of run `name`
  kCreateJob,          ///< of run `name`, suspended, in claim `claim`
  kCreateService,      ///< of run `name`, owned by its Job `uid`
  kCreateSecret,       ///< likewise, with a token that nobody knows
  kResumeJob,          ///< `name`, `uid`
  kDeleteJob,          ///< `name`, `uid`: with its pods, Service and Secret
  kDeletePod,          ///< `name`, `uid`; `force`: its node is dead
  kDeleteClaim,        ///< `name`, `uid`
  kSetVolumeToDelete,  ///< PersistentVolume `name`: our own, of a Retain class
  kProtectVolume,    ///< PersistentVolume `name`: not ours; to Retain, remembering `policy`, before our claim
                     ///< goes
  kReleaseVolume,    ///< PersistentVolume `name` of claim `uid`: free again, with its own `policy`
  kDeletePreflight,  ///< its own time is over, or nobody needs it any more
};
[[nodiscard]] std::string_view name(ActionKind kind);

struct Action {
  ActionKind kind = ActionKind::kWriteStatus;
  std::optional<std::size_t>
      preflight;               ///< index into world.preflights; nullopt: an object of one that is gone
  std::string namespace_name;  ///< of the object
  std::string name;
  std::string uid;
  std::string claim;
  std::string policy;
  bool force = false;
  bool warning = false;
  std::string reason;
  std::string message;
  std::optional<PreflightStatus> status;
};

/// In the order in which they are to be executed. One that fails ends the list for its preflight: what comes
/// after it may count on it.
[[nodiscard]] std::vector<Action> next_actions(const PreflightWorld& world, UtcSeconds now);

/// Whether it holds a verdict on a class that is there: then it stays though no pod waits for it.
[[nodiscard]] bool is_worth_keeping(const ObservedPreflight& observed);

/// The name that all objects of a run share; at most 40 characters, a DNS label.
[[nodiscard]] std::string run_name(const Preflight& preflight, int run);
/// Where the storage is mounted in the run's pods. No other run has it there: a report says whose it is.
[[nodiscard]] std::string mount_path(std::string_view run);
/// Seconds that the pods of a run of this profile have from when they are allowed to start: to start, and to
/// measure.
[[nodiscard]] UtcSeconds run_deadline(const PreflightLimits& limits, ProbeProfile profile);

}  // namespace walguard::core
