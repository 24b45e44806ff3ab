#include "operator/core/schedule.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

UtcSeconds backoff(const ScheduleLimits& limits, int inconclusive_runs) {
  UtcSeconds wait = limits.first_backoff;
  for (int i = 1; i < inconclusive_runs && wait < limits.longest_backoff; ++i) wait *= 2;
  return std::min(wait, limits.longest_backoff);
}

bool backing_off(const ProbeState& probe, const ScheduleLimits& limits, UtcSeconds now) {
  return probe.inconclusive_runs > 0 && now < probe.last_finished + backoff(limits, probe.inconclusive_runs);
}

/// Evidence is renewed ahead of its end, passes and failures alike: storage that was mended should be seen to
/// be.
bool needs_run(const ProbeState& probe, const EvidenceBook& book, const Policy& policy,
               const ScheduleLimits& limits, UtcSeconds now) {
  const Evidence* latest = book.latest(probe.request.key);
  if (latest == nullptr || latest->scope < probe.request.scope) return true;
  const auto renew_after =
      static_cast<UtcSeconds>(static_cast<double>(policy.evidence_max_age) * limits.reprove_at);
  return now - latest->measured_at >= renew_after;
}

}  // namespace

std::vector<std::size_t> next_actions(const ScheduleState& state, const Policy& policy,
                                      const ScheduleLimits& limits, UtcSeconds now) {
  std::vector<std::size_t> start;
  if (state.evidence == nullptr || !policy.automatic_preflights) return start;
  const auto running = static_cast<std::size_t>(std::ranges::count_if(state.probes, &ProbeState::running));
  for (std::size_t i = 0; i < state.probes.size() && running + start.size() < limits.at_once; ++i) {
    const ProbeState& probe = state.probes[i];
    if (probe.running || probe.forgotten || backing_off(probe, limits, now)) continue;
    if (needs_run(probe, *state.evidence, policy, limits, now)) start.push_back(i);
  }
  return start;
}

}  // namespace walguard::core
