#include "operator/core/preflight_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "operator/core/cluster_objects.h"
#include "operator/core/evidence.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_steps.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

constexpr UtcSeconds kHour = 3600;

/// Why a run cannot begin. For programs and for people.
struct Obstacle {
  std::string reason;
  std::string message;
};

std::optional<Obstacle> obstacle_of_claim(const Step& step) {
  const std::optional<ObservedClaim>& claim = step.observed.subject;
  if (!claim)
    return Obstacle{"ClaimNotFound", "there is no claim " + step.spec().claim + " in this namespace"};
  if (claim->deleting) return Obstacle{"ClaimDeleted", "the claim is being deleted"};
  if (!claim->bound || !step.observed.subject_volume)
    return Obstacle{"ClaimNotBound", "the claim is not bound yet"};
  const auto allows = [&](AccessMode mode) { return std::ranges::count(claim->access_modes, mode) > 0; };
  if (step.spec().scope == Scope::kCluster && !allows(AccessMode::kReadWriteMany)) {
    return Obstacle{"AccessMode", "scope cluster needs a claim that is ReadWriteMany"};
  }
  if (step.spec().scope != Scope::kPod && allows(AccessMode::kReadWriteOncePod)) {
    return Obstacle{"AccessMode", "a ReadWriteOncePod claim allows one pod only: use scope pod"};
  }
  return std::nullopt;
}

std::vector<std::string> sorted(std::vector<std::string> texts) {
  std::ranges::sort(texts);
  return texts;
}

std::optional<Obstacle> obstacle_of_class(const Step& step) {
  const std::optional<StorageClass>& storage_class = step.observed.storage_class;
  const std::string& name = step.spec().storage_class;
  if (!storage_class) return Obstacle{"ClassNotFound", "there is no StorageClass " + name};
  if (storage_class->provisioner.empty() || storage_class->provisioner == "kubernetes.io/no-provisioner") {
    return Obstacle{"NoProvisioner",
                    "class " + name + " makes no volumes: a claim of it could bind somebody's data"};
  }
  const auto& wanted = step.spec().mount_options;
  if (wanted && sorted(*wanted) != sorted(storage_class->mount_options)) {
    return Obstacle{"MountOptionsDiffer",
                    "class " + name + " mounts with other options than those asked for"};
  }
  if (step.observed.costly && step.object().automatic && !step.world.policy.probe_costly_drivers) {
    return Obstacle{"CostlyDriver", "volumes of " + storage_class->provisioner +
                                        " are dear: the policy must allow preflights on them"};
  }
  return std::nullopt;
}

std::optional<Obstacle> obstacle_of(const Step& step) {
  const bool may_begin_by_itself = step.world.policy.automatic_preflights;
  const bool asked_for_by_a_person = !step.object().automatic && !step.status().measured;
  if (!may_begin_by_itself && !asked_for_by_a_person) {
    return Obstacle{"SwitchedOff", "automatic preflights are switched off by policy"};
  }
  if (!step.observed.runtime_handler) {
    return Obstacle{"RuntimeClassNotFound", "there is no RuntimeClass " + step.spec().runtime_class};
  }
  return step.is_class() ? obstacle_of_class(step) : obstacle_of_claim(step);
}

/// A kernel that no node runs any more. Not merely another one: a fleet may run several.
bool kernel_is_gone(const Step& step, const Measurement& measured) {
  if (!step.world.all_nodes || step.world.nodes.empty()) return false;
  return std::ranges::any_of(measured.nodes, [&](const ProbedNode& probed) {
    return !probed.kernel.empty() && std::ranges::none_of(step.world.nodes, [&](const ObservedNode& node) {
      return node.kernel == probed.kernel;
    });
  });
}

/// Whether what was measured still speaks of what is there, and will for a while.
bool is_due(const Step& step) {
  const PreflightStatus& status = step.status();
  if (!status.measured || !status.measured->has_verdict()) return true;
  const Measurement& measured = *status.measured;
  if (status.inconclusive_runs > 0) return true;  // an attempt to renew it gave nothing
  if (!step.is_class()) return false;  // a person's claim is measured once, when the person says so
  if (measured.evidence.key != key_of(step)) return true;
  if (measured.operator_version != step.world.operator_version) return true;
  if (kernel_is_gone(step, measured)) return true;
  const auto renew_after = static_cast<UtcSeconds>(static_cast<double>(step.world.policy.evidence_max_age) *
                                                   step.world.limits.reprove_at);
  return step.now - measured.evidence.measured_at >= renew_after;
}

