/// Holds pods back by the scheduling gate `walguard/preflight` for as long as their storage is not proven,
/// says why, asks for the preflights that would prove it, and opens the gate when that is done.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/kube/client.h"
#include "operator/wire/event.h"

namespace walguard::controller {

/// A pod that holds the gate, as the index has it.
struct GatedPod {
  core::Workload pod;  ///< kind kPod; namespace, name, annotations and spec with its scheduling gates
  std::string uid;
};

/// Reasons of the Events on a gated pod.
inline constexpr std::string_view kPreflightPending = "PreflightPending";  ///< waits for a measurement
inline constexpr std::string_view kPreflightFailed = "PreflightFailed";  ///< what is known speaks against it
inline constexpr std::string_view kGateOpened = "GateOpened";

struct GateDecision {
  bool open = false;
  /// What to tell about the pod. Of a gate that stays it is for the keeper to add which preflights decide.
  wire::EventNote note;
  std::vector<core::ProbeRequest> wanted_probes = {};  ///< only where the gate stays
};

/// What the judgement depends on beside the pod.
struct GateFacts {
  const core::ClusterState& cluster;
  const core::Catalog& catalog;
  const core::EvidenceBook& evidence;
  const core::Policy& policy;
  const core::ProbeReach& reach;
  core::UtcSeconds now = 0;
};

/// Judges the pod as if it were being created now. Pure, thread-safe.
///
/// The gate opens where a pod that is created now would not get it, nor be denied: the mode in force holds
/// nothing back, the storage is proven or holds no SQLite, or the mode is `gate` and no preflight could
/// settle what is open. It stays where a preflight has failed. It also stays while the pod's namespace is not
/// in view: nobody knows its mode.
[[nodiscard]] GateDecision decide_gate(const GatedPod& pod, const GateFacts& facts);

struct GateKeeperParts {
  /// A copy of the gated pods of the index, taken without waiting for anything.
  std::function<std::vector<GatedPod>()> gated_pods;
  /// decide_gate() with the state in force.
  std::function<GateDecision(const GatedPod&)> decide;
  /// Makes sure that there is such a preflight, or says in a sentence why there is none. Called in every pass
  /// in which it is wanted.
  std::function<tl::expected<void, std::string>(const core::ProbeRequest&, const std::stop_token&)> ensure;
  std::function<void(wire::EventNote)> post_event;
  LogLine log;
};

struct GateKeeperOptions {
  std::chrono::milliseconds look_every{1'000};  ///< also without a wake()
  int parallel = 4;                             ///< gates opened at once
};

/// For metrics.
struct GateCounts {
  std::size_t held = 0;      ///< gates that stayed closed in the last pass
  std::uint64_t opened = 0;  ///< since the start
};

/// The leader's loop. Level-triggered: each pass looks at all gated pods anew, so that nothing need be
/// remembered but what has been logged; what was refused because the pod has changed is simply met again.
///
/// Needs of the API: pods patch, in all namespaces.
class GateKeeper {
 public:
  /// `client` must outlive it.
  GateKeeper(const kube::Client& client, GateKeeperParts parts, GateKeeperOptions options = {});

  /// Blocks until `stop` is requested.
  void run(const std::stop_token& stop);

  /// One look at all gated pods. By one thread at a time.
  void pass(const std::stop_token& stop);

  /// Something has changed: look now. Thread-safe, never blocks.
  void wake();

  /// Thread-safe.
  [[nodiscard]] GateCounts counts() const;

 private:
  void ask_for_preflights(std::vector<GateDecision> held, const std::stop_token& stop);

  const kube::Client& client_;
  const GateKeeperParts parts_;
  const GateKeeperOptions options_;
  std::set<std::string> refusals_;  // of preflights, in the last pass; pass()'s alone
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  GateCounts counts_;
};

}  // namespace walguard::controller
