// Policies from their text to the one in force.

#include "operator/wire/policy.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/controller/policy_watch.h"
#include "operator/core/catalog.h"
#include "operator/core/policy.h"
#include "operator/core/policy_object.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/kube/client.h"
#include "tests/controller/upkeep/object_api.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ObjectApi;
using walguard::testing::error_of;

const char* const kHead =
    "apiVersion: walguard.dev/v1alpha1\nkind: WalguardPolicy\nmetadata: {name: p}\nspec:\n";

tl::expected<std::vector<core::PolicyObject>, std::string> read_file(const std::string& yaml) {
  return wire::read_policy_file(yaml, "policy.yaml", knowledge::load_drivers);
}

/// Of a policy whose spec is these lines.
std::string spec_error(const std::string& lines) { return error_of(read_file(kHead + lines)); }

/// The example of docs/policy.md, so that it can be pasted.
std::string documented_example() {
  std::ostringstream page;
  page << std::ifstream(WALGUARD_SOURCE_DIR "/docs/policy.md").rdbuf();
  const std::string text = page.str();
  constexpr std::string_view kBegin = "```yaml\n";
  const auto begin = text.find(kBegin) + kBegin.size();
  return text.substr(begin, text.find("```", begin) - begin);
}

TEST(PolicyFile, TheDocumentedExampleIsReadInFull) {
  const auto objects = read_file(documented_example());
  ASSERT_TRUE(objects) << objects.error();
  ASSERT_EQ(objects->size(), 1U);
  const core::PolicyObject& policy = objects->front();
  EXPECT_EQ(policy.name, "production");
  EXPECT_EQ(policy.priority, 10);
  EXPECT_EQ(policy.default_mode, core::Mode::kEnforce);
  EXPECT_EQ(policy.evidence_max_age, 30 * 24 * 3600);
  EXPECT_EQ(policy.stale_grace, 7 * 24 * 3600);
  EXPECT_EQ(policy.accept_network_filesystem_on_one_node, false);
  EXPECT_EQ(policy.accept_risk_namespaces, std::vector<std::string>{"sandbox"});
  EXPECT_EQ(policy.automatic_preflights, true);
  EXPECT_EQ(policy.preflights_at_once, 2);
  EXPECT_EQ(policy.preflights_per_hour, 20);
  EXPECT_EQ(policy.probe_costly_drivers, false);
  ASSERT_EQ(policy.exemptions.size(), 1U);
  EXPECT_EQ(policy.exemptions.front().reason, "moves to block storage until March");
  ASSERT_EQ(policy.drivers.size(), 1U);
  EXPECT_EQ(policy.drivers.front().variants.front().transport, core::Transport::kNetworkBlock);
}

TEST(PolicyFile, DurationsAreDaysHoursMinutesAndSeconds) {
  const auto objects = read_file(std::string(kHead) + "  evidenceMaxAge: 1d12h\n  staleGrace: 90m45s\n");
  ASSERT_TRUE(objects) << objects.error();
  EXPECT_EQ(objects->front().evidence_max_age, 36 * 3600);
  EXPECT_EQ(objects->front().stale_grace, 90 * 60 + 45);
}

TEST(PolicyFile, EveryErrorNamesTheFieldItsValueAndWhatToDo) {
  EXPECT_THAT(spec_error("  evidenceMaxAg: 30d"),
              AllOf(HasSubstr("policy.yaml:1: spec: unknown field"), HasSubstr("evidenceMaxAg"),
                    HasSubstr("evidenceMaxAge")));
  EXPECT_THAT(spec_error("  evidenceMaxAge: 30 days"),
              AllOf(HasSubstr("spec.evidenceMaxAge: \"30 days\" is no duration"), HasSubstr("30d")));
  EXPECT_THAT(spec_error("  evidenceMaxAge: 59m"), HasSubstr("too short; use 1h or more"));
  EXPECT_THAT(spec_error("  evidenceMaxAge: 9999999d"), HasSubstr("is no duration"));
  EXPECT_THAT(spec_error("  defaultMode: strict"),
              HasSubstr("spec.defaultMode: \"strict\" is no mode; use off"));
  EXPECT_THAT(spec_error("  automaticPreflights: {atOnce: 0}"),
              HasSubstr("spec.automaticPreflights.atOnce: 0 is no whole number from 1 to 100"));
  EXPECT_THAT(spec_error("  networkFilesystemOnOneNode: maybe"), HasSubstr("refuse or accept-with-evidence"));
  EXPECT_THAT(
      spec_error("  exemptions: [{namespaces: [a], rules: [no-such], reason: x}]"),
      HasSubstr("spec.exemptions[0].rules[0]: \"no-such\" is no rule; `walguard explain` lists them"));
  EXPECT_THAT(spec_error("  exemptions: [{namespaces: [a], rules: [network-filesystem]}]"),
              HasSubstr("spec.exemptions[0]: has no reason; add it"));
  EXPECT_THAT(spec_error("  namespaceSelector: {matchLabels: {a: b}}"), HasSubstr("defaultMode"));
  EXPECT_THAT(
      spec_error("  defaultMode: warn\n  namespaceSelector: {matchExpressions: [{key: a, operator: In}]}"),
      HasSubstr("In and NotIn need at least one"));
  EXPECT_THAT(
      spec_error("  drivers: [{names: [x], variants: [{transport: nfs, verified: true, source: y}]}]"),
      AllOf(HasSubstr("spec.drivers: "), HasSubstr("\"nfs\" is not a transport")));
}