void say_why_it_waits(Step& step, const Obstacle& obstacle) {
  if (step.status().phase != PreflightPhase::kWaiting) return;  // the last result says more
  PreflightStatus status = step.status();
  status.reason = obstacle.reason;
  status.message = obstacle.message;
  set_condition(status, kConditionMeasured, false, obstacle.reason, obstacle.message, step.now);
  step.write(std::move(status));
}

void begin(Step& step) {
  PreflightStatus status = step.status();
  status.phase = PreflightPhase::kRunning;
  ++status.run;
  status.run_started = step.now;
  status.run_finished = 0;
  std::erase_if(status.recent_starts, [&](UtcSeconds start) { return start <= step.now - kHour; });
  status.recent_starts.push_back(step.now);
  status.run_key = key_of(step);
  status.volume.clear();
  status.foreign_volume.clear();
  status.next_retry = 0;
  status.reason = kStarted;
  status.message = "run " + std::to_string(status.run) + " has begun";
  set_condition(status, kConditionCleanedUp, false, "Running", status.message, step.now);
  const std::string message = status.message;
  step.write(std::move(status));
  step.tell(false, std::string(kStarted), message);
}

bool time_to_live_is_over(const Step& step) {
  const auto& ttl = step.spec().ttl_after_finish;
  return ttl && step.status().phase == PreflightPhase::kDone && step.now >= step.status().run_finished + *ttl;
}

/// Made on need, and the need is over. Whoever may make pods can have any number of them made.
bool is_needed_no_more(const Step& step) {
  return step.object().automatic && !is_worth_keeping(step.observed) &&
         step.observed.unneeded_for >= step.world.limits.unneeded_patience;
}

/// In the order in which they may start. Whoever may make pods chooses how many further ones there are.
enum class Turn : std::uint8_t {
  kFirst,    ///< ordered by a person, or of a class of which nothing is known: one for each class and scope
  kRenewal,  ///< has a verdict
  kFurther,  ///< on other nodes, or with another runtime
};

std::vector<std::size_t> by_turn(const PreflightWorld& world) {
  std::vector<std::size_t> order(world.preflights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto object = [&](std::size_t i) -> const Preflight& { return world.preflights[i].object; };
  const auto has_verdict = [&](std::size_t i) {
    const auto& measured = object(i).status.measured;
    return measured && measured->has_verdict();
  };
  std::ranges::stable_sort(
      order, {}, [&](std::size_t i) { return std::tuple(object(i).status.run_finished, object(i).created); });
  const auto class_and_scope = [&](std::size_t i) {
    return std::pair(std::string_view(object(i).spec.storage_class), object(i).spec.scope);
  };
  std::set<std::pair<std::string_view, Scope>> begun;
  for (const std::size_t i : order) {
    if (has_verdict(i)) begun.insert(class_and_scope(i));
  }
  std::vector<Turn> turns(order.size(), Turn::kFurther);
  for (const std::size_t i : order) {
    if (has_verdict(i)) {
      turns[i] = Turn::kRenewal;
    } else if (!object(i).automatic || begun.insert(class_and_scope(i)).second) {
      turns[i] = Turn::kFirst;
    }
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return turns[i]; });
  return order;
}

int recent_starts(const PreflightWorld& world, UtcSeconds now) {
  std::ptrdiff_t count = 0;
  for (const ObservedPreflight& each : world.preflights) {
    count += std::ranges::count_if(each.object.status.recent_starts,
                                   [&](UtcSeconds start) { return start > now - kHour; });
  }
  return static_cast<int>(count);
}

int running(const PreflightWorld& world) {
  return static_cast<int>(std::ranges::count_if(world.preflights, [](const ObservedPreflight& each) {
    return each.object.status.phase == PreflightPhase::kRunning;
  }));
}

UtcSeconds time_to_measure(const PreflightLimits& limits, ProbeProfile profile) {
  switch (profile) {
    case ProbeProfile::kQuick:
      return limits.quick_deadline;
    case ProbeProfile::kStandard:
      return limits.standard_deadline;
    case ProbeProfile::kSoak:
      break;
  }
  return limits.soak_deadline;
}

}  // namespace

EvidenceKey key_of(const Step& step) {
  const std::string handler = step.observed.runtime_handler.value_or("");
  if (step.is_class()) {
    const std::optional<StorageClass>& storage_class = step.observed.storage_class;
    return storage_class ? class_key(*storage_class, handler, step.spec().access_mode) : EvidenceKey{};
  }
  EvidenceKey key;
  if (const auto& volume = step.observed.subject_volume) {
    key.volume = volume->name;
    key.driver = volume->driver;
    key.mount_options = sorted(volume->mount_options);
  }
  key.runtime_handler = handler;
  return key;
}

Action& Step::act(ActionKind kind, std::string name, std::string uid) {
  Action& action = actions.emplace_back();
  action.kind = kind;
  action.preflight = index;
  action.namespace_name = run_namespace();
  action.name = std::move(name);
  action.uid = std::move(uid);
  return action;
}

