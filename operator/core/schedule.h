/// What the preflight controller should do next: observe -> next_actions(state, now) -> execute.
///
/// Pure, level-triggered, idempotent: the same state gives the same actions, and an action that has been
/// taken shows in the next state.
#pragma once

#include <cstddef>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"

namespace walguard::core {

struct ScheduleLimits {
  std::size_t at_once = 1;  ///< preflights running at the same time
  UtcSeconds first_backoff =
      10;  ///< seconds after a first run without a verdict; doubles with each further one
  UtcSeconds longest_backoff = 3600;  ///< seconds
  double reprove_at = 0.8;            ///< of evidence_max_age: evidence is renewed ahead of its end
};

/// What is known of one wanted preflight.
struct ProbeState {
  ProbeRequest request;
  bool running = false;
  int inconclusive_runs = 0;     ///< in a row, without a verdict
  UtcSeconds last_finished = 0;  ///< 0: never
  bool forgotten = false;        ///< never due: what it was to measure is gone
};

struct ScheduleState {
  std::vector<ProbeState> probes;  ///< in the order in which they were first wanted
  const EvidenceBook* evidence = nullptr;
};

/// The indexes into `state.probes` to start now, oldest first, no more than the limits leave room for.
[[nodiscard]] std::vector<std::size_t> next_actions(const ScheduleState& state, const Policy& policy,
                                                    const ScheduleLimits& limits, UtcSeconds now);

}  // namespace walguard::core