TEST(PolicyFile, WhatIsNoPolicyIsRefused) {
  EXPECT_THAT(error_of(read_file("apiVersion: v1\nkind: ConfigMap\n")),
              HasSubstr("\"ConfigMap\" is no policy"));
  EXPECT_THAT(error_of(read_file("apiVersion: walguard.dev/v2\nkind: WalguardPolicy\n")),
              HasSubstr("\"walguard.dev/v2\" is not known; use walguard.dev/v1alpha1"));
  EXPECT_THAT(error_of(read_file("[]")), HasSubstr("a map belongs"));
}

TEST(LabelSelector, MatchesAsKubernetesDoes) {
  using Requirement = core::LabelRequirement;
  const core::StringMap labels = {{"stage", "production"}, {"team", "a"}};
  const auto one = [&](Requirement::Operator is, const std::string& key, std::vector<std::string> values) {
    return core::matches({{Requirement{key, is, std::move(values)}}}, labels);
  };
  EXPECT_TRUE(core::matches({}, labels));
  EXPECT_TRUE(one(Requirement::Operator::kIn, "stage", {"test", "production"}));
  EXPECT_FALSE(one(Requirement::Operator::kIn, "stage", {"test"}));
  EXPECT_FALSE(one(Requirement::Operator::kIn, "absent", {"x"}));
  EXPECT_TRUE(one(Requirement::Operator::kNotIn, "absent", {"x"}));
  EXPECT_FALSE(one(Requirement::Operator::kNotIn, "team", {"a"}));
  EXPECT_TRUE(one(Requirement::Operator::kExists, "team", {}));
  EXPECT_TRUE(one(Requirement::Operator::kDoesNotExist, "absent", {}));
  EXPECT_FALSE(one(Requirement::Operator::kDoesNotExist, "team", {}));
}

core::PolicyObject object(const std::string& name, std::int64_t priority) {
  core::PolicyObject made;
  made.name = name;
  made.priority = priority;
  return made;
}

TEST(MergePolicies, EachFieldIsThatOfTheFirstObjectThatSetsIt) {
  core::PolicyObject low = object("low", 0);
  low.stale_grace = 1;
  low.evidence_max_age = 10;
  core::PolicyObject high = object("high", 5);
  high.stale_grace = 2;
  const auto merged = core::merge_policies({}, {low, high}).policy;
  EXPECT_EQ(merged.stale_grace, 2);
  EXPECT_EQ(merged.evidence_max_age, 10);
  EXPECT_EQ(merged.preflights_at_once, core::Policy{}.preflights_at_once);
}

TEST(MergePolicies, OfEqualPrioritiesTheLesserNameWins) {
  core::PolicyObject a = object("a", 1);
  a.stale_grace = 1;
  core::PolicyObject b = object("b", 1);
  b.stale_grace = 2;
  EXPECT_EQ(core::merge_policies({}, {b, a}).policy.stale_grace, 1);
}

TEST(MergePolicies, TheFirstSelectorThatMatchesGivesANamespaceItsMode) {
  core::PolicyObject production = object("production", 5);
  production.default_mode = core::Mode::kEnforce;
  production.namespaces = {{{"stage", core::LabelRequirement::Operator::kIn, {"production"}}}};
  core::PolicyObject everywhere = object("everywhere", 0);
  everywhere.default_mode = core::Mode::kAudit;
  const auto policy = core::merge_policies({}, {everywhere, production}).policy;
  EXPECT_EQ(core::mode_of_namespace(policy, {{"stage", "production"}}), core::Mode::kEnforce);
  EXPECT_EQ(core::mode_of_namespace(policy, {}), core::Mode::kAudit);
  EXPECT_EQ(core::mode_of_namespace(core::merge_policies({}, {production}).policy, {}), core::Mode::kWarn);
}

