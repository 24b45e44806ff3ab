// How the objects of a run go: Job, then pods, then claim, then volume. Somebody else's volume that a claim
// of ours got bound to is protected before the claim goes, and then given back as it was found.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_steps.h"
#include "operator/core/preflight_world.h"

namespace walguard::core {
namespace {

constexpr std::string_view kDelete = "Delete";
constexpr const char* kStuck = "Stuck";  // of the condition CleanedUp

const ObservedVolume* volume_of(const ObservedClaim& claim, const std::vector<ObservedVolume>& volumes) {
  const auto it = std::ranges::find(volumes, claim.volume, &ObservedVolume::name);
  return it == volumes.end() ? nullptr : &*it;
}

/// Kubernetes calls the volume it provisions for a claim after the claim's uid, with whatever prefix.
bool is_named_after_its_claim(const ObservedVolume& volume) {
  return !volume.provisioned_by.empty() && !volume.claim_uid.empty() &&
         volume.name.find(volume.claim_uid) != std::string::npos;
}

class Cleaner {
 public:
  Cleaner(const PreflightWorld& world, const RunObjects& objects, std::string_view namespace_name,
          std::optional<std::size_t> preflight, const PreflightStatus* known, std::vector<Action>& actions)
      : world_(world),
        objects_(objects),
        namespace_(namespace_name),
        preflight_(preflight),
        known_(known),
        actions_(actions) {}

  [[nodiscard]] bool run() {
    for (const ObservedClaim& claim : objects_.claims) settle_volume_of(claim);
    for (const ObservedJob& job : objects_.jobs) {
      if (!job.deleting) act(ActionKind::kDeleteJob, job.name, job.uid);
    }
    for (const ObservedPod& pod : objects_.pods) remove(pod);
    if (objects_.jobs.empty() && objects_.pods.empty()) {
      for (const ObservedClaim& claim : objects_.claims) remove(claim);
    }
    bool volumes_gone = true;
    for (const ObservedVolume& volume : objects_.volumes)
      volumes_gone = remove_or_release(volume) && volumes_gone;
    return objects_.jobs.empty() && objects_.pods.empty() && objects_.claims.empty() && volumes_gone;
  }

 private:
  Action& act(ActionKind kind, const std::string& object, const std::string& uid) {
    Action& action = actions_.emplace_back();
    action.kind = kind;
    action.preflight = preflight_;
    action.namespace_name = namespace_;
    action.name = object;
    action.uid = uid;
    return action;
  }

  [[nodiscard]] bool is_dead(const std::string& node) const {
    const auto it = std::ranges::find(world_.nodes, node, &ObservedNode::name);
    return it == world_.nodes.end() || !it->ready;
  }

  void settle_volume_of(const ObservedClaim& claim) {
    const ObservedVolume* const volume = volume_of(claim, objects_.volumes);
    switch (origin_of(claim, objects_.volumes)) {
      case Origin::kOurs:
        if (volume->policy != kDelete) act(ActionKind::kSetVolumeToDelete, volume->name, claim.uid);
        break;
      case Origin::kForeign:
        if (volume->protected_policy.empty()) {
          act(ActionKind::kProtectVolume, volume->name, claim.uid).policy = volume->policy;
        }
        break;
      case Origin::kNone:
      case Origin::kNotInView:
        break;
    }
  }

  /// A Job that goes takes its pods with it. A kubelet that is dead never confirms the end of a pod, and
  /// neither the claim nor its volume could go.
  void remove(const ObservedPod& pod) {
    const bool dead = pod.deleting && !pod.node.empty() && is_dead(pod.node);
    if (dead) act(ActionKind::kDeletePod, pod.name, pod.uid).force = true;
    if (!pod.deleting && objects_.jobs.empty()) act(ActionKind::kDeletePod, pod.name, pod.uid);
  }

  void remove(const ObservedClaim& claim) {
    if (claim.deleting) return;
    const ObservedVolume* const volume = volume_of(claim, objects_.volumes);
    const Origin origin = origin_of(claim, objects_.volumes);
    const bool settled =
        origin == Origin::kNone || origin == Origin::kNotInView ||
        (origin == Origin::kOurs ? volume->policy == kDelete : !volume->protected_policy.empty());
    if (settled) act(ActionKind::kDeleteClaim, claim.name, claim.uid);
  }