void Step::write(PreflightStatus next) {
  const PreflightStatus& before = status();
  const bool news = next.phase != before.phase || next.reason != before.reason || next.run != before.run ||
                    next.volume != before.volume || next.foreign_volume != before.foreign_volume ||
                    next.conditions != before.conditions;
  if (news) act(ActionKind::kWriteStatus).status = std::move(next);
}

void Step::tell(bool warning, std::string reason, std::string message) {
  Action& action = act(ActionKind::kEmitEvent);
  action.warning = warning;
  action.reason = std::move(reason);
  action.message = std::move(message);
}

void plan_start(Step& step, int& free_slots, int& starts_left) {
  if (time_to_live_is_over(step)) {
    step.act(ActionKind::kDeletePreflight, step.object().name, step.object().uid);
    return;
  }
  // Nothing should be left of an earlier run; what is, goes first.
  if (!clean_up(step.world, step.observed.objects, step.run_namespace(), step.index, &step.status(),
                step.actions)) {
    return;
  }
  if (is_needed_no_more(step)) {
    step.act(ActionKind::kDeletePreflight, step.object().name, step.object().uid);
    step.tell(false, "NotNeeded", "no pod waits for it any more, or its class is gone: deleted");
    return;
  }
  if (step.status().next_retry > step.now) return;
  if (const auto obstacle = obstacle_of(step)) return say_why_it_waits(step, *obstacle);
  if (!is_due(step)) return;
  if (free_slots <= 0) {
    return say_why_it_waits(step,
                            {"WaitingForSlot", "as many preflights as are allowed at once are running"});
  }
  if (starts_left <= 0) {
    return say_why_it_waits(step, {"HourlyLimit", "as many preflights as are allowed in an hour have begun"});
  }
  --free_slots;
  --starts_left;
  begin(step);
}

std::vector<Action> next_actions(const PreflightWorld& world, UtcSeconds now) {
  std::vector<Action> actions;
  int free_slots = world.policy.preflights_at_once - running(world);
  int starts_left = world.policy.preflights_per_hour - recent_starts(world, now);
  for (const std::size_t i : by_turn(world)) {
    Step step{.world = world, .observed = world.preflights[i], .index = i, .now = now, .actions = actions};
    if (step.object().deleting) {
      (void)clean_up(world, step.observed.objects, step.run_namespace(), i, &step.status(), actions);
      continue;
    }
    switch (step.status().phase) {
      case PreflightPhase::kRunning:
        plan_run(step);
        break;
      case PreflightPhase::kCleaningUp:
        plan_cleanup(step);
        break;
      case PreflightPhase::kWaiting:
      case PreflightPhase::kDone:
      case PreflightPhase::kInconclusive:
        plan_start(step, free_slots, starts_left);
        break;
    }
  }
  (void)clean_up(world, world.orphans, world.own_namespace, std::nullopt, nullptr, actions);
  return actions;
}

std::string_view name(ActionKind kind) {
  switch (kind) {
    case ActionKind::kWriteStatus:
      return "write the status";
    case ActionKind::kEmitEvent:
      return "emit an Event";
    case ActionKind::kCreateClaim:
      return "create the claim";
    case ActionKind::kCreateJob:
      return "create the Job";
    case ActionKind::kCreateService:
      return "create the Service";
    case ActionKind::kCreateSecret:
      return "create the Secret";
    case ActionKind::kResumeJob:
      return "resume the Job";
    case ActionKind::kDeleteJob:
      return "delete the Job";
    case ActionKind::kDeletePod:
      return "delete a pod";
    case ActionKind::kDeleteClaim:
      return "delete the claim";
    case ActionKind::kSetVolumeToDelete:
      return "set our volume to Delete";
    case ActionKind::kProtectVolume:
      return "protect a volume that is not ours";
    case ActionKind::kReleaseVolume:
      return "release a volume that is not ours";
    case ActionKind::kDeletePreflight:
      break;
  }
  return "delete the preflight";
}

bool is_worth_keeping(const ObservedPreflight& observed) {
  const auto& measured = observed.object.status.measured;
  return measured && measured->has_verdict() && !observed.class_is_gone;
}

std::string run_name(const Preflight& preflight, int run) {
  constexpr std::size_t kUidDigits = 8;
  return "walguard-pf-" + preflight.uid.substr(0, kUidDigits) + "-" + std::to_string(run);
}

std::string mount_path(std::string_view run) { return "/" + std::string(run); }

UtcSeconds run_deadline(const PreflightLimits& limits, ProbeProfile profile) {
  return limits.start_patience + time_to_measure(limits, profile);
}

}  // namespace walguard::core
