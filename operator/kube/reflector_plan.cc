#include "operator/kube/reflector_plan.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/backoff.h"

namespace walguard::kube {
namespace {

using Kind = ApiError::Kind;

/// Whether going on from the same resourceVersion would miss an event or be refused again.
bool needs_list(const ApiError& error) {
  if (error.kind == Kind::kMalformed || error.kind == Kind::kTooLarge) return true;  // an event was lost
  if (error.kind != Kind::kStatus) return false;
  const bool may_pass = error.code == 401 || error.code == 403 || error.code == 408 || error.code == 429;
  return error.code >= 400 && error.code < 500 && !may_pass;
}

ReflectorState failed(ReflectorState state, const ApiError& error) {
  ++state.failures;
  state.retry_after = error.retry_after;
  return state;
}

ReflectorState listed(std::string resource_version) {
  ReflectorState state;
  state.resource_version = std::move(resource_version);
  return state;
}

}  // namespace

ReflectorStep next_step(const ReflectorPolicy& policy, const ReflectorState& state, double chance) {
  ReflectorStep step;
  step.what = state.resource_version.empty() ? ReflectorStep::What::kList : ReflectorStep::What::kWatch;
  step.wait = backoff_wait(policy.backoff, state.failures, chance);
  if (state.retry_after) {
    const std::chrono::milliseconds asked = *state.retry_after;
    step.wait = std::max(step.wait, std::min(asked, policy.backoff.longest));
  }
  return step;
}

ReflectorState after_list(ReflectorState state, const tl::expected<std::string, ApiError>& result) {
  if (result) return listed(*result);
  return failed(std::move(state), result.error());
}

ReflectorState after_watch(const ReflectorPolicy& policy, ReflectorState state, const WatchOutcome& outcome) {
  const bool saw_events = !outcome.resource_version.empty();
  if (saw_events) state = listed(outcome.resource_version);  // as fresh as a list
  if (!outcome.error) {
    if (saw_events || outcome.lasted >= policy.shortest_watch) return listed(state.resource_version);
    ++state.failures;
    state.retry_after.reset();
    return state;
  }
  state = failed(std::move(state), *outcome.error);
  ++state.failed_watches;
  if (needs_list(*outcome.error) || state.failed_watches >= policy.watches_before_relist) {
    state.resource_version.clear();
    state.failed_watches = 0;
  }
  return state;
}

}  // namespace walguard::kube