  /// True when it is no concern of ours any more.
  bool remove_or_release(const ObservedVolume& volume) {
    const bool claim_is_there = std::ranges::any_of(
        objects_.claims, [&](const ObservedClaim& claim) { return claim.volume == volume.name; });
    if (claim_is_there) return false;
    if (!volume.protected_policy.empty()) {
      act(ActionKind::kReleaseVolume, volume.name, volume.claim_uid).policy = volume.protected_policy;
      return false;
    }
    const bool ours =
        (known_ != nullptr && known_->volume == volume.name) || is_named_after_its_claim(volume);
    if (!ours) return true;
    if (volume.policy != kDelete) act(ActionKind::kSetVolumeToDelete, volume.name, volume.claim_uid);
    return false;
  }

  const PreflightWorld& world_;
  const RunObjects& objects_;
  const std::string namespace_;
  const std::optional<std::size_t> preflight_;
  const PreflightStatus* const known_;
  std::vector<Action>& actions_;
};

/// A volume that got bound so late that the status does not know it yet; it must, before the claim goes.
bool remember_volumes(Step& step) {
  PreflightStatus status = step.status();
  for (const ObservedClaim& claim : step.observed.objects.claims) {
    const Origin origin = origin_of(claim, step.observed.objects.volumes);
    if (origin == Origin::kOurs) status.volume = claim.volume;
    if (origin == Origin::kForeign) status.foreign_volume = claim.volume;
  }
  if (status.volume == step.status().volume && status.foreign_volume == step.status().foreign_volume)
    return false;
  step.write(std::move(status));
  return true;
}

std::string what_is_left(const RunObjects& objects) {
  if (!objects.pods.empty()) return "pod " + objects.pods.front().name;
  if (!objects.jobs.empty()) return "Job " + objects.jobs.front().name;
  if (!objects.claims.empty()) return "claim " + objects.claims.front().name;
  if (!objects.volumes.empty()) return "PersistentVolume " + objects.volumes.front().name;
  return "nothing";
}

bool is_told_to_be_stuck(const PreflightStatus& status) {
  const auto it = std::ranges::find(status.conditions, kConditionCleanedUp, &Condition::type);
  return it != status.conditions.end() && it->reason == kStuck;
}

/// Nothing of it is left for us to do. Volumes of a node that is dead wait for it, which the next run should
/// not: a pod may wait for that.
bool is_with_the_provisioner(const RunObjects& objects) {
  return objects.jobs.empty() && objects.pods.empty() && objects.claims.empty() &&
         std::ranges::all_of(objects.volumes, [](const ObservedVolume& volume) {
           return volume.policy == kDelete && volume.protected_policy.empty();
         });
}

}  // namespace

Origin origin_of(const ObservedClaim& claim, const std::vector<ObservedVolume>& volumes) {
  if (claim.volume.empty()) return Origin::kNone;
  const ObservedVolume* const volume = volume_of(claim, volumes);
  if (volume == nullptr) return Origin::kNotInView;
  const bool ours =
      !volume->provisioned_by.empty() && volume->claim_uid == claim.uid && volume->created >= claim.created;
  return ours ? Origin::kOurs : Origin::kForeign;
}

bool clean_up(const PreflightWorld& world, const RunObjects& objects, std::string_view namespace_name,
              std::optional<std::size_t> preflight, const PreflightStatus* known,
              std::vector<Action>& actions) {
  return Cleaner(world, objects, namespace_name, preflight, known, actions).run();
}

void plan_cleanup(Step& step) {
  if (remember_volumes(step)) return;
  PreflightStatus status = step.status();
  const RunObjects& objects = step.observed.objects;
  if (clean_up(step.world, objects, step.run_namespace(), step.index, &status, step.actions)) {
    set_condition(status, kConditionCleanedUp, true, "CleanedUp", "nothing of a run is left", step.now);
  } else {
    if (step.now < status.run_finished + step.world.limits.cleanup_patience) return;
    const std::string message = what_is_left(objects) + " does not go away";
    if (!is_told_to_be_stuck(status)) step.tell(true, "CleanupStuck", message);
    set_condition(status, kConditionCleanedUp, false, kStuck, message, step.now);
    if (!is_with_the_provisioner(objects)) return step.write(std::move(status));
  }
  status.phase = status.inconclusive_runs == 0 ? PreflightPhase::kDone : PreflightPhase::kInconclusive;
  status.volume.clear();
  status.foreign_volume.clear();
  step.write(std::move(status));
}

}  // namespace walguard::core
