#include "operator/controller/preflight_controller.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/evidence_store.h"
#include "operator/controller/log.h"
#include "operator/controller/preflight_runner.h"
#include "operator/core/evidence.h"
#include "operator/core/probe_plan.h"
#include "operator/core/schedule.h"
#include "operator/core/verdict.h"

namespace walguard::controller {
namespace {

using core::Evidence;
using core::ProbeRequest;
using core::Verdict;

bool says(const Evidence& evidence, Verdict verdict) {
  return std::ranges::find(evidence.verdicts.values, verdict) != evidence.verdicts.values.end();
}

bool is_conclusive(const Evidence& evidence) {
  return says(evidence, Verdict::kSafe) || says(evidence, Verdict::kUnsafe);
}

RunOutcome outcome_of(const Evidence& evidence) {
  if (says(evidence, Verdict::kUnsafe)) return RunOutcome::kUnsafe;
  return says(evidence, Verdict::kSafe) ? RunOutcome::kSafe : RunOutcome::kInconclusive;
}

/// Exit code and report come from one run by two ways; where they differ something is wrong with it, and a
/// verdict that is wrong in the good direction costs a database.
bool agrees_with_exit_code(const Evidence& evidence, int exit_code) {
  if (exit_code == 0) return outcome_of(evidence) == RunOutcome::kSafe;
  return (exit_code == 1) == (outcome_of(evidence) == RunOutcome::kUnsafe);
}

/// The row that a newer run with the same result replaces, as in the store.
bool same_statement(const Evidence& a, const Evidence& b) {
  return a.scope == b.scope && a.verdicts == b.verdicts && a.key == b.key;
}

bool settles(const Evidence* evidence, const ProbeRequest& request) {
  return evidence != nullptr && is_conclusive(*evidence) && evidence->scope >= request.scope;
}

std::string one_line(const std::vector<std::string>& reasons) {
  constexpr std::size_t kLongest = 500;
  std::string line;
  for (const std::string& reason : reasons) line += (line.empty() ? "" : "; ") + reason;
  if (line.size() > kLongest) line.resize(kLongest);
  return line;
}

}  // namespace

std::string_view name(RunOutcome outcome) {
  switch (outcome) {
    case RunOutcome::kSafe:
      return "safe";
    case RunOutcome::kUnsafe:
      return "unsafe";
    case RunOutcome::kInconclusive:
      return "inconclusive";
    case RunOutcome::kFailed:
      return "failed";
  }
  return "failed";
}

std::size_t PreflightController::RequestHash::operator()(const ProbeRequest& request) const {
  // Classes differ by name almost always; equality looks at the rest.
  const std::hash<std::string> hash;
  return (hash(request.key.storage_class) * 31 + hash(request.key.volume)) * 31 +
         static_cast<std::size_t>(request.scope);
}

PreflightController::PreflightController(EvidenceStore& store, PreflightParts parts, PreflightOptions options)
    : store_(store), parts_(std::move(parts)), options_(std::move(options)) {
  schedule_.evidence = &conclusive_;
}

PreflightController::~PreflightController() = default;

tl::expected<std::unique_ptr<PreflightController>, std::string> PreflightController::start(
    EvidenceStore& store, PreflightParts parts, PreflightOptions options) {
  std::unique_ptr<PreflightController> self(
      new PreflightController(store, std::move(parts), std::move(options)));
  if (auto loaded = self->load(); !loaded) return tl::unexpected(loaded.error());
  self->loop_ = std::jthread([raw = self.get()](const std::stop_token& stop) { raw->loop(stop); });
  return self;
}

/// What was proven before is in force at once, and wanted again, so that it is renewed ahead of its end.
tl::expected<void, std::string> PreflightController::load() {
  auto kept = store_.load_all();
  if (!kept) return tl::unexpected(kept.error());
  all_ = std::move(*kept);
  std::ranges::sort(all_, {}, &Evidence::measured_at);
  publish();
  for (const Evidence& evidence : all_) {
    const auto reach = options_.reach.classes.find(evidence.key.storage_class);
    if (reach == options_.reach.classes.end()) continue;
    want({evidence.key, std::min(evidence.scope, reach->second.widest)});
  }
  return {};
}

bool PreflightController::want(const ProbeRequest& request) {
  {
    const std::lock_guard lock(inbox_mutex_);
    if (known_.contains(request)) return true;
    if (known_.size() >= options_.most_wanted) {
      ++dropped_;
      return false;
    }
    known_.insert(request);
    wanted_.push_back(request);
  }
  wake_.notify_one();
  return true;
}

void PreflightController::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<ProbeRequest> wanted;
    std::vector<Finished> finished;
    {
      std::unique_lock lock(inbox_mutex_);
      wake_.wait_for(lock, stop, options_.tick, [this] { return !wanted_.empty() || !finished_.empty(); });
      wanted.swap(wanted_);
      finished.swap(finished_);
    }
    if (stop.stop_requested()) break;
    admit_wanted(std::move(wanted));
    for (Finished& run : finished) finish(std::move(run));
    save_unsaved();
    start_due();
  }
  for (std::jthread& worker : workers_) worker.request_stop();  // all at once, then each is waited for
  workers_.clear();
}

