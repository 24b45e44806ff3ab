// A whole cluster in which the actions take effect, and an operator that is killed after each single one of
// them.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/evidence.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"
#include "tests/core/fake_cluster.h"

namespace walguard::core::testing {
namespace {

struct Scenario {
  std::string name;
  std::function<void(FakeCluster&)> arrange;
  /// Between two looks; what goes wrong in the middle.
  std::function<void(FakeCluster&)> meanwhile = [](FakeCluster&) {};
  PreflightPhase phase = PreflightPhase::kDone;
  std::string reason = "Safe";
};

std::ostream& operator<<(std::ostream& out, const Scenario& scenario) { return out << scenario.name; }

class Simulation : public ::testing::TestWithParam<Scenario> {
 protected:
  /// Runs until nothing happens any more. The operator dies after action `crash_after`, and begins anew; it
  /// has no memory to lose but the rest of its list.
  std::size_t simulate(FakeCluster& cluster, std::size_t crash_after) {
    constexpr int kLooks = 400;
    std::size_t taken = 0;
    int quiet = 0;
    for (int look = 0; look < kLooks && quiet < 5; ++look) {
      const std::vector<Action> actions = next_actions(cluster.world(), cluster.now);
      quiet = actions.empty() && settled(cluster) ? quiet + 1 : 0;
      for (const Action& action : actions) {
        cluster.apply(action);
        if (++taken == crash_after) break;
      }
      GetParam().meanwhile(cluster);
      cluster.live();
      cluster.now += 2;
    }
    return taken;
  }
  static bool settled(const FakeCluster& cluster) {
    const PreflightPhase phase = cluster.status().phase;
    return phase != PreflightPhase::kRunning && phase != PreflightPhase::kCleaningUp &&
           cluster.status().run > 0;
  }
  static void expect_end(const FakeCluster& cluster, std::size_t crash_after) {
    EXPECT_EQ(name(cluster.status().phase), name(GetParam().phase)) << "killed after action " << crash_after;
    EXPECT_EQ(cluster.status().reason, GetParam().reason) << "killed after action " << crash_after;
    EXPECT_TRUE(cluster.is_empty()) << "something is left; killed after action " << crash_after;
    EXPECT_EQ(cluster.status().run, 1) << "killed after action " << crash_after;
  }
};

TEST_P(Simulation, EndsAlikeAndLeavesNothingWhereverTheOperatorIsKilled) {
  FakeCluster undisturbed;
  // One run is what is looked at: the retry comes later.
  undisturbed.limits.first_backoff = 100'000;
  GetParam().arrange(undisturbed);
  const std::size_t actions = simulate(undisturbed, 0);
  expect_end(undisturbed, 0);
  ASSERT_GT(actions, 3U);
  for (std::size_t crash_after = 1; crash_after <= actions; ++crash_after) {
    FakeCluster cluster;
    cluster.limits.first_backoff = 100'000;
    GetParam().arrange(cluster);
    (void)simulate(cluster, crash_after);
    expect_end(cluster, crash_after);
  }
}

ObservedVolume old_volume(const std::string& policy) {
  ObservedVolume volume;
  volume.name = "somebodys-data";
  volume.provisioned_by = "fast.csi.example.com";
  volume.created = kStart - 100'000;
  volume.policy = policy;
  return volume;
}

bool has_pods(FakeCluster& cluster) { return !cluster.objects().pods.empty(); }

std::vector<Scenario> scenarios() {
  const auto nothing = [](FakeCluster&) {};
  const auto inconclusive = PreflightPhase::kInconclusive;
  std::vector<Scenario> all;
  all.push_back({.name = "AllGoesWell", .arrange = nothing});
  all.push_back({.name = "OnePodOfTwoContainers",
                 .arrange = [](FakeCluster& c) { c.preflight() = volume_preflight(Scope::kPod); }});
  all.push_back({.name = "TwoNodes",
                 .arrange = [](FakeCluster& c) { c.preflight() = volume_preflight(Scope::kCluster); }});
  all.push_back({.name = "ARetainClass", .arrange = [](FakeCluster& c) { c.reclaim_policy = "Retain"; }});
  all.push_back({.name = "WaitForFirstConsumer", .arrange = [](FakeCluster& c) {
                   c.view().storage_class->wait_for_first_consumer = true;
                   c.reclaim_policy = "Retain";
                 }});
  all.push_back({.name = "UnsafeStorage",
                 .arrange = [](FakeCluster& c) { c.wal = Verdict::kUnsafe; },
                 .meanwhile = nothing,
                 .phase = PreflightPhase::kDone,
                 .reason = "Unsafe"});
  for (const char* const policy : {"Delete", "Retain"}) {
    all.push_back({.name = std::string("SomebodysVolumeOfPolicy") + policy,
                   .arrange = [policy](FakeCluster& c) { c.binds_instead = old_volume(policy); },
                   .meanwhile = nothing,
                   .phase = inconclusive,
                   .reason = "ForeignVolume"});
  }
  all.push_back({.name = "NeverSchedules",
                 .arrange = [](FakeCluster& c) { c.schedules = false; },
                 .meanwhile = nothing,
                 .phase = inconclusive,
                 .reason = "Unschedulable"});
  all.push_back({.name = "NeverProvisions",
                 .arrange = [](FakeCluster& c) { c.provisions = false; },
                 .meanwhile = nothing,
                 .phase = inconclusive,
                 .reason = "NotStarted"});
  all.push_back({.name = "GarbageReports",
                 .arrange =
                     [](FakeCluster& c) {
                       c.when_a_pod_ends = [](ObservedPod& pod) {
                         pod.containers.front().report.reset();
                         pod.containers.front().problem = "it is no report: schema";
                       };
                     },
                 .meanwhile = nothing,
                 .phase = inconclusive,
                 .reason = "NoReport"});
  all.push_back({.name = "ReportOfAnotherRun",
                 .arrange =
                     [](FakeCluster& c) {
                       c.when_a_pod_ends = [](ObservedPod& pod) {
                         pod.containers.front().report->views.front().path = "/walguard-pf-bbbbbbbb-7";
                       };
                     },
                 .meanwhile = nothing,
                 .phase = inconclusive,
                 .reason = "ForeignReport"});
  all.push_back({.name = "Evicted",
                 .arrange =
                     [](FakeCluster& c) {
                       c.when_a_pod_ends = [](ObservedPod& pod) {
                         pod.reason = "Evicted";
                         pod.message = "the node was low on memory";
                         pod.containers.clear();
                       };
                     },
                 .meanwhile = nothing,
                 .phase = inconclusive,
                 .reason = "Evicted"});
  all.push_back({.name = "ANodeThatLosesItsPower",
                 .arrange = [](FakeCluster& c) { c.pods_end = false; },
                 .meanwhile =
                     [](FakeCluster& c) {
                       if (has_pods(c)) c.nodes.front().ready = false;
                     },
                 .phase = inconclusive,
                 .reason = "NodeLost"});
  all.push_back({.name = "APodDeletedByHand",
                 .arrange = [](FakeCluster& c) { c.pods_end = false; },
                 .meanwhile =
                     [](FakeCluster& c) {
                       // Seen while it goes, as a pod is for its grace.
                       if (has_pods(c) && c.status().reason == "Measuring") {
                         c.objects().pods.clear();
                         for (ObservedJob& job : c.objects().jobs) job.failure = "BackoffLimitExceeded: ";
                       }
                     },
                 .phase = inconclusive,
                 .reason = "PodsGone"});
  all.push_back({.name = "AJobThatNeverEnds",
                 .arrange = [](FakeCluster& c) { c.pods_end = false; },
                 .meanwhile = nothing,
                 .phase = inconclusive,
                 .reason = "NotStarted"});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Runs, Simulation, ::testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

TEST(PreflightSimulation, SomebodysVolumeIsGivenBackAsItWasFound) {
  for (const std::string policy : {"Delete", "Retain"}) {
    FakeCluster cluster;
    cluster.limits.first_backoff = 100'000;
    cluster.binds_instead = old_volume(policy);
    bool written_to = false;
    for (int look = 0; look < 60; ++look) {
      for (const Action& action : next_actions(cluster.world(), cluster.now)) cluster.apply(action);
      cluster.live();
      written_to = written_to || has_pods(cluster);
      cluster.now += 2;
    }
    ASSERT_EQ(cluster.objects().volumes.size(), 1U) << "it was deleted";
    EXPECT_EQ(cluster.objects().volumes.front().policy, policy);
    EXPECT_EQ(cluster.objects().volumes.front().claim_uid, "");
    EXPECT_EQ(cluster.objects().volumes.front().protected_policy, "");
    EXPECT_FALSE(written_to) << "a pod had it";
  }
}

TEST(PreflightSimulation, AJobDeletedByHandIsMadeAgainInTheSameRun) {
  FakeCluster cluster;
  cluster.pods_end = false;
  bool deleted = false;
  for (int look = 0; look < 100; ++look) {
    for (const Action& action : next_actions(cluster.world(), cluster.now)) cluster.apply(action);
    if (!deleted && has_pods(cluster)) {
      cluster.objects().jobs.clear();
      cluster.pods_end = deleted = true;
    }
    cluster.live();
    cluster.now += 2;
  }
  EXPECT_EQ(cluster.jobs_made, 2);
  EXPECT_EQ(cluster.status().reason, "Safe");
  EXPECT_EQ(cluster.status().run, 1);
  EXPECT_TRUE(cluster.is_empty());
}

TEST(PreflightSimulation, NothingIsLeftOfAPreflightThatIsDeletedWheneverThatIs) {
  for (int deleted_at = 0; deleted_at < 20; ++deleted_at) {
    FakeCluster cluster;
    cluster.reclaim_policy = "Retain";
    for (int look = 0; look < 60; ++look) {
      if (look == deleted_at) cluster.preflight_deleted = true;
      for (const Action& action : next_actions(cluster.world(), cluster.now)) cluster.apply(action);
      cluster.live();
      cluster.now += 2;
    }
    EXPECT_TRUE(cluster.is_empty()) << "deleted at look " << deleted_at;
  }
}

TEST(PreflightSimulation, AVolumeThatDoesNotGoAwayIsToldAndNotWaitedForLongerThanPatienceSays) {
  FakeCluster cluster;
  cluster.deletes_volumes = false;
  const auto live = [&](UtcSeconds seconds) {
    for (const UtcSeconds end = cluster.now + seconds; cluster.now < end; cluster.now += 2) {
      for (const Action& action : next_actions(cluster.world(), cluster.now)) cluster.apply(action);
      cluster.live();
    }
  };
  live(cluster.limits.cleanup_patience);
  EXPECT_EQ(name(cluster.status().phase), "CleaningUp");
  const Evidence* const evidence = evidence_of(cluster.status());
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(evidence->verdicts[Strategy::kWal], Verdict::kSafe);
  live(cluster.limits.cleanup_patience);
  EXPECT_EQ(name(cluster.status().phase), "Done");
  EXPECT_EQ(std::ranges::count(cluster.events, "CleanupStuck"), 1);
}

TEST(PreflightSimulation, AVolumeOfADeadNodeDoesNotHoldUpTheRunThatAPodWaitsFor) {
  FakeCluster cluster;
  cluster.deletes_volumes = false;
  cluster.pods_end = false;
  for (int look = 0; look < 600; ++look) {
    for (const Action& action : next_actions(cluster.world(), cluster.now)) cluster.apply(action);
    cluster.live();
    cluster.now += 2;
    cluster.nodes.front().ready = cluster.status().run != 1 || cluster.objects().pods.empty();
    cluster.pods_end = cluster.status().run > 1;
  }
  EXPECT_EQ(cluster.status().run, 2);
  EXPECT_EQ(cluster.status().reason, "Safe");
}

}  // namespace
}  // namespace walguard::core::testing
