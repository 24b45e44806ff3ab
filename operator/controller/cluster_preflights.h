/// Runs the preflights of a cluster: observes VolumePreflights, ClaimPreflights and the objects of their runs
/// through the API server, asks core::next_actions what is to be done, and does it.
///
/// For the leader alone. Level-triggered: nothing that matters is kept in memory, so it may be ended or
/// killed anywhere and goes on where it was.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/core/cluster_state.h"
#include "operator/core/policy.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/kube/client.h"
#include "operator/wire/job_manifest.h"

namespace walguard::controller {

/// An Event to emit about a preflight.
struct PreflightEvent {
  core::PreflightKind kind = core::PreflightKind::kVolume;
  std::string namespace_name;  ///< "" for a VolumePreflight
  std::string name;
  std::string uid;
  bool warning = false;
  std::string reason;
  std::string message;
};

/// What it is given by the rest. Called from the thread of run(); none may block for long. Those marked with
/// * may be empty.
struct ClusterPreflightParts {
  /// Also on the thread of ensure().
  std::function<std::optional<core::StorageClass>(std::string_view name)> storage_class;
  /// Handler of a RuntimeClass, "" for "" (the nodes' default); nullopt: there is no such class.
  std::function<std::optional<std::string>(std::string_view runtime_class)> runtime_handler;
  /// A RuntimeClass of this handler, for ensure(), on its caller's thread; nullopt: there is none.
  std::function<std::optional<std::string>(std::string_view handler)> runtime_class;
  std::function<bool(const core::StorageClass&)> is_costly;           ///< * by the knowledge of drivers
  std::function<bool(const core::ObservedVolume&)> differs_per_node;  ///< * likewise
  std::function<core::Policy()> policy;
  std::function<core::UtcSeconds()> now;            ///< also on the thread of ensure()
  std::function<void(const PreflightEvent&)> emit;  ///< *
  std::function<void(core::ActionKind, bool done)>
      after_action;  ///< * for metrics, and for tests that kill here
  LogLine log;       ///< *
};

struct ClusterPreflightOptions {
  std::string own_namespace;  ///< WALGUARD_NAMESPACE
  std::string operator_version;
  wire::JobOptions job;
  core::PreflightLimits limits;
  std::chrono::milliseconds busy_tick{1000};  ///< while a run is under way
  std::chrono::milliseconds idle_tick{10'000};
  std::chrono::seconds sweep{600};  ///< how often volumes without a claim and new kernels are looked for
};

class ClusterPreflights {
 public:
  /// `client` must outlive it.
  ClusterPreflights(const kube::Client& client, ClusterPreflightParts parts, ClusterPreflightOptions options);
  ClusterPreflights(const ClusterPreflights&) = delete;
  ClusterPreflights& operator=(const ClusterPreflights&) = delete;
  ~ClusterPreflights() = default;

  /// Blocks until `stop` is requested: for a thread of its own, as long as this replica leads. May be called
  /// again.
  void run(const std::stop_token& stop);

  /// Something may have changed: look at once. Thread-safe, never blocks.
  void wake();

  /// Makes sure that there is a VolumePreflight for this request, and returns its name. Thread-safe; one
  /// request to the API server at most, none where it is known to be there. What is not asked for again for
  /// PreflightLimits::unneeded_patience and has no verdict is deleted. The error is a sentence: also that
  /// there are as many of this class as there may be.
  [[nodiscard]] tl::expected<std::string, std::string> ensure(const core::ProbeRequest& request,
                                                              const std::stop_token& stop);

  enum class Pass { kFailed, kIdle, kBusy, kActed };
  /// One look and what follows from it. For run(), and for tests.
  [[nodiscard]] Pass pass(const std::stop_token& stop);

 private:
  using Done = tl::expected<void, kube::ApiError>;

  /// What is remembered of refused actions; losing it costs nothing but words.
  struct Trouble {
    std::map<core::ActionKind, core::Refusal> refusals;
    int failures = 0;  ///< in a row
    core::UtcSeconds again_at = 0;
  };

  /// A VolumePreflight that was there at the last look, or was made since.
  struct Known {
    bool automatic = false;
    core::PreflightSpec spec;
    core::UtcSeconds needed_at = 0;
  };

  void recall(core::PreflightWorld& world, core::UtcSeconds now);
  /// Why there may not be this one as well. The caller holds mutex_.
  [[nodiscard]] std::optional<std::string> refusal_of(const core::PreflightSpec& wanted) const;
  bool execute(const core::PreflightWorld& world, const std::vector<core::Action>& actions,
               core::UtcSeconds now, const std::stop_token& stop);
  [[nodiscard]] Done perform(const core::PreflightWorld& world, const core::Action& action,
                             const std::stop_token& stop);
  [[nodiscard]] Done create(const core::PreflightWorld& world, const core::Action& action,
                            const std::stop_token& stop);
  [[nodiscard]] Done change_volume(const core::Action& action, const std::stop_token& stop);
  void note(const core::PreflightWorld& world, const core::Action& action, const Done& done,
            core::UtcSeconds now);
  void emit(const core::Preflight& about, const core::Action& action) const;
  void log(LogLevel level, const std::string& line) const;

  const kube::Client& client_;
  const ClusterPreflightParts parts_;
  const ClusterPreflightOptions options_;

  std::map<std::string, Trouble, std::less<>> troubles_;  // by uid of the preflight; run()'s thread alone
  std::optional<core::UtcSeconds> swept_at_;              // likewise

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::map<std::string, Known, std::less<>> known_;  // by name
};

}  // namespace walguard::controller
