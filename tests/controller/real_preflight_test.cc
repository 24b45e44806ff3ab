// The whole way with nothing replaced: wanted -> walguard-preflight as a child -> its report -> evidence on
// the disk.
#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "operator/controller/evidence_store.h"
#include "operator/controller/preflight_controller.h"
#include "operator/controller/preflight_runner.h"
#include "operator/core/evidence.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/process/child_process.h"
#include "operator/wire/report.h"
#include "tests/controller/support.h"

namespace walguard::controller {
namespace {

using core::Scope;
using core::Strategy;
using core::Verdict;

TEST(RealPreflight, ProvesALocalDirectoryForEachStrategyAndTheProofIsThereAfterARestart) {
  const testing::TempDir dir;
  const auto catalog = testing::small_catalog();
  std::filesystem::create_directory(dir / "volume");
  PreflightRunner runner({WALGUARD_PREFLIGHT_BINARY, "quick"}, {{"fast", {dir / "volume", ""}}},
                         process::ChildLimits{});
  core::ProbeRequest request;
  request.key.storage_class = "fast";
  {
    const auto store = EvidenceStore::open(dir / "data", catalog);
    ASSERT_TRUE(store) << store.error();
    PreflightParts parts;
    parts.run = [&](const core::ProbeRequest& wanted, const std::stop_token& stop) {
      return runner.run(wanted, stop);
    };
    parts.read_report = [](std::string_view report, core::EvidenceKey key) {
      return wire::evidence_from_report(report, std::move(key));
    };
    parts.now = [] { return core::UtcSeconds{std::time(nullptr)}; };
    const auto controller = PreflightController::start(**store, std::move(parts), {});
    ASSERT_TRUE(controller) << controller.error();
    ASSERT_TRUE((*controller)->want(request));
    const auto finished = [&] {
      const auto status = (*controller)->status();
      return !status.probes.empty() && status.probes[0].last_outcome.has_value();
    };
    ASSERT_TRUE(testing::eventually(finished, std::chrono::seconds(100)));
    const auto status = (*controller)->status().probes[0];
    EXPECT_EQ(status.last_outcome, RunOutcome::kSafe) << status.last_reason;
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir / "volume")) << "the preflight removes its folder";
  const auto reopened = EvidenceStore::open(dir / "data", catalog);
  ASSERT_TRUE(reopened) << reopened.error();
  auto kept = (*reopened)->load_all();
  ASSERT_TRUE(kept) << kept.error();
  const core::EvidenceBook book(std::move(*kept));
  for (const Strategy strategy : {Strategy::kWal, Strategy::kWalExclusive, Strategy::kRollback}) {
    const auto answer = book.ask(request.key, strategy, Scope::kNode, std::time(nullptr), 60, 0);
    EXPECT_EQ(answer.verdict, Verdict::kSafe) << core::name(strategy);
  }
}

}  // namespace
}  // namespace walguard::controller