void PreflightController::admit_wanted(std::vector<ProbeRequest> wanted) {
  const std::lock_guard lock(state_mutex_);
  for (ProbeRequest& request : wanted) {
    const auto free = std::ranges::find_if(schedule_.probes, &core::ProbeState::forgotten);
    const auto place = static_cast<std::size_t>(free - schedule_.probes.begin());
    if (free == schedule_.probes.end()) {
      schedule_.probes.emplace_back();
      details_.emplace_back();
      workers_.emplace_back();
    }
    schedule_.probes[place] = {.request = std::move(request)};
    details_[place] = {};
  }
}

void PreflightController::start_due() {
  // Only the loop changes what next_actions reads, so it needs no lock to read it.
  for (const std::size_t probe :
       core::next_actions(schedule_, options_.policy, options_.limits, parts_.now())) {
    const ProbeRequest& request = schedule_.probes[probe].request;
    log(LogLevel::kInfo, "preflight starts: " + request.key.text());
    {
      const std::lock_guard lock(state_mutex_);
      schedule_.probes[probe].running = true;
    }
    workers_[probe] =
        std::jthread([this, probe, request](const std::stop_token& stop) { work(probe, request, stop); });
  }
}

/// On a thread of its own: one run, and its report as evidence.
void PreflightController::work(std::size_t probe, const ProbeRequest& request, const std::stop_token& stop) {
  Finished finished{
      .probe = probe, .evidence = std::nullopt, .exit_code = -1, .reason = {}, .nothing_there = false};
  try {
    RunResult result = parts_.run(request, stop);
    finished.exit_code = result.exit_code;
    finished.reason = std::move(result.reason);
    finished.nothing_there = result.nothing_there;
    if (result.report) {
      auto evidence = parts_.read_report(*result.report, request.key);
      if (evidence) finished.evidence = std::move(*evidence);
      if (!evidence) finished.reason = "the report cannot be used: " + evidence.error();
    }
  } catch (const std::exception& error) {
    finished.evidence.reset();
    finished.reason = std::string("the run broke off: ") + error.what();
  }
  {
    const std::lock_guard lock(inbox_mutex_);
    finished_.push_back(std::move(finished));
  }
  wake_.notify_one();
}

void PreflightController::finish(Finished finished) {
  const std::size_t probe = finished.probe;
  workers_[probe] = std::jthread();  // joins the worker, which has nothing left to do
  const core::UtcSeconds now = parts_.now();
  if (finished.evidence && !agrees_with_exit_code(*finished.evidence, finished.exit_code)) {
    finished.evidence.reset();
    finished.reason =
        "the report contradicts the preflight's exit code " + std::to_string(finished.exit_code);
  }
  const RunOutcome outcome = finished.evidence ? outcome_of(*finished.evidence) : RunOutcome::kFailed;
  const std::string reason = finished.evidence ? one_line(finished.evidence->reasons) : finished.reason;
  const bool settled = finished.evidence && settles(&*finished.evidence, schedule_.probes[probe].request);
  if (finished.evidence) {
    // A clock that was set back since must not make evidence from the future, which would age late.
    finished.evidence->measured_at = std::min(finished.evidence->measured_at, now);
    keep(std::move(*finished.evidence));
  }
  {
    const std::lock_guard lock(state_mutex_);
    core::ProbeState& state = schedule_.probes[probe];
    state.running = false;
    state.last_finished = now;
    state.inconclusive_runs = settled ? 0 : state.inconclusive_runs + 1;
    details_[probe] = {outcome, one_line({reason}), details_[probe].empty_runs};
  }
  if (parts_.count_run) parts_.count_run(outcome);
  log(settled ? LogLevel::kInfo : LogLevel::kWarning, "preflight " + std::string(name(outcome)) + ": " +
                                                          schedule_.probes[probe].request.key.text() +
                                                          (reason.empty() ? "" : ": " + one_line({reason})));
  forget_if_gone(probe, finished.nothing_there);
}

