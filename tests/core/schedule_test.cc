// What the preflight controller does next: pure, level-triggered, and within its limits.
#include "operator/core/schedule.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

using Starts = std::vector<std::size_t>;

EvidenceKey of_class(std::string name) {
  EvidenceKey key;
  key.storage_class = std::move(name);
  return key;
}

ProbeState wanted(std::string class_name, Scope scope = Scope::kNode) {
  ProbeState probe;
  probe.request = {of_class(std::move(class_name)), scope};
  return probe;
}

Starts next(std::vector<ProbeState> probes, const EvidenceBook& evidence = EvidenceBook{},
            const ScheduleLimits& limits = {}, const Policy& policy = {}) {
  const ScheduleState state{.probes = std::move(probes), .evidence = &evidence};
  const Starts starts = next_actions(state, policy, limits, kNow);
  EXPECT_EQ(next_actions(state, policy, limits, kNow), starts) << "the same state, another answer";
  return starts;
}

ScheduleLimits at_once(std::size_t count) {
  return but(ScheduleLimits{}, [&](auto& l) { l.at_once = count; });
}

TEST(Schedule, StartsWhatIsWantedOldestFirstAndNoMoreThanTheLimit) {
  EXPECT_EQ(next({}), Starts{});
  EXPECT_EQ(next({wanted("a"), wanted("b"), wanted("c")}), Starts{0});
  EXPECT_EQ(next({wanted("a"), wanted("b"), wanted("c")}, {}, at_once(2)), (Starts{0, 1}));
  EXPECT_EQ(next({wanted("a")}, {}, at_once(0)), Starts{});
}

TEST(Schedule, WhatRunsCountsAgainstTheLimitAndIsNotStartedTwice) {
  const auto running = but(wanted("a"), [](auto& p) { p.running = true; });
  EXPECT_EQ(next({running, wanted("b")}), Starts{});
  EXPECT_EQ(next({running, wanted("b"), wanted("c")}, {}, at_once(2)), Starts{1});
  EXPECT_EQ(next({wanted("b"), running}, {}, at_once(1)), Starts{})
      << "one that runs further down counts too";
}

TEST(Schedule, StartsNothingWithoutEvidenceToGoByOrWherePolicyForbids) {
  const ScheduleState blind{.probes = {wanted("a")}, .evidence = nullptr};
  EXPECT_EQ(next_actions(blind, {}, {}, kNow), Starts{});
  const Policy off = but(Policy{}, [](auto& p) { p.automatic_preflights = false; });
  EXPECT_EQ(next({wanted("a")}, {}, {}, off), Starts{});
}

TEST(Schedule, WhatIsMeasuredIsLeftAloneUntilFourFifthsOfItsAge) {
  const auto after = [](UtcSeconds age) {
    return next({wanted("a")}, book(passed(of_class("a"), Scope::kNode, age)));
  };
  EXPECT_EQ(after(0), Starts{});
  EXPECT_EQ(after(24 * kDay - 1), Starts{});
  EXPECT_EQ(after(24 * kDay), Starts{0}) << "renewed ahead of its end";
}

TEST(Schedule, FailuresAreLookedAtAgainToo) {
  EXPECT_EQ(next({wanted("a")}, book(failed(of_class("a"), Scope::kNode, kDay))), Starts{});
  EXPECT_EQ(next({wanted("a")}, book(failed(of_class("a"), Scope::kNode, 24 * kDay))), Starts{0});
}

TEST(Schedule, AMeasurementOfLessScopeOrAnotherClassIsNotTheOneWanted) {
  EXPECT_EQ(next({wanted("a", Scope::kNode)}, book(passed(of_class("a"), Scope::kPod))), Starts{0});
  EXPECT_EQ(next({wanted("a", Scope::kPod)}, book(passed(of_class("a"), Scope::kNode))), Starts{});
  EXPECT_EQ(next({wanted("a")}, book(passed(of_class("b"), Scope::kNode))), Starts{0});
}

TEST(Schedule, RunsWithoutAVerdictBackOffTwiceAsLongEachTimeAndNoLongerThanTheLongest) {
  const ScheduleLimits limits{.first_backoff = 10, .longest_backoff = 60};
  const auto after = [&](int runs, UtcSeconds since) {
    return next({but(wanted("a"),
                     [&](auto& p) { p.inconclusive_runs = runs, p.last_finished = kNow - since; })},
                {}, limits) == Starts{0};
  };
  const std::vector<std::pair<int, UtcSeconds>> waits = {{1, 10}, {2, 20}, {3, 40},
                                                         {4, 60}, {5, 60}, {1000, 60}};
  for (const auto& [runs, wait] : waits) {
    EXPECT_FALSE(after(runs, wait - 1)) << runs;
    EXPECT_TRUE(after(runs, wait)) << runs;
  }
  EXPECT_TRUE(after(0, 0)) << "a run with a verdict leaves no wait behind";
}

TEST(Schedule, OneThatBacksOffDoesNotHoldUpTheNext) {
  const auto waiting = but(wanted("a"), [](auto& p) { p.inconclusive_runs = 3, p.last_finished = kNow - 1; });
  EXPECT_EQ(next({waiting, wanted("b")}), Starts{1});
}

}  // namespace
}  // namespace walguard::core
