// What is done next, one look at a time. Whole runs are in preflight_simulation_test.cc.
#include "operator/core/preflight_plan.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/cluster_objects.h"
#include "operator/core/evidence.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"
#include "tests/core/fake_cluster.h"

namespace walguard::core::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<ActionKind> kinds(const std::vector<Action>& actions) {
  std::vector<ActionKind> out;
  out.reserve(actions.size());
  for (const Action& action : actions) out.push_back(action.kind);
  return out;
}

/// The status that is written; fails where none is.
PreflightStatus written(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (action.kind == ActionKind::kWriteStatus && action.status) return *action.status;
  }
  ADD_FAILURE() << "no status is written";
  return {};
}

class PreflightPlan : public ::testing::Test {
 protected:
  std::vector<Action> look() { return next_actions(cluster_.world(), cluster_.now); }
  /// Until the preflight is done with its run, or `until` holds.
  void live(const std::function<bool()>& until) {
    for (int i = 0; i < 200 && !until(); ++i) {
      for (const Action& action : look()) cluster_.apply(action);
      if (until()) return;
      cluster_.live();
      cluster_.now += 2;
    }
  }
  void live_until(PreflightPhase phase) {
    live([&] { return cluster_.status().phase == phase; });
    ASSERT_EQ(name(cluster_.status().phase), name(phase)) << cluster_.status().reason;
  }
  /// Measured, and all is quiet.
  void prove() { live_until(PreflightPhase::kDone); }
  bool begins_a_run() {
    const auto actions = look();
    return std::ranges::count(kinds(actions), ActionKind::kWriteStatus) > 0 &&
           written(actions).phase == PreflightPhase::kRunning;
  }

  FakeCluster cluster_;
};

TEST_F(PreflightPlan, TheSameWorldGivesTheSameActions) {
  EXPECT_EQ(kinds(look()), kinds(look()));
  EXPECT_THAT(kinds(look()), ElementsAre(ActionKind::kWriteStatus, ActionKind::kEmitEvent));
}

TEST_F(PreflightPlan, ARunThatBeginsIsInTheStatusBeforeAnyOfItsObjects) {
  const PreflightStatus status = written(look());
  EXPECT_EQ(status.run, 1);
  EXPECT_EQ(status.run_key, class_key(provisioned_class(), "", AccessMode::kReadWriteOnce));
  EXPECT_THAT(status.recent_starts, ElementsAre(cluster_.now));
}

TEST_F(PreflightPlan, TheJobIsHeldUntilItsClaimIsBoundToAVolumeOfOurs) {
  cluster_.provisions = false;
  for (int i = 0; i < 5; ++i) {
    for (const Action& action : look()) cluster_.apply(action);
    cluster_.live();
  }
  EXPECT_THAT(cluster_.objects().claims, ::testing::SizeIs(1));
  EXPECT_THAT(cluster_.objects().pods, IsEmpty());
}

TEST_F(PreflightPlan, AClaimOfARetainClassIsPatchedToDeleteBeforeItsPodsRun) {
  cluster_.reclaim_policy = "Retain";
  live([&] { return !cluster_.objects().jobs.empty(); });
  ASSERT_FALSE(cluster_.objects().volumes.empty());
  EXPECT_EQ(cluster_.objects().volumes.front().policy, "Delete");
}

TEST_F(PreflightPlan, APassIsEvidenceUnderTheKeyThatWasMeasured) {
  prove();
  const Evidence* const evidence = evidence_of(cluster_.status());
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(evidence->key, class_key(provisioned_class(), "", AccessMode::kReadWriteOnce));
  EXPECT_EQ(evidence->verdicts[Strategy::kWal], Verdict::kSafe);
  EXPECT_THAT(look(), IsEmpty()) << "all is quiet then";
}

TEST_F(PreflightPlan, AClassThatChangesWhileItIsMeasuredIsMeasuredAgain) {
  live([&] { return cluster_.status().reason == "Measuring"; });
  StorageClass changed = provisioned_class();
  changed.parameters_digest = "another";
  cluster_.view().storage_class = changed;
  live([&] { return cluster_.status().phase == PreflightPhase::kInconclusive; });
  EXPECT_EQ(cluster_.status().reason, "ClassChanged");
  EXPECT_EQ(evidence_of(cluster_.status()), nullptr) << "nobody knows which of the two it was";
}

