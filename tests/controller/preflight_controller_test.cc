#include "operator/controller/preflight_controller.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <tl/expected.hpp>

#include "operator/controller/evidence_store.h"
#include "operator/controller/preflight_runner.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "tests/controller/support.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using core::Evidence;
using core::EvidenceKey;
using core::ProbeRequest;
using core::Scope;
using core::Strategy;
using core::Verdict;
using ::testing::ElementsAre;
using testing::error_of;
using testing::eventually;
using ::testing::HasSubstr;
using testing::TempDir;
using namespace std::chrono_literals;

constexpr core::UtcSeconds kDay = 86'400;

ProbeRequest request_for(const std::string& storage_class) {
  ProbeRequest request;
  request.key.storage_class = storage_class;
  request.key.driver = "x.csi.example";
  return request;
}

/// The state of one controller with a preflight and a clock that the test holds.
class PreflightControllerTest : public ::testing::Test {
 protected:
  using Run = std::function<RunResult(const ProbeRequest&, const std::stop_token&)>;

  void SetUp() override { open_store(); }
  void open_store() {
    auto store = EvidenceStore::open(dir_.path().string(), catalog_, [](const std::string&) {
      return tl::expected<std::uint64_t, std::string>(testing::kExt4Magic);
    });
    ASSERT_TRUE(store) << store.error();
    store_ = std::move(*store);
  }

  /// A "report" is one word: the verdict for wal.
  tl::expected<Evidence, std::string> read_report(std::string_view report, EvidenceKey key) const {
    const auto verdict = core::parse<Verdict>(report);
    if (!verdict) return tl::unexpected(std::string("verdict: not a verdict"));
    Evidence evidence;
    evidence.key = std::move(key);
    evidence.scope = report_scope_;
    evidence.verdicts[Strategy::kWal] = *verdict;
    evidence.reasons = {"reason for " + std::string(report)};
    evidence.measured_at = now_ + report_is_ahead_;
    return evidence;
  }

  RunResult next_result(const ProbeRequest& request) {
    const std::lock_guard lock(mutex_);
    ++runs_[request.key.storage_class];
    return result_;
  }
  void set_result(RunResult result) {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  int runs(const std::string& storage_class) {
    const std::lock_guard lock(mutex_);
    return runs_[storage_class];
  }

  std::unique_ptr<PreflightController> start(const Run& run) {
    PreflightParts parts;
    parts.run = run;
    parts.read_report = [this](std::string_view report, EvidenceKey key) {
      return read_report(report, std::move(key));
    };
    parts.now = [this] { return now_.load(); };
    parts.count_run = [this](RunOutcome outcome) { ++outcomes_.at(static_cast<std::size_t>(outcome)); };
    auto controller = PreflightController::start(*store_, std::move(parts), options_);
    if (!controller) throw std::runtime_error(controller.error());
    return std::move(*controller);
  }
  std::unique_ptr<PreflightController> start() {
    return start(
        [this](const ProbeRequest& request, const std::stop_token&) { return next_result(request); });
  }
  /// The loop has gone round with the state as it is now: it has run a class that nobody has asked for
  /// before.
  void let_the_loop_go_round(PreflightController& controller) {
    const std::string fresh = "round-" + std::to_string(++rounds_);
    ASSERT_TRUE(controller.want(request_for(fresh)));
    ASSERT_TRUE(eventually([&] { return runs(fresh) == 1; }));
    ASSERT_TRUE(eventually([&] { return controller.status().running == 0; }));
  }
  static Verdict wal_verdict(const PreflightController& controller, const std::string& storage_class) {
    const auto book = controller.evidence();
    const Evidence* evidence = book->latest(request_for(storage_class).key);
    return evidence == nullptr ? Verdict::kNotApplicable : evidence->verdicts[Strategy::kWal];
  }

  TempDir dir_;
  core::Catalog catalog_ = testing::small_catalog();
  std::unique_ptr<EvidenceStore> store_;
  std::atomic<core::UtcSeconds> now_ = 1000 * kDay;
  std::atomic<Scope> report_scope_ = Scope::kNode;
  std::atomic<core::UtcSeconds> report_is_ahead_ = 0;
  std::array<std::atomic<int>, 4> outcomes_ = {};
  PreflightOptions options_ = [] {
    PreflightOptions options;
    options.tick = 2ms;
    options.reach.classes = {{"fast", {}}, {"slow", {}}};
    return options;
  }();

  std::mutex mutex_;
  RunResult result_ = {"safe", 0, ""};
  std::map<std::string, int> runs_;
  int rounds_ = 0;
};

TEST_F(PreflightControllerTest, WhatIsWantedIsRunOnceAndItsEvidencePublishedAndKept) {
  {
    const auto controller = start();
    EXPECT_TRUE(controller->want(request_for("fast")));
    EXPECT_TRUE(controller->want(request_for("fast")));
    ASSERT_TRUE(eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kSafe; }));
    EXPECT_TRUE(controller->want(request_for("fast")));
    let_the_loop_go_round(*controller);
    EXPECT_EQ(runs("fast"), 1);
    EXPECT_EQ(outcomes_[0], 2);  // "fast" and the round
  }
  open_store();
  EXPECT_EQ(store_->load_all()->size(), 2U);
}

