#include "operator/controller/gate_keeper.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/controller/gate_opener.h"
#include "operator/controller/log.h"
#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/kube/client.h"
#include "operator/wire/event.h"
#include "tests/controller/upkeep/object_api.h"
#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ObjectApi;
using walguard::testing::eventually;

constexpr core::UtcSeconds kNow = 1'800'000'000;
const std::string kGate(core::kGateName);

/// A gated pod on a claim of class "mystery", whose driver nobody knows.
class DecideGate : public ::testing::Test {
 protected:
  DecideGate() {
    core::StorageClass mystery;
    mystery.name = "mystery";
    mystery.provisioner = "mystery.example.com";
    cluster_.add(mystery);
    core::PersistentVolumeClaim claim;
    claim.namespace_name = "shop";
    claim.name = "data";
    claim.spec.storage_class = "mystery";
    claim.spec.access_modes = {core::AccessMode::kReadWriteOncePod};
    cluster_.add(claim);
    set_mode(core::Mode::kEnforce);

    pod_.uid = "u1";
    pod_.pod.namespace_name = "shop";
    pod_.pod.name = "web-0";
    pod_.pod.annotations.databases = "/data/app.db";
    pod_.pod.pod.scheduling_gates = {kGate};
    core::Volume volume;
    volume.name = "data";
    volume.kind = core::VolumeKind::kClaim;
    volume.claim = "data";
    pod_.pod.pod.volumes = {volume};
    core::Container container;
    container.name = "app";
    container.mounts = {{.volume = "data", .path = "/data", .sub_path = "", .read_only = false}};
    pod_.pod.pod.containers = {container};
    reach_.classes["mystery"] = {.widest = core::Scope::kCluster, .views = 2};
    reach_.default_runtime_only = false;
  }

  void set_mode(core::Mode mode) {
    core::Namespace shop;
    shop.name = "shop";
    shop.mode = mode;
    cluster_.add(shop);
  }
  [[nodiscard]] GateDecision decide() const {
    return decide_gate(pod_, {.cluster = cluster_,
                              .catalog = catalog_,
                              .evidence = evidence_,
                              .policy = policy_,
                              .reach = reach_,
                              .now = kNow});
  }
  /// The preflight that is wanted has run and says `verdict`.
  void measure(core::Verdict verdict) {
    const GateDecision waiting = decide();
    ASSERT_EQ(waiting.wanted_probes.size(), 1U);
    core::Evidence report;
    report.key = waiting.wanted_probes.front().key;
    report.scope = waiting.wanted_probes.front().scope;
    report.verdicts.values.fill(verdict);
    report.measured_at = kNow - 10;
    report.digest = "abc123";
    evidence_ = core::EvidenceBook({report});
  }

  GatedPod pod_;
  core::ClusterState cluster_;
  core::Catalog catalog_ = knowledge::load_embedded_catalog().value();
  core::EvidenceBook evidence_;
  core::Policy policy_;
  core::ProbeReach reach_;
};

TEST_F(DecideGate, AnUnprovenPodWaitsWithTheReasonAndThePreflightThatWouldSettleIt) {
  const GateDecision decision = decide();
  EXPECT_FALSE(decision.open);
  EXPECT_EQ(decision.note.reason, kPreflightPending);
  EXPECT_EQ(decision.note.object.uid, "u1");
  EXPECT_THAT(decision.note.message, AllOf(HasSubstr("unknown-driver"), HasSubstr("mystery")));
  ASSERT_EQ(decision.wanted_probes.size(), 1U);
  EXPECT_EQ(decision.wanted_probes.front().key.storage_class, "mystery");
}

TEST_F(DecideGate, APreflightThatPassedOpensTheGate) {
  measure(core::Verdict::kSafe);
  const GateDecision decision = decide();
  EXPECT_TRUE(decision.open);
  EXPECT_EQ(decision.note.reason, kGateOpened);
  EXPECT_THAT(decision.note.message, HasSubstr("abc123"));
}

TEST_F(DecideGate, APreflightThatFailedKeepsItWithRuleAndRemedy) {
  measure(core::Verdict::kUnsafe);
  const GateDecision decision = decide();
  EXPECT_FALSE(decision.open);
  EXPECT_EQ(decision.note.reason, kPreflightFailed);
  EXPECT_EQ(decision.note.type, wire::EventNote::Type::kWarning);
  EXPECT_THAT(decision.note.message, AllOf(HasSubstr("preflight-failed"), HasSubstr("Remedy:")));
  EXPECT_TRUE(decision.wanted_probes.empty());
}