TEST_F(PreflightPlan, WhyARunCannotBeginIsSaid) {
  struct Case {
    std::string reason;
    std::function<void(FakeCluster&)> arrange;
  };
  const std::vector<Case> cases = {
      {"ClassNotFound", [](FakeCluster& c) { c.view().storage_class.reset(); }},
      {"NoProvisioner",
       [](FakeCluster& c) { c.view().storage_class->provisioner = "kubernetes.io/no-provisioner"; }},
      {"RuntimeClassNotFound", [](FakeCluster& c) { c.view().runtime_handler.reset(); }},
      {"MountOptionsDiffer", [](FakeCluster& c) { c.preflight().spec.mount_options = {"nolock"}; }},
      {"CostlyDriver", [](FakeCluster& c) { c.view().costly = true; }},
      {"SwitchedOff", [](FakeCluster& c) { c.policy.automatic_preflights = false; }},
      {"WaitingForSlot", [](FakeCluster& c) { c.policy.preflights_at_once = 0; }},
      {"HourlyLimit", [](FakeCluster& c) { c.policy.preflights_per_hour = 0; }}};
  for (const Case& each : cases) {
    cluster_ = FakeCluster();
    each.arrange(cluster_);
    const PreflightStatus status = written(look());
    EXPECT_EQ(status.reason, each.reason);
    EXPECT_EQ(status.phase, PreflightPhase::kWaiting) << each.reason;
    cluster_.preflight().status = status;
    EXPECT_THAT(look(), IsEmpty()) << each.reason << " is said once";
  }
}

TEST_F(PreflightPlan, ACostlyDriverIsProbedWhereThePolicyOrAPersonSaysSo) {
  cluster_.view().costly = true;
  cluster_.policy.probe_costly_drivers = true;
  EXPECT_TRUE(begins_a_run());
  cluster_.policy.probe_costly_drivers = false;
  EXPECT_FALSE(begins_a_run());
  cluster_.preflight().automatic = false;
  EXPECT_TRUE(begins_a_run());
}

TEST_F(PreflightPlan, APersonsPreflightRunsThoughAutomaticOnesAreOff) {
  cluster_.policy.automatic_preflights = false;
  cluster_.preflight().automatic = false;
  EXPECT_TRUE(begins_a_run());
}

TEST_F(PreflightPlan, WhatIsProvenIsMeasuredAgainOnlyWhenSomethingHasChanged) {
  struct Case {
    std::string what;
    bool again;
    std::function<void(FakeCluster&)> change;
  };
  const std::vector<Case> cases = {
      {"nothing", false, [](FakeCluster&) {}},
      {"the class's parameters", true,
       [](FakeCluster& c) { c.view().storage_class->parameters_digest = "another"; }},
      {"the driver", true, [](FakeCluster& c) { c.view().storage_class->provisioner = "other.example.com"; }},
      {"walguard", true, [](FakeCluster& c) { c.operator_version = "2"; }},
      {"one node's kernel", false, [](FakeCluster& c) { c.nodes.front().kernel = "6.12"; }},
      {"every node's kernel", true,
       [](FakeCluster& c) {
         std::ranges::for_each(c.nodes, [](ObservedNode& node) { node.kernel = "6.12"; });
       }},
      {"some time", false, [](FakeCluster& c) { c.now += c.policy.evidence_max_age / 2; }},
      {"80 % of its age", true, [](FakeCluster& c) { c.now += c.policy.evidence_max_age * 4 / 5; }}};
  for (const Case& each : cases) {
    cluster_ = FakeCluster();
    prove();
    each.change(cluster_);
    EXPECT_EQ(!look().empty() && begins_a_run(), each.again) << each.what << " has changed";
  }
}

TEST_F(PreflightPlan, AVerdictStaysWhileItIsMeasuredAgainInVain) {
  prove();
  cluster_.operator_version = "2";
  cluster_.schedules = false;
  live_until(PreflightPhase::kInconclusive);
  const Evidence* const evidence = evidence_of(cluster_.status());
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(evidence->verdicts[Strategy::kWal], Verdict::kSafe);
  EXPECT_EQ(cluster_.status().reason, "Unschedulable");
}

