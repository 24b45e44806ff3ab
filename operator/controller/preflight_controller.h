/// Runs the preflights that are wanted, when they are due, and publishes what they prove.
///
/// A loop on a thread of its own: observe -> core::next_actions -> execute. What is due is core's decision;
/// here are the threads, the clock and the store. Level-triggered: a request that was dropped is asked for
/// again by the next pod, and one that is known costs nothing to ask for again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/evidence_store.h"
#include "operator/controller/log.h"
#include "operator/controller/preflight_runner.h"
#include "operator/controller/snapshot.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/schedule.h"
#include "operator/core/verdict.h"

namespace walguard::controller {

/// How a run ended, for metrics. `kFailed`: no report, or one that cannot be believed.
enum class RunOutcome : std::uint8_t { kSafe, kUnsafe, kInconclusive, kFailed };
[[nodiscard]] std::string_view name(RunOutcome outcome);

/// What the controller is given. Every function is called from threads of the controller's own.
struct PreflightParts {
  /// Blocks until the run has ended; ends it soon after the token asks for it.
  std::function<RunResult(const core::ProbeRequest&, const std::stop_token&)> run;
  /// A report as evidence about a key, or what is wrong with it (wire::evidence_from_report).
  std::function<tl::expected<core::Evidence, std::string>(std::string_view report, core::EvidenceKey key)>
      read_report;
  std::function<core::UtcSeconds()> now;
  std::function<void(RunOutcome)> count_run;  ///< may be empty
  LogLine log;                                ///< may be empty
};

struct PreflightOptions {
  core::Policy policy;
  core::ScheduleLimits limits;
  core::ProbeReach reach;                ///< kept evidence of other classes is not renewed
  std::size_t most_wanted = 1024;        ///< different requests; more are dropped and counted
  std::chrono::milliseconds tick{1000};  ///< how often backoffs and ages are looked at
};

class PreflightController {
 public:
  struct ProbeStatus {
    core::ProbeRequest request;
    bool running = false;
    bool waiting = false;                    ///< nothing proves it yet, and it does not run
    int inconclusive_runs = 0;               ///< in a row
    core::UtcSeconds last_finished = 0;      ///< 0: not since the start
    std::optional<RunOutcome> last_outcome;  ///< of the last run since the start
    std::string last_reason;                 ///< one line, cut at 500 bytes; empty after a pass
  };
  struct Status {
    std::vector<ProbeStatus> probes;  ///< in the order in which they were first wanted, at most `most_wanted`
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::uint64_t dropped = 0;  ///< requests refused because `most_wanted` were known
    std::string store_error;    ///< why evidence in force is not on the disk; empty when it is
  };

  /// Loads what `store` holds, publishes it and starts the loop. `store` must outlive the controller.
  [[nodiscard]] static tl::expected<std::unique_ptr<PreflightController>, std::string> start(
      EvidenceStore& store, PreflightParts parts, PreflightOptions options);

  PreflightController(const PreflightController&) = delete;
  PreflightController& operator=(const PreflightController&) = delete;
  /// Ends the runs that are under way and waits for them; what they had not proven is not kept.
  ~PreflightController();

  /// Asks for a preflight; false when it was dropped because too many are known. For the admission path:
  /// thread-safe, no system call unless the request is new, never waits for a run, the disk or the scheduler.
  /// Never to be called for a dry run.
  bool want(const core::ProbeRequest& request);

  /// All evidence in force, inconclusive runs included. Thread-safe and cheap (see Snapshot).
  [[nodiscard]] std::shared_ptr<const core::EvidenceBook> evidence() const { return evidence_.get(); }

  /// Thread-safe; waits for the scheduler at most. For the status page and metrics.
  [[nodiscard]] Status status() const;

 private:
  struct RequestHash {
    std::size_t operator()(const core::ProbeRequest& request) const;
  };
  struct Detail {
    std::optional<RunOutcome> outcome;
    std::string reason;
    int empty_runs = 0;  // in a row that found nothing to measure
  };
  /// What a worker hands back to the loop.
  struct Finished {
    std::size_t probe = 0;
    std::optional<core::Evidence> evidence;
    int exit_code = -1;
    std::string reason;
    bool nothing_there = false;
  };

  PreflightController(EvidenceStore& store, PreflightParts parts, PreflightOptions options);

  [[nodiscard]] tl::expected<void, std::string> load();
  void loop(const std::stop_token& stop);
  void admit_wanted(std::vector<core::ProbeRequest> wanted);
  void finish(Finished finished);
  void start_due();
  void work(std::size_t probe, const core::ProbeRequest& request, const std::stop_token& stop);
  void forget_if_gone(std::size_t probe, bool nothing_there);
  void keep(core::Evidence evidence);
  void save_unsaved();
  void publish();
  [[nodiscard]] core::UtcSeconds forgotten_before() const;
  void log(LogLevel level, const std::string& line) const;

  EvidenceStore& store_;
  const PreflightParts parts_;
  const PreflightOptions options_;
  Snapshot<core::EvidenceBook> evidence_;

  // What other threads hand to the loop. Held for a moment only: the admission path waits for it.
  mutable std::mutex inbox_mutex_;
  std::condition_variable_any wake_;
  std::unordered_set<core::ProbeRequest, RequestHash> known_;
  std::vector<core::ProbeRequest> wanted_;
  std::vector<Finished> finished_;
  std::uint64_t dropped_ = 0;

  // What status() reads. Written by the loop only, which holds it for each change.
  mutable std::mutex state_mutex_;
  core::ScheduleState schedule_;
  std::vector<Detail> details_;    // of schedule_.probes, by index
  core::EvidenceBook conclusive_;  // what next_actions goes by: a run without a verdict settles nothing
  std::string store_error_;

  // The loop's own.
  std::vector<core::Evidence> all_;
  std::vector<core::Evidence> unsaved_;
  std::vector<std::jthread> workers_;  // of schedule_.probes, by index; joined when not running

  std::jthread loop_;  // last: it ends before what it uses
};

}  // namespace walguard::controller