TEST_F(PreflightControllerTest, AfterARestartTheVerdictIsInForceBeforeAnythingRan) {
  set_result({"unsafe", 1, {}});
  {
    const auto controller = start();
    controller->want(request_for("fast"));
    ASSERT_TRUE(eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kUnsafe; }));
  }
  open_store();
  const auto controller = start();
  EXPECT_EQ(wal_verdict(*controller, "fast"), Verdict::kUnsafe);
  let_the_loop_go_round(*controller);
  EXPECT_EQ(runs("fast"), 1);
}

TEST_F(PreflightControllerTest, KeptEvidenceIsRenewedAheadOfItsEndThoughNobodyAsksAgain) {
  {
    const auto controller = start();
    controller->want(request_for("fast"));
    ASSERT_TRUE(eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kSafe; }));
  }
  open_store();
  const auto controller = start();
  now_ += 23 * kDay;  // of 30, renewed at 24
  let_the_loop_go_round(*controller);
  EXPECT_EQ(runs("fast"), 1);
  now_ += kDay;
  EXPECT_TRUE(eventually([&] { return runs("fast") == 2; }));
  EXPECT_TRUE(eventually([&] {
    const auto book = controller->evidence();
    return book->latest(request_for("fast").key)->measured_at == now_;
  }));
}

TEST_F(PreflightControllerTest, KeptEvidenceOfAClassThatCannotBeReachedIsNotRenewed) {
  options_.reach.classes.clear();
  Evidence evidence;
  evidence.key = request_for("gone").key;
  evidence.scope = Scope::kNode;
  evidence.verdicts[Strategy::kWal] = Verdict::kSafe;
  evidence.measured_at = now_ - 29 * kDay;
  ASSERT_EQ(error_of(store_->save(evidence)), "no error");
  const auto controller = start();
  let_the_loop_go_round(*controller);
  EXPECT_EQ(runs("gone"), 0);
  EXPECT_EQ(wal_verdict(*controller, "gone"), Verdict::kSafe);
}

TEST_F(PreflightControllerTest, ARunWithoutAVerdictIsPublishedWithItsReasonAndBacksOff) {
  set_result({"unproven", 3, {}});
  const auto controller = start();
  controller->want(request_for("fast"));
  ASSERT_TRUE(eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kUnproven; }));
  ASSERT_TRUE(eventually([&] { return controller->status().probes[0].inconclusive_runs == 1; }));
  EXPECT_EQ(controller->status().probes[0].last_reason, "reason for unproven");
  EXPECT_EQ(controller->status().waiting, 1U);

  set_result({"safe", 0, {}});
  now_ += 9;
  let_the_loop_go_round(*controller);
  EXPECT_EQ(runs("fast"), 1) << "before the first backoff of 10 s was over";
  now_ += 1;
  ASSERT_TRUE(eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kSafe; }));
  EXPECT_EQ(runs("fast"), 2);
  EXPECT_TRUE(eventually([&] { return controller->status().waiting == 0; }));
  EXPECT_EQ(controller->status().probes[0].inconclusive_runs, 0);
}