TEST_F(PreflightPlan, ARunWithoutAVerdictIsTriedAgainEachTimeLater) {
  cluster_.schedules = false;
  UtcSeconds last = 0;
  for (int runs = 1; runs <= 3; ++runs) {
    live([&] {
      return cluster_.status().phase == PreflightPhase::kInconclusive && cluster_.status().run == runs;
    });
    ASSERT_EQ(cluster_.status().run, runs);
    const UtcSeconds pause = cluster_.status().next_retry - cluster_.status().run_finished;
    EXPECT_GT(pause, last);
    last = pause;
    EXPECT_THAT(look(), IsEmpty());
    cluster_.now = cluster_.status().next_retry;
  }
}

TEST_F(PreflightPlan, AtMostSoManyRunAtOnceAndWhatWasNeverMeasuredComesFirst) {
  prove();
  PreflightWorld world = cluster_.world();
  world.operator_version = "2";  // the first is due again
  ObservedPreflight fresh = FakeCluster().view();
  fresh.object.uid = "bbbbbbbb-0000-4000-8000-000000000002";
  fresh.object.spec.storage_class = "slow";
  world.preflights.push_back(fresh);
  world.policy.preflights_at_once = 1;
  const auto actions = next_actions(world, cluster_.now);
  ASSERT_FALSE(actions.empty());
  EXPECT_EQ(actions.front().preflight, 1U);
  EXPECT_EQ(std::ranges::count(kinds(actions), ActionKind::kEmitEvent), 1);
}

TEST_F(PreflightPlan, FurtherNodesOfAClassWaitForWhatIsNotKnownAtAllAndForWhatIsDueAgain) {
  prove();
  PreflightWorld world = cluster_.world();
  world.operator_version = "2";  // the first is due again
  const auto add = [&](const char* uid, const char* storage_class, bool automatic) {
    ObservedPreflight further = FakeCluster().view();
    further.object.uid = uid;
    further.object.spec.storage_class = storage_class;
    further.object.automatic = automatic;
    world.preflights.push_back(further);
  };
  add("1", "fast", true);   // on other nodes
  add("2", "slow", true);   // nothing is known of it
  add("3", "slow", true);   // and of it on other nodes
  add("4", "fast", false);  // a person's
  const auto started = [&](int at_once) {
    world.policy.preflights_at_once = at_once;
    std::vector<std::size_t> begun;
    for (const Action& action : next_actions(world, cluster_.now)) {
      const bool begins = action.status && action.status->phase == PreflightPhase::kRunning;
      if (begins) begun.push_back(action.preflight.value_or(99));
    }
    return begun;
  };
  EXPECT_THAT(started(3), ElementsAre(2U, 4U, 0U));
  EXPECT_THAT(started(9), ElementsAre(2U, 4U, 0U, 1U, 3U));
}

TEST_F(PreflightPlan, WhatWasMadeOnNeedGoesWhenNobodyNeedsItAnyMore) {
  const auto deleted = [&] { return std::ranges::count(kinds(look()), ActionKind::kDeletePreflight) > 0; };
  cluster_.policy.preflights_at_once = 0;
  cluster_.view().unneeded_for = cluster_.limits.unneeded_patience - 1;
  EXPECT_FALSE(deleted());
  cluster_.view().unneeded_for = cluster_.limits.unneeded_patience;
  EXPECT_TRUE(deleted());
  cluster_.preflight().automatic = false;
  EXPECT_FALSE(deleted()) << "a person's stays";
  cluster_.preflight().automatic = true;
  cluster_.policy.preflights_at_once = 1;
  cluster_.view().unneeded_for = 0;
  prove();
  cluster_.view().unneeded_for = cluster_.limits.unneeded_patience;
  EXPECT_FALSE(deleted()) << "its verdict speaks for the next pod";
  cluster_.view().class_is_gone = true;
  cluster_.view().storage_class.reset();
  EXPECT_TRUE(deleted()) << "it speaks for nothing";
}

TEST_F(PreflightPlan, WhatHoldsARunUpIsShownWhileItStillWaits) {
  cluster_.schedules = false;
  live([&] { return cluster_.status().reason == "Unschedulable"; });
  EXPECT_EQ(cluster_.status().phase, PreflightPhase::kRunning);
  EXPECT_THAT(cluster_.status().message, HasSubstr("0/2 nodes are available"));
}

