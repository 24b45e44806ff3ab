// The objects of a run, one after the other, until its pods are allowed to start.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_steps.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

enum class Ready { kNo, kYes };

/// `kYes`: the pods may run. Nothing is written to a volume that is not known to be ours.
Ready prepare_claim(Step& step, const std::string& run) {
  const RunObjects& objects = step.observed.objects;
  const UtcSeconds until = step.status().run_started + step.world.limits.start_patience;
  const auto claim = std::ranges::find(objects.claims, run, &ObservedClaim::name);
  if (claim == objects.claims.end()) {
    if (step.now >= until) {
      finish(step, why_it_does_not_start(step, {}, "the claim could not be made"));
    } else {
      wait_or_give_up(step, why_it_does_not_start(step, {}, ""), until);
      step.act(ActionKind::kCreateClaim, run);
    }
    return Ready::kNo;
  }
  if (claim->deleting) {
    finish(step, {"ClaimDeleted", "the claim of the run was deleted while it ran"});
    return Ready::kNo;
  }
  const auto volume = std::ranges::find(objects.volumes, claim->volume, &ObservedVolume::name);
  switch (origin_of(*claim, objects.volumes)) {
    case Origin::kForeign:
      finish(step, {"ForeignVolume",
                    "the claim got bound to PersistentVolume " + claim->volume +
                        ", which was there before or was not made for it: it is given back untouched"});
      return Ready::kNo;
    case Origin::kNone: {
      const auto& storage_class = step.observed.storage_class;
      if (storage_class && storage_class->wait_for_first_consumer) return Ready::kYes;
      wait_or_give_up(step, why_it_does_not_start(step, {}, "the claim was not bound in time"), until);
      return Ready::kNo;
    }
    case Origin::kNotInView:
      wait_or_give_up(step, {std::string(kNotStarted), "the claim's volume is not there"}, until);
      return Ready::kNo;
    case Origin::kOurs:
      break;
  }
  if (step.status().volume != claim->volume) {
    PreflightStatus status = step.status();
    status.volume = claim->volume;
    step.write(std::move(status));
    return Ready::kNo;
  }
  if (volume->policy != "Delete") step.act(ActionKind::kSetVolumeToDelete, volume->name, claim->uid);
  return claim->bound ? Ready::kYes : Ready::kNo;
}

Ready check_subject(Step& step) {
  const auto& subject = step.observed.subject;
  if (subject && !subject->deleting && subject->bound) return Ready::kYes;
  finish(step, {"ClaimDeleted", "the claim is gone, or is being deleted"});
  return Ready::kNo;
}

void drive_job(Step& step, const std::string& run) {
  const RunObjects& objects = step.observed.objects;
  const auto job = std::ranges::find(objects.jobs, run, &ObservedJob::name);
  const UtcSeconds until = step.status().run_started + 2 * step.world.limits.start_patience;
  if (job == objects.jobs.end()) {
    wait_or_give_up(step, why_it_does_not_start(step, {}, "the Job could not be made"), until);
    const bool given_up = step.now >= until;
    if (!given_up) step.act(ActionKind::kCreateJob, run).claim = step.is_class() ? run : step.spec().claim;
    return;
  }
  if (job->deleting) return finish(step, {"JobDeleted", "the Job was deleted while it ran"});
  if (!job->suspended) return follow(step, *job);
  if (step.now >= until) {
    return finish(step, why_it_does_not_start(step, {}, "the Job could not be started in time"));
  }
  if (step.spec().scope != Scope::kPod) step.act(ActionKind::kCreateService, run, job->uid);
  step.act(ActionKind::kCreateSecret, run, job->uid);
  step.act(ActionKind::kResumeJob, run, job->uid);
}

/// Splits off what belongs to other runs, which should be gone by now.
RunObjects of_other_runs(const RunObjects& objects, const std::string& run) {
  RunObjects others;
  std::ranges::copy_if(objects.jobs, std::back_inserter(others.jobs),
                       [&](const auto& job) { return job.name != run; });
  std::ranges::copy_if(objects.pods, std::back_inserter(others.pods),
                       [&](const auto& pod) { return pod.run != run; });
  std::ranges::copy_if(objects.claims, std::back_inserter(others.claims),
                       [&](const auto& claim) { return claim.name != run; });
  std::ranges::copy_if(objects.volumes, std::back_inserter(others.volumes), [&](const auto& volume) {
    return std::ranges::count(others.claims, volume.name, &ObservedClaim::volume) > 0;
  });
  return others;
}

}  // namespace

void plan_run(Step& step) {
  const std::string run = run_name(step.object(), step.status().run);
  (void)clean_up(step.world, of_other_runs(step.observed.objects, run), step.run_namespace(), step.index,
                 nullptr, step.actions);
  const Ready ready = step.is_class() ? prepare_claim(step, run) : check_subject(step);
  if (ready == Ready::kYes) drive_job(step, run);
}

}  // namespace walguard::core