TEST_F(DecideGate, ModeGateDoesNotLetRunWhatAPreflightHasFoundUnsafeEither) {
  set_mode(core::Mode::kGate);
  measure(core::Verdict::kUnsafe);
  const GateDecision decision = decide();
  EXPECT_FALSE(decision.open);
  EXPECT_EQ(decision.note.reason, kPreflightFailed);
  EXPECT_THAT(decision.note.message, HasSubstr("preflight-failed"));
}

TEST_F(DecideGate, ANamespaceThatIsSwitchedOffOrOnlyWarnsOpensTheGate) {
  for (const core::Mode mode : {core::Mode::kOff, core::Mode::kAudit, core::Mode::kWarn}) {
    set_mode(mode);
    EXPECT_TRUE(decide().open) << core::name(mode);
    EXPECT_THAT(decide().note.message, HasSubstr(std::string(core::name(mode))));
  }
}

TEST_F(DecideGate, AGuaranteeThatAPodAsksForHoldsInEveryModeButOff) {
  pod_.pod.annotations.require_local = true;
  set_mode(core::Mode::kAudit);
  EXPECT_FALSE(decide().open);
  set_mode(core::Mode::kOff);
  EXPECT_TRUE(decide().open);
  EXPECT_THAT(decide().note.message, HasSubstr("Mode off"));
}

TEST_F(DecideGate, WhatNoPreflightCanSettleIsKeptByEnforceAndLetGoByGate) {
  policy_.automatic_preflights = false;
  const GateDecision enforced = decide();
  EXPECT_FALSE(enforced.open);
  EXPECT_EQ(enforced.note.reason, kPreflightFailed);
  EXPECT_THAT(enforced.note.message, HasSubstr("switched off by policy"));
  set_mode(core::Mode::kGate);
  const GateDecision gated = decide();
  EXPECT_TRUE(gated.open);
  EXPECT_EQ(gated.note.type, wire::EventNote::Type::kWarning);
}

TEST_F(DecideGate, APodWhoseNamespaceIsNotInViewYetWaits) {
  cluster_.remove(core::ClusterKind::kNamespaces, "", "shop");
  reach_.in_cluster = true;
  const GateDecision decision = decide();
  EXPECT_FALSE(decision.open);
  EXPECT_THAT(decision.note.message, HasSubstr("namespace shop is not in view yet"));
}

TEST_F(DecideGate, WhatIsUnsafeByItsKindIsLetGoByModeGateAsItWouldHaveBeenAdmitted) {
  core::StorageClass nfs;
  nfs.name = "mystery";
  nfs.provisioner = "nfs.csi.k8s.io";
  cluster_.add(nfs);
  EXPECT_FALSE(decide().open) << "enforce denies it";
  set_mode(core::Mode::kGate);
  const GateDecision decision = decide();
  EXPECT_TRUE(decision.open);
  EXPECT_EQ(decision.note.type, wire::EventNote::Type::kWarning);
  EXPECT_THAT(decision.note.message, HasSubstr("network-filesystem"));
}

TEST_F(DecideGate, APodWithoutADatabaseIsLetGo) {
  pod_.pod.annotations.databases.reset();
  EXPECT_TRUE(decide().open);
}

// ---- Opening

json pod_object(const std::string& name, const std::vector<std::string>& gates,
                const std::string& node = "") {
  json object = {{"metadata", {{"namespace", "shop"}, {"name", name}, {"uid", "uid-" + name}}},
                 {"spec", {{"schedulingGates", json::array()}}}};
  for (const std::string& gate : gates) object["spec"]["schedulingGates"].push_back({{"name", gate}});
  if (!node.empty()) object["spec"]["nodeName"] = node;
  return object;
}

std::string path_of(const std::string& name) { return "/api/v1/namespaces/shop/pods/" + name; }

json gates_of(const ObjectApi& api, const std::string& name) {
  return api.at(path_of(name))["spec"]["schedulingGates"];
}

