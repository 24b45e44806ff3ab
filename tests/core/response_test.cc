// From judgements to an answer: who is let through, warned, held or refused, and in which words.
#include "operator/core/response.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/scale.h"
#include "operator/core/schedule.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

JudgedVolume judged(VolumeFacts facts, const EvidenceBook& evidence = EvidenceBook{},
                    const Policy& policy = {}) {
  Judgement judgement = decide(facts, evidence, policy, kNow);
  return {std::move(facts), std::move(judgement)};
}

/// One request; every field has the plain value: a pod is created, /validate is asked.
struct Ask {
  std::optional<Mode> namespace_mode;
  Workload object = pod();
  std::vector<VolumeFacts> volumes;
  Operation operation = Operation::kCreate;
  bool mutating = false;
  bool namespace_ignored = false;
  bool namespace_in_view = true;
  StringMap namespace_labels{};
  std::optional<std::vector<VolumeFacts>> old_volumes{};
  std::optional<std::int64_t> old_replicas{};
  EvidenceBook evidence{};
  Policy policy{};
  ProbeReach reach = reach_of();
  bool scale_target_in_view = true;
};

Ask asking(Mode mode, VolumeFacts facts) {
  Ask ask;
  ask.namespace_mode = mode;
  ask.volumes = {std::move(facts)};
  return ask;
}

std::vector<JudgedVolume> judge_all(const Ask& ask, const std::vector<VolumeFacts>& volumes) {
  std::vector<JudgedVolume> all;
  all.reserve(volumes.size());
  for (const VolumeFacts& facts : volumes) all.push_back(judged(facts, ask.evidence, ask.policy));
  return all;
}

Answer answer(const Ask& ask) {
  const std::vector<JudgedVolume> now = judge_all(ask, ask.volumes);
  const std::vector<JudgedVolume> before =
      judge_all(ask, ask.old_volumes.value_or(std::vector<VolumeFacts>{}));
  const Namespace in_namespace{.name = "shop",
                               .mode = ask.namespace_mode,
                               .ignored = ask.namespace_ignored,
                               .labels = ask.namespace_labels};
  RequestFacts request;
  request.operation = ask.operation;
  request.mutating = ask.mutating;
  request.object = &ask.object;
  request.old_volumes = ask.old_volumes ? &before : nullptr;
  request.old_replicas = ask.old_replicas;
  request.scale_target_in_view = ask.scale_target_in_view;
  request.namespace_object = ask.namespace_in_view ? &in_namespace : nullptr;
  return respond(request, now, ask.evidence, ask.policy, ask.reach, kNow);
}

Answer mutate(Ask ask) {
  ask.mutating = true;
  return answer(ask);
}

const VolumeFacts kSafeVolume = block_volume();
const VolumeFacts kUnprovenVolume = unknown_volume();
const VolumeFacts kUnsafeVolume = nfs_volume();
/// Unproven, and no preflight reaches its class.
const VolumeFacts kUnsettleable = but(unknown_volume(), [](auto& f) { f.key.storage_class = "elsewhere"; });

Workload requiring_local(Workload workload = pod()) {
  workload.annotations.require_local = true;
  return workload;
}