TEST_F(PreflightControllerTest, ARunThatReachesLessFarThanAskedForBacksOff) {
  report_scope_ = Scope::kContainer;
  const auto controller = start();
  controller->want(request_for("fast"));
  ASSERT_TRUE(eventually([&] { return outcomes_[0] == 1; }));
  EXPECT_EQ(controller->status().probes[0].inconclusive_runs, 1);
  let_the_loop_go_round(*controller);
  EXPECT_EQ(runs("fast"), 1);
  EXPECT_EQ(wal_verdict(*controller, "fast"), Verdict::kSafe);
}

TEST_F(PreflightControllerTest, AFailedRunLeavesNoEvidenceAndSaysWhy) {
  set_result({std::nullopt, 2, "exit code 2: no space left"});
  const auto controller = start();
  controller->want(request_for("fast"));
  ASSERT_TRUE(eventually([&] { return outcomes_[3] == 1; }));
  const auto status = controller->status();
  EXPECT_EQ(status.probes[0].last_reason, "exit code 2: no space left");
  EXPECT_EQ(status.probes[0].last_outcome, RunOutcome::kFailed);
  EXPECT_EQ(wal_verdict(*controller, "fast"), Verdict::kNotApplicable);
}

TEST_F(PreflightControllerTest, AReportThatCannotBeReadOrContradictsTheExitCodeProvesNothing) {
  for (const RunResult& result :
       {RunResult{"hello", 0, ""}, RunResult{"safe", 1, ""}, RunResult{"unsafe", 0, ""},
        RunResult{"unproven", 0, ""}, RunResult{"unsafe", 3, ""}}) {
    set_result(result);
    const int failed = outcomes_[3];
    const auto controller = start();
    controller->want(request_for("fast"));
    ASSERT_TRUE(eventually([&] { return outcomes_[3] == failed + 1; }));
    EXPECT_EQ(controller->evidence()->all().size(), 0U);
    EXPECT_THAT(controller->status().probes[0].last_reason, HasSubstr("the report c"));
  }
  EXPECT_EQ(store_->load_all()->size(), 0U);
}

TEST_F(PreflightControllerTest, ARunThatThrowsIsAFailedRun) {
  const auto controller = start([](const ProbeRequest&, const std::stop_token&) -> RunResult {
    throw std::runtime_error("out of descriptors");
  });
  controller->want(request_for("fast"));
  ASSERT_TRUE(eventually([&] { return outcomes_[3] == 1; }));
  EXPECT_THAT(controller->status().probes[0].last_reason, HasSubstr("out of descriptors"));
}

TEST_F(PreflightControllerTest, EvidenceFromTheFutureIsDatedNow) {
  report_is_ahead_ = 100 * kDay;
  const auto controller = start();
  controller->want(request_for("fast"));
  ASSERT_TRUE(eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kSafe; }));
  EXPECT_EQ(controller->evidence()->latest(request_for("fast").key)->measured_at, now_);
}

TEST_F(PreflightControllerTest, BeyondTheMostWantedRequestsAreDroppedAndCounted) {
  options_.most_wanted = 2;
  const auto controller = start();
  EXPECT_TRUE(controller->want(request_for("a")));
  EXPECT_TRUE(controller->want(request_for("b")));
  EXPECT_FALSE(controller->want(request_for("c")));
  EXPECT_TRUE(controller->want(request_for("a"))) << "what is known is never dropped";
  EXPECT_EQ(controller->status().dropped, 1U);
}