TEST_F(PreflightPlan, AQuotaIsNamedWhetherTheClaimOrAPodIsRefused) {
  cluster_.provisions = false;
  live([&] { return cluster_.objects().claims.size() == 1; });
  cluster_.objects().claims.clear();
  cluster_.view().refusals = {{.action = "create the claim", .code = 403, .message = "exceeded quota: q"}};
  EXPECT_EQ(written(look()).reason, "ResourceQuota");

  cluster_ = FakeCluster();
  live([&] {
    return std::ranges::any_of(cluster_.objects().jobs, [](const auto& job) { return !job.suspended; });
  });
  cluster_.view().warnings = {{.object = "Job/" + cluster_.run(),
                               .reason = "FailedCreate",
                               .message = "pods is forbidden: exceeded quota: q"}};
  cluster_.now += cluster_.limits.start_patience;
  const PreflightStatus status = written(look());
  EXPECT_EQ(status.reason, "ResourceQuota");
  EXPECT_THAT(status.message, HasSubstr("exceeded quota: q"));
  EXPECT_EQ(status.phase, PreflightPhase::kCleaningUp);
}

TEST_F(PreflightPlan, PodsThatAreLongInComingHaveTheWholeTimeToMeasureAllTheSame) {
  cluster_.limits.start_patience = 600;
  cluster_.pods_end = false;
  live([&] { return cluster_.status().reason == "Measuring"; });
  const PreflightLimits& limits = cluster_.limits;
  const UtcSeconds whole = limits.start_patience + limits.quick_deadline;
  EXPECT_EQ(run_deadline(limits, ProbeProfile::kQuick), whole) << "the Job's own";
  cluster_.now = cluster_.objects().jobs.front().started.value_or(0) + whole;
  EXPECT_THAT(look(), IsEmpty());
  cluster_.now += limits.quick_deadline;
  EXPECT_EQ(written(look()).phase, PreflightPhase::kCleaningUp);
}

TEST_F(PreflightPlan, PodsThatNeverMetNameTheNetworkPolicyThatIsThere) {
  cluster_.when_a_pod_ends = [](ObservedPod& pod) {
    ProbeReport& report = *pod.containers.front().report;
    report.peer_never_came = true;
    report.evidence.verdicts = {{Verdict::kUnproven, Verdict::kUnproven, Verdict::kUnproven}};
    report.evidence.reasons = {"identity: no conductor to connect to (no address)"};
    report.views.resize(1);
  };
  cluster_.view().network_policies = {"default-deny"};
  live_until(PreflightPhase::kInconclusive);
  EXPECT_EQ(cluster_.status().reason, "NetworkPolicy");
  EXPECT_THAT(cluster_.status().message, HasSubstr("default-deny"));
}

TEST_F(PreflightPlan, TheNetworkPolicyIsNamedThoughTheJobTakesTheOtherPodAwayMeanwhile) {
  cluster_.view().network_policies = {"default-deny"};
  cluster_.pods_end = false;
  live([&] { return cluster_.status().reason == "Measuring"; });
  cluster_.objects().pods.front().deleting = true;
  ObservedPod& lonely = cluster_.objects().pods.back();
  ProbeReport report;
  report.peer_never_came = true;
  report.started = cluster_.now;
  report.views = {{.path = mount_path(cluster_.run()), .node = lonely.node}};
  lonely.ended = true;
  lonely.containers.front().exit_code = 3;
  lonely.containers.front().report = report;
  const PreflightStatus status = written(look());
  EXPECT_EQ(status.reason, "NetworkPolicy");
  EXPECT_THAT(status.message, HasSubstr("default-deny"));
}

TEST_F(PreflightPlan, AnEvictedPodIsNamedThoughItsJobTakesTheOtherOneAwayMeanwhile) {
  cluster_.pods_end = false;
  live([&] { return cluster_.status().reason == "Measuring"; });
  cluster_.objects().pods.front().deleting = true;
  cluster_.objects().pods.back().ended = true;
  cluster_.objects().pods.back().reason = "Evicted";
  cluster_.objects().pods.back().message = "the node was low on memory";
  const PreflightStatus status = written(look());
  EXPECT_EQ(status.reason, "Evicted");
  EXPECT_THAT(status.message, HasSubstr("low on memory"));
}