TEST(MergePolicies, ExemptionsAreJoinedAndTheFirstReasonIsRecorded) {
  core::PolicyObject low = object("low", 0);
  low.exemptions = {{.namespaces = {"*"}, .rules = {"unknown-driver"}, .reason = "low"}};
  core::PolicyObject high = object("high", 5);
  high.exemptions = {{.namespaces = {"legacy"}, .rules = {"*"}, .reason = "high"}};
  const auto policy = core::merge_policies({}, {low, high}).policy;
  ASSERT_NE(core::exemption_for(policy, "legacy", "unknown-driver"), nullptr);
  EXPECT_EQ(core::exemption_for(policy, "legacy", "unknown-driver")->reason, "high");
  EXPECT_EQ(core::exemption_for(policy, "other", "unknown-driver")->reason, "low");
  EXPECT_EQ(core::exemption_for(policy, "other", "network-filesystem"), nullptr);
}

TEST(MergePolicies, OfADriverThatTwoObjectsNameTheFirstOnesFactsCount) {
  const auto with = [](const std::string& name, std::int64_t priority, core::Transport transport) {
    core::PolicyObject made = object(name, priority);
    core::Driver driver;
    driver.names = {"x.example.com", name + ".example.com"};
    driver.variants.push_back({.when = {}, .transport = transport, .filesystem = {}, .source = {}});
    made.drivers = {driver};
    return made;
  };
  const auto drivers = core::merge_policies({}, {with("low", 0, core::Transport::kNetworkFilesystem),
                                                 with("high", 5, core::Transport::kLocalDisk)})
                           .drivers;
  ASSERT_EQ(drivers.size(), 2U);
  EXPECT_THAT(drivers[0].names, ElementsAre("x.example.com", "high.example.com"));
  EXPECT_THAT(drivers[1].names, ElementsAre("low.example.com"));
}

// ---- Live

class PolicyWatchTest : public ::testing::Test {
 protected:
  PolicyWatchTest() : client_(api_.client()) {
    PolicyWatchParts parts;
    parts.read_drivers = knowledge::load_drivers;
    parts.make_catalog = knowledge::load_embedded_catalog_with;
    parts.on_change = [this] { ++changes_; };
    auto started = PolicyWatch::start(std::move(parts));
    if (!started) throw std::runtime_error(started.error());
    watch_ = *std::move(started);
  }
  /// As the reflector does it.
  void put(const std::string& name, const json& spec) {
    const std::string path = "/apis/walguard.dev/v1alpha1/walguardpolicies/" + name;
    json object = {{"apiVersion", "walguard.dev/v1alpha1"},
                   {"kind", "WalguardPolicy"},
                   {"metadata", {{"name", name}, {"generation", ++generation_}}},
                   {"spec", spec}};
    const json former = api_.at(path);
    if (!former.is_null() && former.contains("status")) object["status"] = former["status"];
    api_.put(path, object);
    seen(name);
  }
  /// The object, as the API server has it by now, comes by the watch.
  void seen(const std::string& name) {
    const std::string text = api_.at("/apis/walguard.dev/v1alpha1/walguardpolicies/" + name).dump();
    watch_->put(
        {.meta = {.namespace_name = {}, .name = name, .uid = {}, .resource_version = {}}, .json = text});
  }
  [[nodiscard]] json condition(const std::string& name) const {
    return api_.at("/apis/walguard.dev/v1alpha1/walguardpolicies/" + name)["status"]["conditions"][0];
  }
  void list(const std::vector<std::string>& names) {
    watch_->begin_list();
    for (const std::string& name : names) seen(name);
    watch_->end_list();
  }

  ObjectApi api_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<PolicyWatch> watch_;
  int changes_ = 0;
  int generation_ = 0;
};

TEST_F(PolicyWatchTest, WithoutObjectsTheDefaultsAndTheEmbeddedCatalogAreInForce) {
  EXPECT_EQ(watch_->get()->policy.stale_grace, core::Policy{}.stale_grace);
  EXPECT_FALSE(watch_->get()->catalog->drivers().empty());
}