/// A preflight that ends when the test lets it, or when it is told to stop.
class HeldRuns {
 public:
  RunResult run(const ProbeRequest& request, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    started_.push_back(request.key.storage_class);
    changed_.notify_all();
    if (!changed_.wait(lock, stop, [&] { return released_; })) ++stopped_;
    return {"safe", 0, ""};
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  std::vector<std::string> started() {
    const std::lock_guard lock(mutex_);
    return started_;
  }
  int stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::string> started_;
  bool released_ = false;
  int stopped_ = 0;
};

TEST_F(PreflightControllerTest, NoMoreRunAtOnceThanTheLimitAndTheOldestRequestGoesFirst) {
  HeldRuns held;
  options_.limits.at_once = 1;
  const auto controller = start(std::bind_front(&HeldRuns::run, &held));
  for (const char* name : {"a", "b", "c"}) controller->want(request_for(name));
  ASSERT_TRUE(eventually([&] {
    const auto status = controller->status();
    return status.running == 1 && status.waiting == 2 && !held.started().empty();
  }));
  EXPECT_THAT(held.started(), ElementsAre("a"));
  held.release();
  ASSERT_TRUE(eventually([&] { return controller->evidence()->all().size() == 3; }));
  EXPECT_THAT(held.started(), ElementsAre("a", "b", "c"));
}

TEST_F(PreflightControllerTest, SeveralRunAtOnceWhereTheLimitAllowsIt) {
  HeldRuns held;
  options_.limits.at_once = 2;
  const auto controller = start(std::bind_front(&HeldRuns::run, &held));
  for (const char* name : {"a", "b", "c"}) controller->want(request_for(name));
  EXPECT_TRUE(eventually([&] { return held.started().size() == 2 && controller->status().running == 2; }));
}

TEST_F(PreflightControllerTest, ItsEndStopsTheRunsAndKeepsNothingOfThem) {
  HeldRuns held;
  options_.limits.at_once = 2;
  {
    const auto controller = start(std::bind_front(&HeldRuns::run, &held));
    for (const char* name : {"a", "b"}) controller->want(request_for(name));
    ASSERT_TRUE(eventually([&] { return held.started().size() == 2; }));
  }
  EXPECT_EQ(held.stopped(), 2);
  EXPECT_EQ(store_->load_all()->size(), 0U);
}

TEST_F(PreflightControllerTest, WantNeverWaitsForARun) {
  HeldRuns held;
  const auto controller = start(std::bind_front(&HeldRuns::run, &held));
  controller->want(request_for("a"));
  ASSERT_TRUE(eventually([&] { return held.started().size() == 1; }));
  std::vector<std::jthread> askers;  // would hang here if it did: the run is never released
  askers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&controller, i] {
      for (int j = 0; j < 100; ++j)
        controller->want(request_for(std::to_string(i) + "-" + std::to_string(j)));
    });
  }
  askers.clear();
  EXPECT_TRUE(eventually([&] { return controller->status().probes.size() == 401; }));
}

TEST_F(PreflightControllerTest, WithAutomaticPreflightsOffNothingRuns) {
  options_.policy.automatic_preflights = false;
  const auto controller = start();
  controller->want(request_for("fast"));
  ASSERT_TRUE(eventually([&] { return controller->status().waiting == 1; }));
  EXPECT_EQ(runs("fast"), 0);
}

TEST_F(PreflightControllerTest, EvidenceThatTheDiskRefusesIsInForceAndSavedWhenItCanBe) {
  set_result({"unsafe", 1, {}});
  const auto controller = start();
  // No file may grow: what a full disk is to SQLite. SIGXFSZ would otherwise end the process.
  const auto signal_before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit nothing = {0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &nothing), 0);

  controller->want(request_for("fast"));
  const bool reported = eventually([&] { return !controller->status().store_error.empty(); });
  const bool in_force = eventually([&] { return wal_verdict(*controller, "fast") == Verdict::kUnsafe; });
  const std::string error = controller->status().store_error;
  const auto kept_meanwhile = store_->load_all();
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, signal_before);

  EXPECT_TRUE(reported);
  EXPECT_TRUE(in_force);
  EXPECT_THAT(error, HasSubstr("walguard.db cannot be written"));
  ASSERT_TRUE(kept_meanwhile) << kept_meanwhile.error();
  EXPECT_EQ(kept_meanwhile->size(), 0U);
  EXPECT_TRUE(eventually([&] { return controller->status().store_error.empty(); }));
  EXPECT_EQ(store_->load_all()->size(), 1U);
}

}  // namespace
}  // namespace walguard::controller