Workload gated(Workload workload = pod()) {
  workload.pod.scheduling_gates = {"other/gate", std::string(kGateName)};
  return workload;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool warns_of(const Answer& answer, std::string_view part) {
  return std::ranges::any_of(answer.warnings,
                             [&](const std::string& warning) { return contains(warning, part); });
}

// ---- modes x verdicts ----

TEST(Respond, DecidesByModeAndVerdict) {
  struct Row {
    Mode mode;
    const VolumeFacts& facts;
    Decision when_mutating;
    Decision when_validating;
  };
  using enum Decision;
  const std::vector<Row> rows = {
      {Mode::kOff, kSafeVolume, kAllow, kAllow},       {Mode::kOff, kUnprovenVolume, kAllow, kAllow},
      {Mode::kOff, kUnsafeVolume, kAllow, kAllow},     {Mode::kAudit, kSafeVolume, kAllow, kAllow},
      {Mode::kAudit, kUnprovenVolume, kAllow, kAllow}, {Mode::kAudit, kUnsafeVolume, kAllow, kAllow},
      {Mode::kWarn, kSafeVolume, kAllow, kAllow},      {Mode::kWarn, kUnprovenVolume, kWarn, kWarn},
      {Mode::kWarn, kUnsafeVolume, kWarn, kWarn},      {Mode::kGate, kSafeVolume, kAllow, kAllow},
      {Mode::kGate, kUnprovenVolume, kGate, kWarn},    {Mode::kGate, kUnsettleable, kWarn, kWarn},
      {Mode::kGate, kUnsafeVolume, kWarn, kWarn},      {Mode::kEnforce, kSafeVolume, kAllow, kAllow},
      {Mode::kEnforce, kUnprovenVolume, kGate, kDeny}, {Mode::kEnforce, kUnsettleable, kWarn, kDeny},
      {Mode::kEnforce, kUnsafeVolume, kWarn, kDeny},
  };
  for (const Row& row : rows) {
    const Ask ask = asking(row.mode, row.facts);
    EXPECT_EQ(mutate(ask).decision, row.when_mutating) << row.mode << ", " << row.facts.driver << ", /mutate";
    EXPECT_EQ(answer(ask).decision, row.when_validating)
        << row.mode << ", " << row.facts.driver << ", /validate";
    EXPECT_EQ(answer(ask).mode, row.mode);
  }
}

TEST(Respond, AnnouncesTheWorstVerdictAndTheRulesWorstFirst) {
  Ask ask = asking(Mode::kAudit, kSafeVolume);
  ask.volumes = {kSafeVolume, kUnprovenVolume, kUnsafeVolume};
  const Answer audited = answer(ask);
  EXPECT_EQ(audited.verdict, Verdict::kUnsafe);
  ASSERT_FALSE(audited.rules.empty());
  EXPECT_EQ(audited.rules,
            (std::vector<std::string_view>{"network-filesystem", "cross-node-sharing", "unknown-driver",
                                           "single-attach-block-filesystem"}));
}

TEST(Respond, WithoutADatabaseThereIsNothingToSay) {
  Ask ask;
  ask.namespace_mode = Mode::kEnforce;
  const Answer nothing = mutate(ask);
  EXPECT_EQ(nothing.decision, Decision::kAllow);
  EXPECT_EQ(nothing.verdict, Verdict::kNotApplicable);
  EXPECT_TRUE(nothing.warnings.empty());
  EXPECT_TRUE(nothing.annotations.empty());
}

// ---- which mode is in force ----

TEST(ModeInForce, IsTheNamespacesElseThePolicysAndWarnByDefault) {
  Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
  EXPECT_EQ(answer(ask).mode, Mode::kEnforce);
  ask.namespace_mode.reset();
  EXPECT_EQ(answer(ask).mode, Mode::kWarn);
  ask.policy.default_mode = Mode::kEnforce;
  EXPECT_EQ(answer(ask).mode, Mode::kEnforce);
  ask.namespace_in_view = false;
  EXPECT_EQ(answer(ask).mode, Mode::kEnforce) << "a namespace out of view is no way around the policy";
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
}

TEST(ModeInForce, IsAtLeastGateWhereANamespaceOfTheClusterIsNotInViewYet) {
  Ask ask = asking(Mode::kEnforce, kUnprovenVolume);
  ask.volumes.front().access_modes = {AccessMode::kReadWriteOnce};
  ask.namespace_in_view = false;
  EXPECT_EQ(mutate(ask).mode, Mode::kWarn) << "of files, the namespace may simply not be among them";
  ask.reach.in_cluster = true;
  EXPECT_EQ(mutate(ask).decision, Decision::kGate) << "its label may say enforce";
  ask.policy.default_mode = Mode::kEnforce;
  EXPECT_EQ(mutate(ask).mode, Mode::kEnforce);
}

TEST(Respond, ModeGateSaysWhyNoPreflightCanSettleWhatItLetsRun) {
  const Answer let_run = mutate(asking(Mode::kGate, kUnsettleable));
  EXPECT_EQ(let_run.decision, Decision::kWarn);
  EXPECT_TRUE(warns_of(let_run, "no preflight can settle it: volume \"data\": "));
  EXPECT_FALSE(warns_of(mutate(asking(Mode::kGate, kUnprovenVolume)), "no preflight can settle it"));
}

TEST(Respond, APreflightInAClusterIsWantedWhereTheWorkloadMayRun) {
  Ask ask = asking(Mode::kGate, kUnprovenVolume);
  ask.volumes.front().access_modes = {AccessMode::kReadWriteOnce};
  ask.object.pod.placement.node_selector = {{"disk", "ssd"}};
  ASSERT_EQ(mutate(ask).wanted_probes.size(), 1U);
  EXPECT_EQ(mutate(ask).wanted_probes.front().placement, Placement{}) << "child processes run where they are";
  ask.reach.in_cluster = true;
  ASSERT_EQ(mutate(ask).wanted_probes.size(), 1U);
  EXPECT_EQ(mutate(ask).wanted_probes.front().placement, ask.object.pod.placement);
}

TEST(Respond, APreflightOnTwoNodesIsNotPinnedToOneAndThatOfADaemonSetToNone) {
  const StringMap pinned = {{"disk", "ssd"}, {"kubernetes.io/hostname", "node-1"}};
  const StringMap not_pinned = {{"disk", "ssd"}};
  const auto wanted = [&](const VolumeFacts& volume, std::string owner_kind) {
    Ask ask = asking(Mode::kGate, volume);
    ask.object.pod.placement.node_selector = pinned;
    ask.object.owner_kind = std::move(owner_kind);
    ask.reach.in_cluster = true;
    const auto probes = mutate(ask).wanted_probes;
    return probes.size() == 1 ? probes.front().placement.node_selector : StringMap{{"probes", "not one"}};
  };
  VolumeFacts one_node = kUnprovenVolume;
  one_node.access_modes = {AccessMode::kReadWriteOnce};
  VolumeFacts two_nodes = kUnprovenVolume;
  two_nodes.access_modes = {AccessMode::kReadWriteMany};
  two_nodes.scope = Scope::kCluster;
  EXPECT_EQ(wanted(one_node, "ReplicaSet"), pinned);
  EXPECT_EQ(wanted(two_nodes, "ReplicaSet"), not_pinned);
  EXPECT_EQ(wanted(one_node, "DaemonSet"), not_pinned);
}

TEST(Respond, ModeGateHoldsWhatAPreflightHasFoundUnsafeAndWarnsOfWhatIsSoByItsKind) {
  Ask ask = asking(Mode::kGate, kUnprovenVolume);
  ask.evidence = book(failed(kUnprovenVolume.key, Scope::kNode));
  const Answer held = mutate(ask);
  EXPECT_EQ(held.decision, Decision::kGate);
  EXPECT_TRUE(held.add_gate);
  EXPECT_TRUE(contains(held.message, "preflight-failed"));
  EXPECT_TRUE(contains(held.message, "Remedy:"));
  EXPECT_EQ(answer(ask).decision, Decision::kWarn) << "mode gate denies nothing";
  ask.object = gated();
  EXPECT_EQ(answer(ask).decision, Decision::kGate);
  EXPECT_FALSE(mutate(ask).add_gate) << "it has it";
  ask.object = pod();
  ask.object.pod.node_name = "n1";
  EXPECT_EQ(mutate(ask).decision, Decision::kWarn) << "no gate can hold it";
  ask = asking(Mode::kWarn, kUnprovenVolume);
  ask.evidence = book(failed(kUnprovenVolume.key, Scope::kNode));
  EXPECT_EQ(mutate(ask).decision, Decision::kWarn);
  EXPECT_EQ(mutate(asking(Mode::kGate, kUnsafeVolume)).decision, Decision::kWarn);
}

TEST(ModeInForce, MayOnlyBeMadeStricterByAPod) {
  Ask ask = asking(Mode::kGate, kUnsafeVolume);
  for (const std::string_view looser : {"off", "audit", "warn"}) {
    ask.object.annotations.mode = looser;
    EXPECT_EQ(answer(ask).mode, Mode::kGate) << looser;
  }
  ask.object.annotations.mode = "enforce";
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
  ask.object.annotations.mode = "ENFORCE";
  EXPECT_EQ(answer(ask).mode, Mode::kGate);
  EXPECT_TRUE(warns_of(answer(ask), "walguard/mode")) << "what cannot be read is said";
}

TEST(ModeInForce, IsOffInAnIgnoredNamespace) {
  Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
  ask.namespace_ignored = true;
  ask.object.annotations.mode = "enforce";
  EXPECT_EQ(answer(ask).mode, Mode::kOff);
  EXPECT_EQ(answer(ask).decision, Decision::kAllow);
  EXPECT_TRUE(answer(ask).warnings.empty());
}

// ---- require-local ----

TEST(RequireLocal, EnforcesInEveryModeButOff) {
  for (const Mode mode : {Mode::kAudit, Mode::kWarn, Mode::kGate, Mode::kEnforce}) {
    const auto decide_on = [&](const VolumeFacts& facts, bool mutating) {
      Ask ask = asking(mode, facts);
      ask.object = requiring_local();
      ask.mutating = mutating;
      return answer(ask).decision;
    };
    EXPECT_EQ(decide_on(kSafeVolume, false), Decision::kAllow) << mode;
    EXPECT_EQ(decide_on(kUnsafeVolume, false), Decision::kDeny) << mode;
    EXPECT_EQ(decide_on(kUnsettleable, false), Decision::kDeny) << mode;
    EXPECT_EQ(decide_on(kUnprovenVolume, true), Decision::kGate) << mode;
    EXPECT_EQ(decide_on(kUnprovenVolume, false), Decision::kDeny) << mode << ": without the gate";
  }
}

TEST(RequireLocal, IsToldThatWalguardIsOffWhereItIs) {
  for (const VolumeFacts& facts : {kSafeVolume, kUnsafeVolume, kUnsettleable, kUnprovenVolume}) {
    Ask ask = asking(Mode::kOff, facts);
    ask.object = requiring_local();
    EXPECT_EQ(answer(ask).decision, Decision::kAllow);
    EXPECT_EQ(mutate(ask).decision, Decision::kAllow);
    EXPECT_TRUE(warns_of(answer(ask), "walguard/require-local is not honoured"));
    ask.namespace_mode = Mode::kEnforce;
    ask.namespace_ignored = true;
    EXPECT_EQ(answer(ask).decision, Decision::kAllow);
  }
}

TEST(RequireLocal, AlsoHoldsForDatabasesThatAreOnlyRecognised) {
  const auto recognised = but(kUnsafeVolume, [](auto& f) { f.certainty = Certainty::kRecognised; });
  Ask ask = asking(Mode::kWarn, recognised);
  ask.object = requiring_local();
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
}

TEST(Certainty, WhatIsOnlyRecognisedWarns) {
  for (const auto& facts : {kUnsafeVolume, kUnprovenVolume}) {
    const Ask ask = asking(Mode::kEnforce, but(facts, [](auto& f) { f.certainty = Certainty::kRecognised; }));
    EXPECT_EQ(answer(ask).decision, Decision::kWarn);
    EXPECT_FALSE(mutate(ask).add_gate);
  }
  const Ask found =
      asking(Mode::kEnforce, but(kUnsafeVolume, [](auto& f) { f.certainty = Certainty::kFound; }));
  EXPECT_EQ(answer(found).decision, Decision::kDeny);
}

// ---- gates ----

TEST(Gate, IsPutOnByMutateAndSeenByValidate) {
  const Ask ask = asking(Mode::kGate, kUnprovenVolume);
  const Answer held = mutate(ask);
  EXPECT_TRUE(held.add_gate);
  EXPECT_EQ(held.wanted_probes, (std::vector<ProbeRequest>{{kUnprovenVolume.key, Scope::kNode}}));

  Ask again = ask;
  again.object = gated();
  EXPECT_EQ(mutate(again).decision, Decision::kGate);
  EXPECT_FALSE(mutate(again).add_gate) << "once is enough";
  EXPECT_EQ(answer(again).decision, Decision::kGate);
  again.namespace_mode = Mode::kEnforce;
  EXPECT_EQ(answer(again).decision, Decision::kGate) << "held, so not refused";
}

TEST(Gate, IsNotPutOnAPodThatHasANode) {
  Ask ask = asking(Mode::kGate, kUnprovenVolume);
  ask.object.pod.node_name = "node-1";
  EXPECT_FALSE(mutate(ask).add_gate) << "the API server refuses both together";
  EXPECT_EQ(answer(ask).decision, Decision::kWarn);
  ask.namespace_mode = Mode::kEnforce;
  EXPECT_FALSE(mutate(ask).add_gate);
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
}

TEST(Gate, IsOnlyPutOnAPodThatIsBeingMade) {
  Ask update = asking(Mode::kGate, kUnprovenVolume);
  update.operation = Operation::kUpdate;
  EXPECT_FALSE(mutate(update).add_gate);
  for (const auto kind : {WorkloadKind::kDeployment, WorkloadKind::kStatefulSet, WorkloadKind::kDaemonSet,
                          WorkloadKind::kReplicaSet, WorkloadKind::kJob, WorkloadKind::kCronJob}) {
    Ask ask = asking(Mode::kGate, kUnprovenVolume);
    ask.object = of_kind(kind);
    EXPECT_FALSE(mutate(ask).add_gate);
    EXPECT_EQ(mutate(ask).wanted_probes.size(), 1U)
        << "its pods will be held: the preflight may start at once";
  }
}

TEST(Gate, IsNotPutOnWhereItCouldNeverOpen) {
  const std::vector<std::pair<std::string_view, Ask>> hopeless = [] {
    std::vector<std::pair<std::string_view, Ask>> all;
    all.emplace_back("no preflight reaches the class", asking(Mode::kEnforce, kUnsettleable));
    all.emplace_back("preflights are off", asking(Mode::kEnforce, kUnprovenVolume));
    all.back().second.policy.automatic_preflights = false;
    all.emplace_back(
        "the scope is out of reach",
        asking(Mode::kEnforce, but(kUnprovenVolume, [](auto& f) { f.scope = Scope::kCluster; })));
    all.emplace_back("one of two volumes is hopeless", asking(Mode::kEnforce, kUnprovenVolume));
    all.back().second.volumes.push_back(kUnsettleable);
    return all;
  }();
  for (const auto& [sentence, ask] : hopeless) {
    EXPECT_FALSE(mutate(ask).add_gate) << sentence;
    EXPECT_EQ(answer(ask).decision, Decision::kDeny) << sentence;
    EXPECT_TRUE(contains(answer(ask).message, "No preflight can settle it")) << answer(ask).message;
  }
}

TEST(Gate, ThatAPodBringsAlongIsNoWayAroundARefusal) {
  Ask ask = asking(Mode::kEnforce, kUnsettleable);
  ask.object = gated();
  EXPECT_EQ(answer(ask).decision, Decision::kDeny) << "nothing would ever open it";
  ask.namespace_mode = Mode::kWarn;
  ask.object = requiring_local(gated());
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
  ask = asking(Mode::kEnforce, kUnsafeVolume);
  ask.object = gated();
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
}

TEST(Gate, DoesNotHoldWhatIsUnsafeAnyway) {
  // Nobody has measured it either, but a pass would not put the database's files together.
  const auto facts = but(block_volume(), [](auto& f) {
    f.single_file_mount = true;
    f.transport_verified = false;
  });
  ASSERT_TRUE(says(judged(facts).judgement, "evidence-missing"));
  const Ask ask = asking(Mode::kGate, facts);
  EXPECT_FALSE(mutate(ask).add_gate);
  EXPECT_TRUE(mutate(ask).wanted_probes.empty());
  EXPECT_EQ(answer(ask).decision, Decision::kWarn);
}

TEST(Gate, IsNeverPutOnWithoutAPreflightThatWouldBeStarted) {
  // Every pod that is held waits for a run that the schedule starts now; else it waits for nothing.
  std::vector<VolumeFacts> volumes = {
      unknown_volume(),
      shared_volume(Transport::kClusterFilesystem, Scope::kNode),
      but(unknown_volume(), [](auto& f) { f.replicas.reset(), f.differs_per_node = true; }),
      but(block_volume(), [](auto& f) { f.transport_verified = false; }),
      but(block_volume(), [](auto& f) { f.single_file_mount.reset(); }),
      but(block_volume(), [](auto& f) { f.kernel_domain.reset(); }),
      nfs_volume(Scope::kNode),
      nfs_volume()};
  for (VolumeFacts& facts : volumes) {
    facts.key = block_volume().key;
    for (const Strategy strategy : kStrategies) {
      facts.strategy = strategy;
      Evidence partial = passed(facts.key, Scope::kNode);
      partial.verdicts[Strategy::kRollback] = partial.verdicts[Strategy::kWalExclusive] = Verdict::kUnproven;
      for (const Evidence& report :
           {passed(facts.key, Scope::kCluster), passed(facts.key, Scope::kNode),
            passed(facts.key, Scope::kPod), passed(facts.key, Scope::kNode, 38 * kDay),
            failed(facts.key, Scope::kCluster), partial}) {
        Ask ask = asking(Mode::kEnforce, facts);
        ask.evidence = book(report);
        const Answer held = mutate(ask);
        if (!held.add_gate) continue;
        ASSERT_EQ(held.wanted_probes.size(), 1U);
        const ProbeState probe{.request = held.wanted_probes.front(), .running = false};
        const ScheduleState state{.probes = {probe}, .evidence = &ask.evidence};
        EXPECT_EQ(next_actions(state, {}, {}, kNow).size(), 1U)
            << facts.driver << ", " << strategy << ", with " << report.digest << " at " << report.scope;
      }
    }
  }
}

// ---- workloads ----

TEST(Workloads, AreRefusedAtOnceWhereTheirPodsWouldBe) {
  for (const auto kind : {WorkloadKind::kDeployment, WorkloadKind::kStatefulSet, WorkloadKind::kDaemonSet,
                          WorkloadKind::kReplicaSet, WorkloadKind::kJob, WorkloadKind::kCronJob}) {
    Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
    ask.object = of_kind(kind);
    EXPECT_EQ(answer(ask).decision, Decision::kDeny);
    ask = asking(Mode::kWarn, kUnsettleable);
    ask.object = requiring_local(of_kind(kind));
    EXPECT_EQ(answer(ask).decision, Decision::kDeny);
    ask.volumes = {kUnprovenVolume};
    EXPECT_EQ(answer(ask).decision, Decision::kWarn) << "its pods will be held, so it may come";
  }
}

TEST(Workloads, AreNotAnnotated) {
  Ask ask = asking(Mode::kWarn, kUnsafeVolume);
  ask.object = of_kind(WorkloadKind::kDeployment);
  EXPECT_TRUE(mutate(ask).annotations.empty());
}

// ---- what is never denied, design section 4 ----

Ask updating(VolumeFacts before, VolumeFacts after) {
  Ask ask = asking(Mode::kEnforce, std::move(after));
  ask.object = of_kind(WorkloadKind::kDeployment);
  ask.operation = Operation::kUpdate;
  ask.old_volumes = std::vector<VolumeFacts>{std::move(before)};
  return ask;
}

TEST(NeverDenied, AnUpdateThatLeavesTheStorageNoWorse) {
  const Ask same = updating(kUnsafeVolume, kUnsafeVolume);
  EXPECT_EQ(answer(same).decision, Decision::kWarn);
  EXPECT_TRUE(answer(same).message.empty());
  EXPECT_EQ(answer(updating(nfs_volume(Scope::kCluster), nfs_volume(Scope::kNode))).decision, Decision::kWarn)
      << "better, though not well";
  Ask unproven = updating(kUnsettleable, kUnsettleable);
  unproven.object = requiring_local(of_kind(WorkloadKind::kPod));
  EXPECT_EQ(answer(unproven).decision, Decision::kWarn) << "a running pod keeps running";
}

TEST(NeverDenied, ButAnUpdateThatMakesItWorseIs) {
  EXPECT_EQ(answer(updating(nfs_volume(Scope::kNode), nfs_volume(Scope::kCluster))).decision,
            Decision::kDeny);
  EXPECT_EQ(answer(updating(kSafeVolume, kUnsafeVolume)).decision, Decision::kDeny);
  EXPECT_EQ(answer(updating(kUnprovenVolume, kUnsafeVolume)).decision, Decision::kDeny);
  const auto other_claim = but(kUnsafeVolume, [](auto& f) { f.claim = "other"; });
  EXPECT_EQ(answer(updating(kUnsafeVolume, other_claim)).decision, Decision::kDeny) << "another volume";
  const auto other_name = but(kUnsafeVolume, [](auto& f) { f.volume = "more"; });
  Ask one_more = updating(kUnsafeVolume, kUnsafeVolume);
  one_more.volumes.push_back(other_name);
  EXPECT_EQ(answer(one_more).decision, Decision::kDeny) << "one volume more";
  Ask unknown_before = updating(kUnsafeVolume, kUnsafeVolume);
  unknown_before.old_volumes.reset();
  EXPECT_EQ(answer(unknown_before).decision, Decision::kDeny)
      << "without the old object nothing can be compared";
}

TEST(NeverDenied, AnotherNameOfTheVolumeMakesItNoWorse) {
  const auto renamed = but(kUnsafeVolume, [](auto& f) { f.volume = "renamed"; });
  EXPECT_EQ(answer(updating(kUnsafeVolume, renamed)).decision, Decision::kWarn);
  const auto of_one_file = but(renamed, [](auto& f) { f.single_file_mount = true; });
  EXPECT_EQ(answer(updating(kUnsafeVolume, of_one_file)).decision, Decision::kDeny)
      << "the same claim, mounted worse than before";
  const auto no_claim = [](auto& f) { f.claim.clear(); };
  EXPECT_EQ(answer(updating(but(kUnsafeVolume, no_claim), but(renamed, no_claim))).decision, Decision::kDeny)
      << "without a claim nothing but the name tells that it is the same";
}

TEST(NeverDenied, OfTwoVolumesOnOneClaimTheOneWhoseNameIsGoneWasRenamed) {
  const auto named = [](std::string name) {
    return but(kUnsafeVolume, [&](auto& f) { f.volume = std::move(name); });
  };
  const auto of_one_file = [](VolumeFacts facts) {
    return but(std::move(facts), [](auto& f) { f.single_file_mount = true; });
  };
  Ask ask = updating(named("folder"), named("folder"));
  ask.old_volumes = std::vector{named("folder"), of_one_file(named("file"))};
  ask.volumes.push_back(of_one_file(named("database")));
  EXPECT_EQ(answer(ask).decision, Decision::kWarn) << "file is database now";
  ask.volumes.front() = of_one_file(named("folder"));
  EXPECT_EQ(answer(ask).decision, Decision::kDeny) << "folder is worse than it was, whatever file was";
}

TEST(NeverDenied, AScaleDownIsNotAndAScaleUpIs) {
  const auto scaled = [](std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
    Ask ask = updating(kUnsafeVolume, kUnsafeVolume);
    ask.old_replicas = from;
    ask.object.replicas = to;
    return answer(ask).decision;
  };
  EXPECT_EQ(scaled(3, 1), Decision::kWarn);
  EXPECT_EQ(scaled(3, 0), Decision::kWarn);
  EXPECT_EQ(scaled(3, 3), Decision::kWarn);
  EXPECT_EQ(scaled(1, std::nullopt), Decision::kWarn) << "not said is one";
  EXPECT_EQ(scaled(1, 3), Decision::kDeny);
  EXPECT_EQ(scaled(0, 1), Decision::kDeny);
  EXPECT_EQ(scaled(std::nullopt, 2), Decision::kDeny);
}

TEST(NeverDenied, WhatIsBeingDeletedOrOnlyMirrorsANodesOwnPod) {
  for (const VolumeFacts& facts : {kUnsafeVolume, kUnsettleable, kUnprovenVolume}) {
    Ask ask = asking(Mode::kEnforce, facts);
    ask.object = requiring_local();
    for (const auto operation : {Operation::kDelete, Operation::kConnect}) {
      ask.operation = operation;
      EXPECT_EQ(answer(ask).decision, Decision::kWarn) << facts.driver;
    }
    ask.operation = Operation::kUpdate;
    ask.object.being_deleted = true;
    EXPECT_EQ(answer(ask).decision, Decision::kWarn) << "finalizers must go through";
    ask.operation = Operation::kCreate;
    ask.object.being_deleted = false;
    ask.object.mirror_pod = true;
    EXPECT_EQ(answer(ask).decision, Decision::kWarn) << "denying it changes nothing on the node";
    EXPECT_FALSE(mutate(ask).add_gate);
  }
}

TEST(Mutate, NeverDeniesWhateverItIsAsked) {
  for (const Mode mode : {Mode::kOff, Mode::kAudit, Mode::kWarn, Mode::kGate, Mode::kEnforce}) {
    for (const VolumeFacts& facts : {kSafeVolume, kUnprovenVolume, kUnsafeVolume, kUnsettleable}) {
      for (const auto& object : {pod(), gated(), of_kind(WorkloadKind::kDeployment)}) {
        for (const auto operation : {Operation::kCreate, Operation::kUpdate, Operation::kDelete}) {
          Ask ask = asking(mode, facts);
          ask.object = requiring_local(object);
          ask.operation = operation;
          EXPECT_NE(mutate(ask).decision, Decision::kDeny);
          EXPECT_TRUE(mutate(ask).message.empty());
        }
      }
    }
  }
}

// ---- what a policy says of namespaces ----

const VolumeFacts kUnsafeAlone = but(kSafeVolume, [](auto& f) { f.single_file_mount = true; });

TEST(PolicyModes, CountWhereTheNamespaceItselfSaysNoMode) {
  Ask ask = asking(Mode::kAudit, kUnsafeAlone);
  ask.policy.modes = {{{{{"team", LabelRequirement::Operator::kIn, {"web"}}}}, Mode::kEnforce}};
  ask.namespace_labels = {{"team", "web"}};
  EXPECT_EQ(answer(ask).decision, Decision::kAllow) << "the namespace has said so itself";
  ask.namespace_mode.reset();
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
  ask.namespace_labels = {};
  EXPECT_EQ(answer(ask).decision, Decision::kWarn);
}

TEST(PolicyExemptions, LeaveTheFindingAsAWarningWithTheReason) {
  Ask ask = asking(Mode::kEnforce, kUnsafeAlone);
  ask.policy.exemptions = {{{"shop"}, {"split-database-files"}, "moves in March"}};
  const Answer exempt = answer(ask);
  EXPECT_EQ(exempt.decision, Decision::kWarn);
  EXPECT_TRUE(warns_of(exempt, "split-database-files (exempt by policy: moves in March)"));
  EXPECT_EQ(exempt.verdict, Verdict::kUnsafe) << "exempt is not safe";
  ask.policy.exemptions.front().namespaces = {"other"};
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
}

// ---- accept-risk ----

TEST(AcceptRisk, LetsThroughWhereThePolicyLetsTheNamespace) {
  Ask ask = asking(Mode::kEnforce, but(kSafeVolume, [](auto& f) { f.single_file_mount = true; }));
  ask.object.annotations.accept_risk = "split-database-files: read-only demo data";
  EXPECT_EQ(answer(ask).decision, Decision::kDeny) << "nobody has allowed it";
  EXPECT_TRUE(warns_of(answer(ask), "accept-risk is not honoured"));

  for (const std::string_view allowed : {"shop", "*"}) {
    ask.policy.accept_risk_namespaces = {"other", std::string(allowed)};
    const Answer accepted = answer(ask);
    EXPECT_EQ(accepted.decision, Decision::kWarn) << allowed;
    EXPECT_TRUE(warns_of(accepted, "split-database-files (risk accepted)")) << "always recorded";
    EXPECT_EQ(accepted.verdict, Verdict::kUnsafe) << "accepted is not safe";
  }
  ask.policy.accept_risk_namespaces = {"sho", "shop-2"};
  EXPECT_EQ(answer(ask).decision, Decision::kDeny);
}

TEST(AcceptRisk, CoversTheRuleItNamesAndNoOther) {
  Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
  ask.policy.accept_risk_namespaces = {"*"};
  ask.object.annotations.accept_risk = "network-filesystem: tests";
  const Answer refused = answer(ask);
  EXPECT_EQ(refused.decision, Decision::kDeny);
  EXPECT_TRUE(contains(refused.message, "cross-node-sharing"));
  EXPECT_FALSE(contains(refused.message, "network-filesystem:")) << "what is accepted is no reason";
}

TEST(AcceptRisk, LetsANetworkFilesystemOnOneNodeThrough) {
  // It is the only rule that stands: to have measured it would say nothing that was not accepted.
  Ask ask = asking(Mode::kEnforce, nfs_volume(Scope::kNode));
  ask.policy.accept_risk_namespaces = {"shop"};
  ask.object.annotations.accept_risk = "network-filesystem: a demo";
  EXPECT_EQ(answer(ask).decision, Decision::kWarn);
}

TEST(AcceptRisk, MustSayRuleAndReason) {
  Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
  ask.policy.accept_risk_namespaces = {"*"};
  for (const char* const without : {"network-filesystem", "network-filesystem:", "network-filesystem:  \n"}) {
    ask.object.annotations.accept_risk = without;
    EXPECT_TRUE(warns_of(answer(ask), "RULE: reason")) << without;
    EXPECT_TRUE(contains(answer(ask).message, "network-filesystem:")) << without;
  }
  ask.object.annotations.accept_risk = "network-file-system: a slip";
  EXPECT_TRUE(warns_of(answer(ask), "\"network-file-system\" is no rule"));
}

TEST(AcceptRisk, NamesOneRuleOnEachLine) {
  Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
  ask.policy.accept_risk_namespaces = {"*"};
  ask.object.annotations.accept_risk =
      "network-filesystem: a demo\n\n  cross-node-sharing : one writer, by hand\n";
  EXPECT_EQ(answer(ask).decision, Decision::kWarn);
}

// ---- words ----

TEST(Message, NamesVolumeRuleReasonAndRemedyOfAllThatDecides) {
  Ask ask = asking(Mode::kEnforce, kUnsafeVolume);
  ask.volumes.push_back(but(kSafeVolume, [](auto& f) { f.volume = "more", f.single_file_mount = true; }));
  ask.volumes.push_back(
      but(kUnprovenVolume, [](auto& f) { f.volume = "last", f.replaced_by_overlap = true; }));
  const std::string message = answer(ask).message;
  EXPECT_TRUE(message.starts_with("walguard: volume \"data\": network-filesystem: ")) << message;
  for (const std::string_view part :
       {"driver shared.example.com", "Remedy: Move the database to a claim", "cross-node-sharing",
        "volume \"more\": split-database-files", "Remedy: Mount the folder"}) {
    EXPECT_TRUE(contains(message, part)) << part << " is not in: " << message;
  }
  EXPECT_FALSE(contains(message, "rollout-overlap")) << "a warning decides nothing";
  EXPECT_FALSE(contains(message, "unknown-driver")) << "nor does the unproven beside the unsafe";
}

TEST(Message, NamesAWayOutOnceHoweverManyFindingsShareIt) {
  const std::string message = answer(asking(Mode::kEnforce, kUnsafeVolume)).message;
  EXPECT_EQ(message.find("Remedy:"), message.rfind("Remedy:")) << message;
}

TEST(Message, SaysWhyAnUnprovenPodIsRefused) {
  EXPECT_TRUE(
      contains(answer(asking(Mode::kEnforce, kUnprovenVolume)).message, "does not hold the scheduling gate"));
  EXPECT_TRUE(
      contains(answer(asking(Mode::kEnforce, kUnsettleable)).message, "--storage-path elsewhere=DIR"));
}

TEST(Warnings, StayUnder256BytesAndEndBetweenCharacters) {
  const auto long_named = [](const std::string& character, std::size_t shift) {
    return but(kUnsafeVolume, [&](auto& f) {
      f.driver = std::string(shift, 'x');
      for (int i = 0; i < 200; ++i) f.driver += character;
    });
  };
  const auto is_whole = [](std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const auto lead = static_cast<unsigned char>(text[i]);
      const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
      if (length == 0 || i + length > text.size()) return false;
      i += length;
    }
    return true;
  };
  for (const std::string character : {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x92\xBE"}) {
    for (std::size_t shift = 0; shift < 4; ++shift) {
      const Answer warned = answer(asking(Mode::kWarn, long_named(character, shift)));
      ASSERT_FALSE(warned.warnings.empty());
      for (const std::string& warning : warned.warnings) {
        EXPECT_LT(warning.size(), 256U);
        EXPECT_TRUE(is_whole(warning)) << warning;
      }
      EXPECT_TRUE(warned.warnings.front().ends_with("..."));
      EXPECT_GT(warned.warnings.front().size(), 248U) << "no more is cut than must be";
    }
  }
}

TEST(Warnings, NameVolumeAndRule) {
  const Answer warned = answer(asking(Mode::kWarn, kUnsafeVolume));
  EXPECT_TRUE(warns_of(warned, "walguard: volume \"data\": network-filesystem: driver shared.example.com"));
  EXPECT_TRUE(answer(asking(Mode::kWarn, kSafeVolume)).warnings.empty()) << "a good word is no warning";
}

TEST(Warnings, SayWhichAnnotationCannotBeRead) {
  Ask ask = asking(Mode::kWarn, kSafeVolume);
  ask.object.annotations.journal_mode = std::string(1000, 'x');
  EXPECT_TRUE(warns_of(answer(ask), "walguard/journal-mode"));
  EXPECT_LT(answer(ask).warnings.front().size(), 256U);
}

TEST(AnnotationsWritten, AreVerdictFindingsAndEvidenceAndTheSameEachTime) {
  using Written = std::vector<std::pair<std::string_view, std::string>>;
  Ask ask = asking(Mode::kWarn, kUnsafeVolume);
  const Written expected = {{"walguard/verdict", "unsafe"},
                            {"walguard/findings", "network-filesystem,cross-node-sharing"}};
  EXPECT_EQ(mutate(ask).annotations, expected);
  EXPECT_EQ(mutate(ask).annotations, expected);
  EXPECT_TRUE(answer(ask).annotations.empty()) << "only /mutate writes";
  ask.operation = Operation::kUpdate;
  EXPECT_TRUE(mutate(ask).annotations.empty());

  Ask proven = asking(Mode::kWarn, kUnprovenVolume);
  proven.evidence = book(passed(kUnprovenVolume.key, Scope::kNode));
  proven.volumes.push_back(kUnprovenVolume);
  EXPECT_EQ(mutate(proven).annotations, (Written{{"walguard/verdict", "safe"},
                                                 {"walguard/findings", "preflight-passed"},
                                                 {"walguard/evidence", "report-safe"}}))
      << "a report that counted twice is named once";
  EXPECT_TRUE(mutate(asking(Mode::kAudit, kUnsafeVolume)).annotations.empty());
}

TEST(Judge, IsResolveAndDecideForEveryVolume) {
  const Catalog known = catalog();
  const auto cluster = with(bound_claim("block.example.com", kRwo), attaching("block.example.com"));
  const auto volumes = judge(pod(), cluster, known, {}, {}, kNow);
  ASSERT_EQ(volumes.size(), 1U);
  EXPECT_EQ(volumes.front().facts.driver, "block.example.com");
  EXPECT_EQ(volumes.front().judgement.verdict, Verdict::kSafe);
}

// ---- scale ----

TEST(Scale, OfAWorkloadThatIsNotInViewWarnsAndIsNeverDenied) {
  const auto scaled = [](std::int64_t from, std::int64_t to) {
    Ask ask;
    ask.namespace_mode = Mode::kEnforce;
    ask.operation = Operation::kUpdate;
    ask.scale_target_in_view = false;
    ask.object = of_kind(WorkloadKind::kDeployment);
    ask.object.replicas = to;
    ask.old_replicas = from;
    return answer(ask);
  };
  EXPECT_EQ(scaled(1, 3).decision, Decision::kWarn);
  EXPECT_TRUE(warns_of(scaled(1, 3), "shop/app is not in view"));
  EXPECT_EQ(scaled(3, 1).decision, Decision::kAllow) << "fewer is never worse";
}

TEST(Scale, IsOfTheWorkloadInViewWithTheWantedReplicas) {
  Workload scale;
  scale.kind = WorkloadKind::kDeployment;
  scale.namespace_name = "shop";
  scale.name = "app";
  scale.replicas = 5;
  EXPECT_FALSE(scaled_workload(scale, cluster_of()));

  const auto target = of_kind(WorkloadKind::kDeployment);
  const auto scaled = scaled_workload(scale, cluster_of(target));
  if (!scaled) FAIL() << "it is in view";
  EXPECT_EQ(scaled->replicas, 5);
  ASSERT_EQ(scaled->pod.volumes.size(), 1U);
  EXPECT_EQ(scaled->pod.volumes[0].claim, "app-data");

  const auto plain = of_kind(WorkloadKind::kDeployment, pod(volume_of(VolumeKind::kProjection)));
  const auto nothing_to_judge = scaled_workload(scale, cluster_of(plain));
  EXPECT_TRUE(nothing_to_judge && nothing_to_judge->pod.volumes.empty());
}

// ---- a claim that is not known yet ----

TEST(UnknownClaim, OfAClusterHoldsItsPodUntilItIsKnownAndRefusesNoWorkload) {
  for (const Binding binding : {Binding::kMissing, Binding::kUndecided}) {
    Ask ask = asking(Mode::kEnforce, but(kUnsettleable, [&](auto& f) {
                       f.binding = binding;
                       f.claim = "data";
                       f.key = {};
                     }));
    EXPECT_EQ(mutate(ask).decision, Decision::kWarn) << "of files, nothing more will come";
    EXPECT_EQ(answer(ask).decision, Decision::kDeny);
    ask.reach.in_cluster = true;
    EXPECT_TRUE(mutate(ask).add_gate);
    EXPECT_TRUE(mutate(ask).wanted_probes.empty());
    ask.object = gated();
    EXPECT_EQ(answer(ask).decision, Decision::kGate);
    ask.object = of_kind(WorkloadKind::kDeployment);
    EXPECT_EQ(answer(ask).decision, Decision::kWarn);
  }
}

// ---- a view of the cluster that is out of date ----

TEST(OutOfDate, APodIsHeldAtTheGateAndNothingIsMeasured) {
  const auto out_of_date = but(block_volume(), [](auto& f) {
    f.cluster_is_current = false;
    f.scope = std::nullopt;
  });
  const Answer held = mutate(asking(Mode::kEnforce, out_of_date));
  EXPECT_EQ(held.decision, Decision::kGate);
  EXPECT_TRUE(held.add_gate);
  EXPECT_TRUE(held.wanted_probes.empty());
  EXPECT_TRUE(warns_of(held, "out of date"));
  Ask workload = asking(Mode::kEnforce, out_of_date);
  workload.object = of_kind(WorkloadKind::kDeployment);
  EXPECT_EQ(answer(workload).decision, Decision::kWarn) << "its pods will be held";
}

}  // namespace
}  // namespace walguard::core