TEST(OpenGate, OnlyItsOwnGateIsTakenOff) {
  ObjectApi api;
  api.put(path_of("web-0"), pod_object("web-0", {"other/first", kGate, "other/last"}));
  const auto holder = read_gate_holder(api.at(path_of("web-0")).dump());
  ASSERT_TRUE(holder);
  const auto client = api.client();
  EXPECT_EQ(open_gate(*client, holder.value_or(GateHolder{}), {}), true);
  EXPECT_EQ(gates_of(api, "web-0"), json::parse(R"([{"name":"other/first"},{"name":"other/last"}])"));
  EXPECT_FALSE(read_gate_holder(api.at(path_of("web-0")).dump()));
}

TEST(OpenGate, APodThatHasChangedIsLookedAtAgainInsteadOfPatchedAtTheWrongPlace) {
  ObjectApi api;
  const auto client = api.client();
  const GateHolder seen{"shop", "web-0", "uid-web-0", {kGate, "other/gate"}};
  api.put(path_of("web-0"), pod_object("web-0", {"other/gate"}));
  EXPECT_EQ(open_gate(*client, seen, {}), false);
  EXPECT_EQ(gates_of(api, "web-0").size(), 1U);

  json reborn = pod_object("web-0", {kGate, "other/gate"});
  reborn["metadata"]["uid"] = "another";
  api.put(path_of("web-0"), reborn);
  EXPECT_EQ(open_gate(*client, seen, {}), false);
  EXPECT_EQ(gates_of(api, "web-0").size(), 2U);

  api.erase(path_of("web-0"));
  EXPECT_EQ(open_gate(*client, seen, {}), false);
}

TEST(OpenAllGates, HundredsAreOpenedWithinTheTimeOfAnUninstall) {
  ObjectApi api;
  for (int i = 0; i < 400; ++i) {
    const std::string name = "web-" + std::to_string(i);
    api.put(path_of(name), pod_object(name, i % 4 == 0 ? std::vector<std::string>{} : std::vector{kGate}));
  }
  const auto client = api.client();
  const auto begin = std::chrono::steady_clock::now();
  const auto opened = open_all_gates(*client, {}, {});
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->opened, 300U);
  EXPECT_EQ(opened->left, 0U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  for (int i = 0; i < 400; ++i) EXPECT_TRUE(gates_of(api, "web-" + std::to_string(i)).empty());
}

TEST(OpenAllGates, OnlyPodsWithoutANodeAreAskedFor) {
  ObjectApi api;
  const auto client = api.client();
  ASSERT_TRUE(open_all_gates(*client, {}, {}));
  EXPECT_THAT(api.requests().front().target,
              HasSubstr("fieldSelector=spec.nodeName%3D%2Cstatus.phase%3DPending"));
}

TEST(OpenAllGates, AGateThatTheServerDoesNotLetGoIsNamed) {
  ObjectApi api;
  api.put(path_of("web-0"), pod_object("web-0", {kGate}));
  api.interfere([](const kube::testing::FakeRequest& request) -> std::optional<kube::testing::FakeAnswer> {
    if (request.method != "PATCH") return std::nullopt;
    return ObjectApi::status(403, "Forbidden");
  });
  const auto client = api.client();
  const auto opened = open_all_gates(*client, {}, {});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->left, 1U);
  ASSERT_EQ(opened->errors.size(), 1U);
  EXPECT_THAT(opened->errors.front(), AllOf(HasSubstr("shop/web-0"), HasSubstr("403")));
}

// ---- The loop

class GateKeeperTest : public ::testing::Test {
 protected:
  GateKeeperTest() : client_(api_.client()) {
    GateKeeperParts parts;
    parts.gated_pods = [this] { return pods_; };
    parts.decide = [this](const GatedPod& pod) {
      GateDecision decision;
      decision.open = open_;
      decision.note.object.uid = pod.uid;
      decision.note.reason = open_ ? kGateOpened : kPreflightPending;
      if (!open_) decision.wanted_probes = {{.key = {}, .scope = core::Scope::kNode}};
      return decision;
    };
    parts.ensure = [this](const core::ProbeRequest& probe, const std::stop_token&) {
      ensured_.push_back(probe);
      return answer_;
    };
    parts.log = [this](LogLevel, const std::string& line) { lines_.push_back(line); };
    parts.post_event = [this](wire::EventNote note) { events_.push_back(std::move(note)); };
    keeper_ = std::make_unique<GateKeeper>(*client_, std::move(parts));
  }
  void add_pod(const std::string& name) {
    api_.put(path_of(name), pod_object(name, {kGate}));
    GatedPod pod;
    pod.uid = "uid-" + name;
    pod.pod.namespace_name = "shop";
    pod.pod.name = name;
    pod.pod.pod.scheduling_gates = {kGate};
    pods_.push_back(pod);
  }

