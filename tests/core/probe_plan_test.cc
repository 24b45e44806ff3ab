// Which preflight would settle what is not proven, or why none can. A gate is only as good as this answer.
#include "operator/core/probe_plan.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

tl::expected<ProbeRequest, std::string> plan(const VolumeFacts& facts, const ProbeReach& reach,
                                             const EvidenceBook& evidence = EvidenceBook{},
                                             const Policy& policy = {}) {
  return plan_probe(facts, evidence, policy, reach, kNow);
}

void expect_refusal(const tl::expected<ProbeRequest, std::string>& planned, std::string_view because) {
  ASSERT_FALSE(planned) << "a preflight was planned";
  EXPECT_NE(planned.error().find(because), std::string::npos) << planned.error();
}

TEST(PlanProbe, MeasuresTheClassAsFarAsTheVolumeIsShared) {
  const auto facts = unknown_volume();
  EXPECT_EQ(plan(facts, reach_of(Scope::kCluster)), (ProbeRequest{facts.key, Scope::kNode}));
  const auto of_a_pod = but(facts, [](auto& f) { f.scope = Scope::kPod; });
  EXPECT_EQ(plan(of_a_pod, reach_of(Scope::kCluster))->scope, Scope::kPod);
}

TEST(PlanProbe, RefusesWherePreflightsAreSwitchedOff) {
  const Policy off = but(Policy{}, [](auto& p) { p.automatic_preflights = false; });
  expect_refusal(plan(unknown_volume(), reach_of(), {}, off), "switched off by policy");
}

TEST(PlanProbe, RefusesVolumesThatNoClassProvisions) {
  const auto static_volume = but(unknown_volume(), [](auto& f) {
    f.key.storage_class.clear();
    f.key.volume = "pv-1";
  });
  expect_refusal(plan(static_volume, reach_of()), "StorageClass");
}

TEST(PlanProbe, RefusesAVolumeThatIsNotAsItsClassMakesItAndSaysWhatElseWouldDo) {
  const auto other = but(unknown_volume(), [](auto& f) {
    f.key.storage_class.clear();
    f.key.volume = "pv-1";
    f.differs_from_class = "fsType ext4 instead of xfs";
  });
  expect_refusal(plan(other, reach_of()), "class fast makes it now (fsType ext4 instead of xfs)");
  ProbeReach in_cluster;
  in_cluster.in_cluster = true;
  expect_refusal(plan(other, in_cluster), "order a ClaimPreflight of claim app-data");
}

TEST(PlanProbe, RefusesDearVolumesUnlessThePolicyAllowsThem) {
  const auto dear = but(unknown_volume(), [](auto& f) { f.costly_to_probe = true; });
  expect_refusal(plan(dear, reach_of()), "dear");
  const Policy allows = but(Policy{}, [](auto& p) { p.probe_costly_drivers = true; });
  EXPECT_TRUE(plan(dear, reach_of(), {}, allows));
}

TEST(PlanProbe, RefusesAnotherRuntimeWhereOnlyTheHostsKernelCanBeMeasured) {
  const auto sandboxed = but(unknown_volume(), [](auto& f) { f.key.runtime_handler = "runsc"; });
  expect_refusal(plan(sandboxed, reach_of()), "runtime runsc");
  const ProbeReach any_runtime = but(reach_of(), [](auto& r) { r.default_runtime_only = false; });
  EXPECT_TRUE(plan(sandboxed, any_runtime));
}

TEST(PlanProbe, RefusesAClassOutOfReachAndSaysWhichFlagIsMissing) {
  expect_refusal(plan(unknown_volume(), ProbeReach{}), "--storage-path fast=DIR");
}

TEST(PlanProbe, RefusesWhereOneViewCannotSpeakOfTwoNodes) {
  const auto shared = but(unknown_volume(), [](auto& f) { f.scope = Scope::kCluster; });
  expect_refusal(plan(shared, reach_of(Scope::kNode, 1)), "scope cluster");
  const auto unknown_scope = but(unknown_volume(), [](auto& f) { f.scope.reset(); });
  expect_refusal(plan(unknown_scope, reach_of(Scope::kNode, 1)), "scope cluster");
}

TEST(PlanProbe, TwoViewsMayShowThatTwoNodesFail) {
  const auto shared = but(unknown_volume(), [](auto& f) { f.scope = Scope::kCluster; });
  EXPECT_EQ(plan(shared, reach_of(Scope::kNode, 2)), (ProbeRequest{shared.key, Scope::kNode}));
  // Having passed they have said all they can.
  expect_refusal(plan(shared, reach_of(Scope::kNode, 2), book(passed(shared.key, Scope::kNode))),
                 "scope cluster");
}