TEST_F(PolicyWatchTest, AChangeIsInForceAtOnceAndADeletionTakesItBack) {
  put("p", {{"staleGrace", "1d"}});
  EXPECT_EQ(watch_->get()->policy.stale_grace, 24 * 3600);
  put("p", {{"staleGrace", "2d"}});
  EXPECT_EQ(watch_->get()->policy.stale_grace, 2 * 24 * 3600);
  watch_->remove(
      {.meta = {.namespace_name = {}, .name = "p", .uid = {}, .resource_version = {}}, .json = {}});
  EXPECT_EQ(watch_->get()->policy.stale_grace, core::Policy{}.stale_grace);
  EXPECT_EQ(changes_, 3);
}

TEST_F(PolicyWatchTest, AListTakesThePlaceOfEverythingButOnlyAtItsEnd) {
  put("old", {{"staleGrace", "1d"}});
  put("new", {{"evidenceMaxAge", "1d"}});
  watch_->begin_list();
  seen("new");
  EXPECT_EQ(watch_->get()->policy.stale_grace, 24 * 3600);
  watch_->begin_list();  // broken off, begun anew
  seen("new");
  watch_->end_list();
  EXPECT_EQ(watch_->get()->policy.stale_grace, core::Policy{}.stale_grace);
  EXPECT_EQ(watch_->get()->policy.evidence_max_age, 24 * 3600);
}

TEST_F(PolicyWatchTest, AnInvalidObjectIsIgnoredAsAWholeAndTheOthersStay) {
  put("good", {{"staleGrace", "1d"}});
  put("bad", {{"priority", 9},
              {"staleGrace", "2d"},
              {"exemptions", {{{"namespaces", {"a"}}, {"rules", {"no-such"}}, {"reason", "x"}}}}});
  EXPECT_EQ(watch_->get()->policy.stale_grace, 24 * 3600);
}

TEST_F(PolicyWatchTest, OfAnObjectThatCannotBeUnderstoodAnyMoreWhatItSaidBeforeStaysInForce) {
  put("p", {{"staleGrace", "1d"}});
  put("p", {{"staleGrace", "2d"}, {"evidenceMaxAge", "1s"}});
  EXPECT_EQ(watch_->get()->policy.stale_grace, 24 * 3600);
  list({"p"});
  EXPECT_EQ(watch_->get()->policy.stale_grace, 24 * 3600);
  put("p", {{"staleGrace", "3d"}});
  EXPECT_EQ(watch_->get()->policy.stale_grace, 3 * 24 * 3600);
  put("p", {{"evidenceMaxAge", "1s"}});
  list({});
  EXPECT_EQ(watch_->get()->policy.stale_grace, core::Policy{}.stale_grace);
}

TEST_F(PolicyWatchTest, FactsOfTheClusterComeBeforeTheEmbeddedOnes) {
  core::VariantQuery query;
  query.driver = "nfs.csi.k8s.io";
  ASSERT_EQ(watch_->get()->catalog->find(query).variant->transport, core::Transport::kNetworkFilesystem);
  put("p", {{"drivers",
             {{{"names", {"nfs.csi.k8s.io"}},
               {"variants", {{{"transport", "object-fuse"}, {"verified", false}, {"source", "a test"}}}}}}}});
  EXPECT_EQ(watch_->get()->catalog->find(query).variant->transport, core::Transport::kObjectFuse);
}

TEST_F(PolicyWatchTest, TheStatusSaysWhatIsInForceAndWhatIsWrong) {
  put("good", {{"staleGrace", "1d"}});
  put("bad", {{"evidenceMaxAge", "1s"}});
  watch_->report(*client_, {});
  EXPECT_EQ(condition("good")["type"], "Accepted");
  EXPECT_EQ(condition("good")["status"], "True");
  EXPECT_EQ(condition("bad")["status"], "False");
  EXPECT_EQ(condition("bad")["reason"], "Invalid");
  EXPECT_THAT(condition("bad")["message"].get<std::string>(),
              AllOf(HasSubstr("spec.evidenceMaxAge"), HasSubstr("stays in force")));

  seen("good");
  seen("bad");
  const std::size_t patches = api_.count("PATCH");
  watch_->report(*client_, {});
  EXPECT_EQ(api_.count("PATCH"), patches) << "a status that is right is not written again";

  put("bad", {{"evidenceMaxAge", "1h"}});
  watch_->report(*client_, {});
  EXPECT_EQ(condition("bad")["status"], "True");
  EXPECT_EQ(condition("bad")["observedGeneration"], 3);
}

}  // namespace
}  // namespace walguard::controller