  ObjectApi api_;
  std::unique_ptr<kube::Client> client_;
  std::vector<GatedPod> pods_;
  bool open_ = false;
  tl::expected<void, std::string> answer_;  // to the wish for a preflight
  std::vector<core::ProbeRequest> ensured_;
  std::vector<std::string> lines_;
  std::vector<wire::EventNote> events_;
  std::unique_ptr<GateKeeper> keeper_;
};

TEST_F(GateKeeperTest, PodsThatWantTheSamePreflightAskForItOnce) {
  add_pod("web-0");
  add_pod("web-1");
  keeper_->pass({});
  EXPECT_EQ(ensured_.size(), 1U);
  EXPECT_EQ(events_.size(), 2U);
  EXPECT_EQ(keeper_->counts().held, 2U);
  EXPECT_EQ(gates_of(api_, "web-0").size(), 1U);
}

TEST_F(GateKeeperTest, APodIsToldWhichPreflightDecidesOrWhyThereIsNone) {
  add_pod("web-0");
  add_pod("web-1");
  keeper_->pass({});
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_THAT(events_.back().message, HasSubstr("decides; see: kubectl get volumepreflights"));
  EXPECT_TRUE(lines_.empty());
  answer_ = tl::unexpected(std::string("there are too many"));
  keeper_->pass({});
  keeper_->pass({});
  ASSERT_EQ(events_.size(), 6U);
  EXPECT_THAT(events_.back().message, AllOf(HasSubstr("there are too many"), Not(HasSubstr("decides"))));
  EXPECT_EQ(lines_.size(), 1U) << "once, not in every pass";
  answer_ = tl::unexpected(std::string("forbidden"));
  keeper_->pass({});
  EXPECT_EQ(lines_.size(), 2U);
}

TEST_F(GateKeeperTest, WhatIsProvenIsOpenedAndTold) {
  add_pod("web-0");
  open_ = true;
  keeper_->pass({});
  EXPECT_TRUE(gates_of(api_, "web-0").empty());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_.front().reason, kGateOpened);
  EXPECT_EQ(keeper_->counts().opened, 1U);
  // The index has not seen it yet: nothing is done and nothing is said twice.
  keeper_->pass({});
  EXPECT_EQ(events_.size(), 1U);
  EXPECT_EQ(keeper_->counts().opened, 1U);
}

TEST_F(GateKeeperTest, ARefusalOfTheServerIsMetAgainInTheNextPass) {
  add_pod("web-0");
  open_ = true;
  api_.interfere([](const kube::testing::FakeRequest&) { return ObjectApi::status(500, "InternalError"); });
  keeper_->pass({});
  EXPECT_EQ(gates_of(api_, "web-0").size(), 1U);
  EXPECT_TRUE(events_.empty());
  api_.interfere(nullptr);
  keeper_->pass({});
  EXPECT_TRUE(gates_of(api_, "web-0").empty());
}

TEST_F(GateKeeperTest, APodWithANodeAndOneThatIsDeletedAreLeftAlone) {
  add_pod("web-0");
  pods_.back().pod.pod.node_name = "node-1";
  add_pod("web-1");
  pods_.back().pod.being_deleted = true;
  open_ = true;
  keeper_->pass({});
  EXPECT_EQ(api_.count("PATCH"), 0U);
}

TEST_F(GateKeeperTest, AChangeIsLookedAtWithoutWaiting) {
  GateKeeperParts parts;
  std::atomic<int> looks{0};
  parts.gated_pods = [&] {
    ++looks;
    return std::vector<GatedPod>();
  };
  GateKeeper slow(*client_, std::move(parts), {.look_every = std::chrono::hours(1)});
  std::jthread running([&](const std::stop_token& stop) { slow.run(stop); });
  ASSERT_TRUE(eventually([&] { return looks == 1; }));
  slow.wake();
  EXPECT_TRUE(eventually([&] { return looks == 2; }));
}

}  // namespace
}  // namespace walguard::controller