TEST(PlanProbe, RunsAgainWhereThePassIsTooOldOrOfLessScope) {
  const auto facts = unknown_volume();
  EXPECT_TRUE(plan(facts, reach_of(), book(passed(facts.key, Scope::kNode, 38 * kDay))));
  EXPECT_TRUE(plan(facts, reach_of(), book(passed(facts.key, Scope::kPod))));
  EXPECT_TRUE(plan(facts, reach_of(), book(measured(facts.key, Verdict::kUnproven, Scope::kNode))));
}

TEST(PlanProbe, RefusesToMeasureAgainWhatAFreshPassHasNotSettled) {
  // The replicas' nodes are not known, and no measurement can tell them: a gate would stay shut for ever.
  const auto facts = but(unknown_volume(), [](auto& f) { f.differs_per_node = true, f.replicas.reset(); });
  const auto pass = book(passed(facts.key, Scope::kNode));
  ASSERT_EQ(decide_now(facts, pass).verdict, Verdict::kUnproven);
  expect_refusal(plan(facts, reach_of(), pass), "report-safe");
}

TEST(PlanProbe, RefusesAStrategyThatAFreshRunHadNoVerdictFor) {
  // The run gave a verdict for wal alone; the next one would give no more, so nothing would open the gate.
  const auto facts = but(unknown_volume(), [](auto& f) { f.strategy = Strategy::kRollback; });
  Evidence of_wal_only = passed(facts.key, Scope::kNode);
  of_wal_only.verdicts[Strategy::kRollback] = Verdict::kUnproven;
  expect_refusal(plan(facts, reach_of(), book(of_wal_only)), "gives no verdict for rollback");
}

ProbeReach in_cluster() {
  ProbeReach reach;
  reach.in_cluster = true;
  reach.default_runtime_only = false;
  return reach;
}

TEST(PlanProbe, InAClusterAnyProvisionedClassIsMeasuredAsFarAsItsAccessModesLetThePods) {
  const auto with_modes = [](std::vector<AccessMode> modes, Scope scope) {
    return plan(but(unknown_volume(),
                    [&](auto& f) {
                      f.access_modes = modes;
                      f.scope = scope;
                    }),
                in_cluster());
  };
  EXPECT_EQ(with_modes(kRwx, Scope::kCluster)->scope, Scope::kCluster);
  EXPECT_EQ(with_modes(kRwx, Scope::kPod)->scope, Scope::kPod);
  EXPECT_EQ(with_modes(kRwo, Scope::kNode)->scope, Scope::kNode);
  EXPECT_EQ(with_modes(kRwop, Scope::kContainer)->scope, Scope::kContainer);
  EXPECT_EQ(with_modes(kRwop, Scope::kPod)->scope, Scope::kPod);
  expect_refusal(with_modes(kRwo, Scope::kCluster), "proves scope node");
  expect_refusal(with_modes(kRwop, Scope::kNode), "proves scope pod");
  expect_refusal(with_modes({AccessMode::kReadOnlyMany}, Scope::kNode), "lets a preflight write");
  expect_refusal(with_modes({}, Scope::kNode), "lets a preflight write");
}

TEST(PlanProbe, InAClusterAFailureAcrossNodesLeavesOneNodeWorthMeasuring) {
  const auto facts = but(unknown_volume(), [](auto& f) { f.access_modes = kRwo, f.scope = Scope::kNode; });
  const auto after_failure = [&](Scope scope) {
    return plan(facts, in_cluster(), book(failed(facts.key, scope)));
  };
  ASSERT_TRUE(after_failure(Scope::kCluster)) << after_failure(Scope::kCluster).error();
  EXPECT_EQ(after_failure(Scope::kCluster)->scope, Scope::kNode);
  expect_refusal(after_failure(Scope::kNode), "a preflight has measured it");
}

TEST(PlanProbe, InAClusterARuntimeThatAClassNamesIsMeasured) {
  const auto with_runtime = [](std::string runtime) {
    return plan(but(unknown_volume(), [&](auto& f) { f.key.runtime_handler = runtime; }), in_cluster());
  };
  EXPECT_TRUE(with_runtime("runsc"));
  expect_refusal(with_runtime("windows"), "Windows");
  expect_refusal(with_runtime("runtimeClass:gone"), "runtimeClass:gone is not in view");
}

TEST(PlanProbe, InAClusterNoVolumeWithoutAProvisioningClassIsMeasured) {
  const auto static_volume = but(unknown_volume(), [](auto& f) { f.key.storage_class.clear(); });
  expect_refusal(plan(static_volume, in_cluster()), "StorageClass");
}

}  // namespace
}  // namespace walguard::core