TEST_F(PreflightPlan, APassThatDoesNotReachFarEnoughIsNoVerdictForTheScopeAskedFor) {
  cluster_.preflight() = volume_preflight(Scope::kCluster);
  cluster_.when_a_pod_ends = [](ObservedPod& pod) {
    pod.containers.front().report->evidence.scope = Scope::kNode;
  };
  live_until(PreflightPhase::kInconclusive);
  EXPECT_EQ(cluster_.status().reason, "ScopeNotReached");
  const Evidence* const evidence = evidence_of(cluster_.status());
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(evidence->scope, Scope::kNode);
}

TEST_F(PreflightPlan, AForeignVolumeNeverHasAPodAndItsReportNeverCounts) {
  ObservedVolume data;
  data.name = "somebodys-data";
  data.policy = "Delete";
  data.created = kStart + 1'000'000;  // young enough, but nobody provisioned it
  cluster_.binds_instead = data;
  StorageClass waiting = provisioned_class();
  waiting.wait_for_first_consumer = true;
  cluster_.view().storage_class = waiting;
  live_until(PreflightPhase::kInconclusive);
  EXPECT_EQ(cluster_.status().reason, "ForeignVolume");
  EXPECT_FALSE(cluster_.status().measured);
}

TEST_F(PreflightPlan, ADeadNodesPodIsForcedAndALivingOnesIsNot) {
  cluster_.pods_end = false;
  live([&] { return cluster_.status().reason == "Measuring"; });
  for (ObservedPod& pod : cluster_.objects().pods) pod.deleting = true;
  cluster_.preflight().status.phase = PreflightPhase::kCleaningUp;
  const auto forced = [&] {
    return std::ranges::any_of(look(), [](const Action& action) { return action.force; });
  };
  EXPECT_FALSE(forced());
  cluster_.nodes.front().ready = false;
  EXPECT_TRUE(forced());
}

TEST_F(PreflightPlan, ARunOnANodeThatIsNotReadyEndsThoughNobodyHasDeletedItsPods) {
  cluster_.pods_end = false;
  live([&] { return cluster_.status().reason == "Measuring"; });
  cluster_.nodes.front().ready = false;
  const PreflightStatus status = written(look());
  EXPECT_EQ(status.reason, "NodeLost");
  EXPECT_EQ(status.phase, PreflightPhase::kCleaningUp);
}

TEST_F(PreflightPlan, ATimeToLiveEndsThePreflightAfterItsVerdict) {
  cluster_.preflight().spec.ttl_after_finish = 60;
  prove();
  EXPECT_THAT(look(), IsEmpty());
  cluster_.now += 60;
  EXPECT_THAT(kinds(look()), ElementsAre(ActionKind::kDeletePreflight));
}

TEST_F(PreflightPlan, AClaimPreflightUsesTheClaimThatIsThereAndLeavesIt) {
  Preflight& object = cluster_.preflight();
  object.kind = PreflightKind::kClaim;
  object.namespace_name = "team";
  object.automatic = false;
  object.spec.claim = "data";
  ObservedClaim claim;
  claim.name = "data";
  claim.bound = true;
  claim.volume = "pv-7";
  claim.access_modes = {AccessMode::kReadWriteOnce};
  cluster_.view().subject = claim;
  ObservedVolume volume;
  volume.name = "pv-7";
  cluster_.view().subject_volume = volume;
  std::vector<ActionKind> seen;
  for (int i = 0; i < 40; ++i) {
    for (const Action& action : look()) {
      if (action.kind == ActionKind::kCreateJob) {
        EXPECT_EQ(action.claim, "data");
      }
      EXPECT_EQ(action.namespace_name, "team");
      seen.push_back(action.kind);
      cluster_.apply(action);
    }
    cluster_.live();
    cluster_.now += 2;
  }
  EXPECT_EQ(name(cluster_.status().phase), "Done");
  const Evidence* const evidence = evidence_of(cluster_.status());
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(evidence->key.volume, "pv-7");
  for (const ActionKind never :
       {ActionKind::kCreateClaim, ActionKind::kDeleteClaim, ActionKind::kSetVolumeToDelete,
        ActionKind::kProtectVolume, ActionKind::kReleaseVolume}) {
    EXPECT_THAT(seen, Not(Contains(never)));
  }
  cluster_.now += cluster_.policy.evidence_max_age;
  EXPECT_THAT(look(), IsEmpty()) << "nobody asked for it again";
}

}  // namespace
}  // namespace walguard::core::testing