/// Volumes come and go: what is no more must not hold the place of what will be wanted.
void PreflightController::forget_if_gone(std::size_t probe, bool nothing_there) {
  constexpr int kEmptyRuns = 5;
  const std::scoped_lock lock(inbox_mutex_, state_mutex_);
  int& empty_runs = details_[probe].empty_runs;
  empty_runs = nothing_there ? empty_runs + 1 : 0;
  if (empty_runs < kEmptyRuns) return;
  known_.erase(schedule_.probes[probe].request);
  schedule_.probes[probe] = {.request = {}, .forgotten = true};
}

/// To the disk first, so that what a pod was answered from is still known after a restart. Where the disk
/// fails the evidence counts all the same, and saving is tried again: a failure that was measured must not be
/// forgotten because of a full disk.
void PreflightController::keep(Evidence evidence) {
  unsaved_.push_back(evidence);
  save_unsaved();
  std::erase_if(all_, [&](const Evidence& old) {
    const bool too_old = old.measured_at < forgotten_before() && !says(old, Verdict::kUnsafe);
    return too_old || same_statement(old, evidence);
  });
  all_.push_back(std::move(evidence));
  publish();
}

void PreflightController::save_unsaved() {
  if (unsaved_.empty()) return;
  std::string problem;
  while (!unsaved_.empty() && problem.empty()) {
    if (const auto saved = store_.save(unsaved_.front()); !saved) {
      problem = saved.error();
    } else {
      unsaved_.erase(unsaved_.begin());
    }
  }
  if (problem.empty()) {
    if (const auto pruned = store_.prune(forgotten_before()); !pruned) problem = pruned.error();
  }
  if (problem != store_error_ && !problem.empty()) log(LogLevel::kError, "evidence is not kept: " + problem);
  const std::lock_guard lock(state_mutex_);
  store_error_ = std::move(problem);
}

/// Passes older than this prove nothing and are not even named as stale any more.
core::UtcSeconds PreflightController::forgotten_before() const {
  return parts_.now() - options_.policy.evidence_max_age - options_.policy.stale_grace;
}

void PreflightController::publish() {
  std::vector<Evidence> conclusive;
  std::ranges::copy_if(all_, std::back_inserter(conclusive), is_conclusive);
  {
    const std::lock_guard lock(state_mutex_);
    conclusive_ = core::EvidenceBook(std::move(conclusive));
  }
  evidence_.set(core::EvidenceBook(all_));
}

PreflightController::Status PreflightController::status() const {
  Status status;
  {
    const std::lock_guard lock(inbox_mutex_);
    status.dropped = dropped_;
  }
  const std::lock_guard lock(state_mutex_);
  for (std::size_t i = 0; i < schedule_.probes.size(); ++i) {
    const core::ProbeState& probe = schedule_.probes[i];
    if (probe.forgotten) continue;
    const bool waiting = !probe.running && !settles(conclusive_.latest(probe.request.key), probe.request);
    status.running += probe.running ? 1 : 0;
    status.waiting += waiting ? 1 : 0;
    status.probes.push_back({probe.request, probe.running, waiting, probe.inconclusive_runs,
                             probe.last_finished, details_[i].outcome, details_[i].reason});
  }
  status.store_error = store_error_;
  return status;
}

void PreflightController::log(LogLevel level, const std::string& line) const {
  if (parts_.log) parts_.log(level, line);
}

}  // namespace walguard::controller
