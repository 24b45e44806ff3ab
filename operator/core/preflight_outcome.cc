// How a run ends, and why one does not go on.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_steps.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

UtcSeconds backoff(const PreflightLimits& limits, int inconclusive_runs) {
  UtcSeconds wait = limits.first_backoff;
  for (int i = 1; i < inconclusive_runs && wait < limits.longest_backoff; ++i) wait *= 2;
  return std::min(wait, limits.longest_backoff);
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// What an admission plugin said, by its name where it is known.
Why refused(const std::string& what, const std::string& message) {
  if (contains(message, "exceeded quota")) {
    return {"ResourceQuota", "a ResourceQuota keeps the preflight from running: " + message};
  }
  if (contains(message, "must specify limits") || contains(message, "must specify requests")) {
    return {"ResourceQuota", "a ResourceQuota keeps the preflight from running: " + message};
  }
  if (contains(message, "violates PodSecurity")) {
    return {"PodSecurity", "Pod Security keeps the preflight from running: " + message};
  }
  return {"Refused", "the API server refused to " + what + ": " + message};
}

std::optional<Why> obstacle_to_pods(const Step& step, const std::vector<const ObservedPod*>& pods) {
  for (const ObservedPod* const pod : pods) {
    if (!pod->unschedulable.empty())
      return Why{"Unschedulable", "pod " + pod->name + ": " + pod->unschedulable};
    for (const ObservedContainer& container : pod->containers) {
      const bool just_starting = container.waiting_reason == "ContainerCreating" ||
                                 container.waiting_reason == "PodInitializing" ||
                                 container.waiting_reason.empty();
      if (!just_starting) {
        return Why{container.waiting_reason, "pod " + pod->name + ": " + container.waiting_message};
      }
    }
  }
  // Most telling last: an event of the claim explains one of the scheduler.
  for (const ObservedWarning& warning : step.observed.warnings) {
    if (warning.reason == "FailedCreate") return refused("create a pod", warning.message);
  }
  for (const ObservedWarning& warning : step.observed.warnings) {
    if (warning.reason != "FailedScheduling")
      return Why{warning.reason, warning.object + ": " + warning.message};
  }
  return std::nullopt;
}

}  // namespace

/// A failure speaks of its own scope and wider ones; a pass has to reach as far as was asked.
bool settles(const Measurement& measured, Scope asked) {
  const auto has = [&](Verdict verdict) {
    return std::ranges::count(measured.evidence.verdicts.values, verdict) > 0;
  };
  return has(Verdict::kUnsafe) || (has(Verdict::kSafe) && measured.evidence.scope >= asked);
}

void finish(Step& step, const Why& why, std::optional<Measurement> measured) {
  PreflightStatus status = step.status();
  const bool settled = measured && settles(*measured, step.spec().scope);
  status.phase = PreflightPhase::kCleaningUp;
  status.run_finished = step.now;
  status.reason = why.reason;
  status.message = why.message;
  status.inconclusive_runs = settled ? 0 : status.inconclusive_runs + 1;
  status.next_retry = settled ? 0 : step.now + backoff(step.world.limits, status.inconclusive_runs);
  const bool had_verdict = status.measured && status.measured->has_verdict();
  if (settled || (measured && !had_verdict)) status.measured = std::move(measured);
  const bool has_verdict = status.measured && status.measured->has_verdict();
  set_condition(status, kConditionMeasured, has_verdict, why.reason, why.message, step.now);
  set_condition(status, kConditionCleanedUp, false, "CleaningUp", "the run has ended", step.now);
  step.write(std::move(status));
  step.tell(why.reason != "Safe", why.reason, why.message);
}

Why why_it_does_not_start(const Step& step, const std::vector<const ObservedPod*>& pods,
                          std::string_view otherwise) {
  if (!step.observed.refusals.empty()) {
    const Refusal& last = step.observed.refusals.back();
    return refused(last.action, last.message);
  }
  if (auto why = obstacle_to_pods(step, pods)) return *std::move(why);
  return {std::string(kNotStarted), std::string(otherwise)};
}

void wait_or_give_up(Step& step, Why why, UtcSeconds until) {
  if (step.now >= until) {
    // What was seen earlier in the run tells more than that nothing is seen now.
    const std::string& before = step.status().reason;
    const bool known_before = why.reason == kNotStarted && before != kStarted && before != kMeasuring;
    return finish(step, known_before ? Why{step.status().reason, step.status().message} : std::move(why));
  }
  if (why.reason == kNotStarted || why.reason == step.status().reason) return;
  PreflightStatus status = step.status();
  status.reason = std::move(why.reason);
  status.message = std::move(why.message);
  step.write(std::move(status));
}

}  // namespace walguard::core
