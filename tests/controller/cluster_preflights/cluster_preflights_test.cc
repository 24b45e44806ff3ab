#include "operator/controller/cluster_preflights.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/kube/client.h"
#include "operator/kube/http.h"
#include "operator/wire/job_manifest.h"
#include "operator/wire/preflight_resource.h"
#include "operator/wire/text_forms.h"
#include "preflight/report/compact.h"
#include "preflight/report/grade.h"
#include "preflight/report/report.h"
#include "tests/controller/cluster_preflights/memory_api.h"

namespace walguard::controller::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Json = MemoryApi::Json;
using Pass = ClusterPreflights::Pass;

constexpr const char* kNamespace = "walguard-system";

/// A report of a run in which every check passed, as a pod leaves it.
std::string passing_report(const std::string& path, const std::string& started) {
  report::Report report;
  report.scope = report::Scope::kNode;
  for (const report::Need& need : report::needs()) {
    report::Check& check = report.checks.emplace_back();
    check.id = need.check;
    check.result = report::CheckResult::kPass;
  }
  const report::View view{.path = path,
                          .fstype = "ext4",
                          .magic = "0xef53",
                          .device = "8:1",
                          .kernel = "6.1.0",
                          .boot_id = "9d7c",
                          .sandbox = "",
                          .node = "n1"};
  report.views = {view, view};
  report.sqlite_version = "3.40.1";
  report.probe_version = "0.1.0";
  report.started = started;
  report.seconds = 4;
  const auto& all = report::kAllStrategies;
  report.verdict =
      report::grade(report, {.strategies = {all.begin(), all.end()}, .node_scope_asked = true}).verdict;
  return report::encode_compact(report);
}

class ClusterPreflightsTest : public ::testing::Test {
 protected:
  ClusterPreflightsTest() {
    storage_class_.name = "fast";
    storage_class_.provisioner = "fast.csi.example.com";
    api_.add("nodes", "",
             {{"metadata", {{"name", "n1"}}},
              {"status",
               {{"nodeInfo", {{"kernelVersion", "6.1.0"}}},
                {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  }

  ClusterPreflightParts parts() {
    return {.storage_class = [this](std::string_view name) -> std::optional<core::StorageClass> {
              if (name != storage_class_.name) return std::nullopt;
              return storage_class_;
            },
            .runtime_handler = [](std::string_view name) { return std::optional<std::string>(name); },
            .runtime_class = [](std::string_view handler) { return std::optional<std::string>(handler); },
            .is_costly = {},
            .differs_per_node = {},
            .policy = [this] { return policy_; },
            .now = [this] { return now_; },
            .emit = [this](const PreflightEvent& event) { events_.push_back(event.reason); },
            .after_action =
                [this](core::ActionKind, bool) {
                  if (--actions_left_ == 0) throw std::runtime_error("killed");
                },
            .log = [this](LogLevel, const std::string& line) { lines_.push_back(line); }};
  }
  ClusterPreflights executor() {
    ClusterPreflightOptions options;
    options.own_namespace = kNamespace;
    options.operator_version = "0.1.0";
    options.job.image = "walguard:test";
    return {client_, parts(), options};
  }
  core::ProbeRequest request() {
    return {.key = core::class_key(storage_class_, "", core::AccessMode::kReadWriteOnce),
            .scope = core::Scope::kNode};
  }

  /// Controllers, scheduler, kubelet and provisioner do one step.
  void live() {
    now_ += 2;
    api_.now = wire::utc_text(now_);
    for (Json* const claim : api_.all("persistentvolumeclaims")) bind(*claim);
    for (Json* const job : api_.all("jobs")) run(*job);
    collect_garbage();
  }
  void bind(Json& claim) {
    if (claim["spec"].contains("volumeName") || claim["metadata"].contains("deletionTimestamp")) return;
    const std::string uid = claim["metadata"]["uid"];
    claim["spec"]["volumeName"] = "pvc-" + uid;
    claim["status"]["phase"] = "Bound";
    const Json ref = {{"namespace", kNamespace}, {"name", claim["metadata"]["name"]}, {"uid", uid}};
    api_.add("persistentvolumes", "",
             {{"metadata",
               {{"name", "pvc-" + uid},
                {"annotations", {{"pv.kubernetes.io/provisioned-by", "fast.csi.example.com"}}}}},
              {"spec", {{"persistentVolumeReclaimPolicy", "Retain"}, {"claimRef", ref}}}});
  }
  void run(Json& job) {
    const std::string name = job["metadata"]["name"];
    if (job["spec"]["suspend"] == true || !api_.all("pods").empty()) return;
    ASSERT_THAT(api_.all("secrets"), ::testing::SizeIs(1)) << "the pods could not start";
    if (!job.contains("status")) {
      job["status"]["startTime"] = api_.now;
      return;
    }
    const std::string uid = job["metadata"]["uid"];
    const Json labels = job["spec"]["template"]["metadata"]["labels"];
    for (const char* const rank : {"0", "1"}) {
      const Json ended = {{"exitCode", 0}, {"message", passing_report("/" + name, api_.now)}};
      api_.add("pods", kNamespace,
               {{"metadata",
                 {{"name", name + "-" + rank},
                  {"labels", labels},
                  {"annotations", {{"batch.kubernetes.io/job-completion-index", rank}}},
                  {"ownerReferences", Json::array({{{"kind", "Job"}, {"uid", uid}}})}}},
                {"spec", {{"nodeName", "n1"}}},
                {"status",
                 {{"phase", "Succeeded"},
                  {"containerStatuses",
                   Json::array({{{"name", "agent"}, {"state", {{"terminated", ended}}}}})}}}});
    }
  }
  void collect_garbage() {
    if (!api_.all("jobs").empty()) return;
    for (const char* const plural : {"pods", "services", "secrets"}) {
      std::erase_if(api_.objects, [&](const MemoryApi::Stored& each) { return each.plural == plural; });
    }
    std::erase_if(api_.objects, [](const MemoryApi::Stored& each) {
      return each.plural == "persistentvolumeclaims" && each.json["metadata"].contains("deletionTimestamp");
    });
    if (!api_.all("persistentvolumeclaims").empty()) return;
    std::erase_if(api_.objects, [](const MemoryApi::Stored& each) {
      return each.plural == "persistentvolumes" &&
             each.json["spec"]["persistentVolumeReclaimPolicy"] == "Delete";
    });
  }
  core::Preflight preflight() {
    const auto all = api_.all("volumepreflights");
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? core::Preflight{}
                       : wire::read_preflight(all.front()->dump()).value_or(core::Preflight{});
  }
  void expect_proven_and_clean() {
    const core::Preflight object = preflight();
    EXPECT_EQ(name(object.status.phase), "Done") << object.status.reason << ": " << object.status.message;
    const core::Evidence* const evidence = core::evidence_of(object.status);
    ASSERT_NE(evidence, nullptr);
    EXPECT_EQ(evidence->key, request().key);
    EXPECT_EQ(evidence->verdicts[core::Strategy::kWal], core::Verdict::kSafe);
    EXPECT_EQ(object.status.run, 1);
    for (const MemoryApi::Stored& each : api_.objects) {
      EXPECT_TRUE(each.plural == "nodes" || each.plural == "volumepreflights")
          << each.plural << " " << each.name;
    }
  }

  MemoryApi api_;
  kube::Client client_{api_};
  core::StorageClass storage_class_;
  core::Policy policy_;
  core::UtcSeconds now_ = 1'800'000'000;
  std::vector<std::string> events_;
  std::vector<std::string> lines_;
  std::size_t actions_left_ = 0;  // 0: for ever
  std::stop_token never_;
};

TEST_F(ClusterPreflightsTest, AWantedPreflightIsMadeRunAndCleanedUp) {
  ClusterPreflights executor = this->executor();
  const auto name = executor.ensure(request(), never_);
  ASSERT_TRUE(name) << name.error();
  for (int i = 0; i < 30; ++i) {
    ASSERT_NE(executor.pass(never_), Pass::kFailed) << lines_.back();
    live();
  }
  expect_proven_and_clean();
  EXPECT_THAT(events_, ::testing::ElementsAre("Started", "Safe"));
  EXPECT_EQ(executor.pass(never_), Pass::kIdle);
}

TEST_F(ClusterPreflightsTest, ARequestIsAskedForOnceAndKnownFromThenOn) {
  ClusterPreflights executor = this->executor();
  ASSERT_TRUE(executor.ensure(request(), never_));
  ASSERT_TRUE(executor.ensure(request(), never_));
  EXPECT_EQ(std::ranges::count(api_.log, "POST volumepreflights"), 1);
  ClusterPreflights after_a_restart = this->executor();
  EXPECT_TRUE(after_a_restart.ensure(request(), never_)) << "that it is there already is no error";
  EXPECT_TRUE(preflight().automatic);
}

TEST_F(ClusterPreflightsTest, APreflightOfAnotherScopeOrOptionHasAnotherName) {
  ClusterPreflights executor = this->executor();
  core::ProbeRequest other = request();
  other.scope = core::Scope::kCluster;
  EXPECT_NE(executor.ensure(request(), never_).value_or(""), executor.ensure(other, never_).value_or(""));
  other.key.mount_options = {"noatime"};
  EXPECT_TRUE(executor.ensure(other, never_));
  EXPECT_THAT(api_.all("volumepreflights"), ::testing::SizeIs(3));
}

TEST_F(ClusterPreflightsTest, PodsWithEverNewConstraintsTakeNoPlaceFromOthers) {
  ClusterPreflights executor = this->executor();
  core::ProbeRequest wanted = request();
  tl::expected<std::string, std::string> made = "";
  for (int i = 0; i < 100 && made; ++i) {
    wanted.placement.node_selector["n"] = std::to_string(i);
    made = executor.ensure(wanted, never_);
  }
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error(), HasSubstr("8 choices of nodes"));
  EXPECT_THAT(api_.all("volumepreflights"), ::testing::SizeIs(8));
  EXPECT_TRUE(executor.ensure(request(), never_)) << "a pod that may go anywhere";
  storage_class_.name = "slow";
  core::ProbeRequest of_another_class = request();
  of_another_class.placement = wanted.placement;
  EXPECT_TRUE(executor.ensure(of_another_class, never_));
}

TEST_F(ClusterPreflightsTest, AClassThatIsNotThereIsNotMeasured) {
  ClusterPreflights executor = this->executor();
  core::ProbeRequest wanted = request();
  wanted.key.storage_class = "missing";
  EXPECT_FALSE(executor.ensure(wanted, never_));
  EXPECT_THAT(api_.all("volumepreflights"), ::testing::IsEmpty());
}

TEST_F(ClusterPreflightsTest, WhatNoPodAsksForAnyMoreIsDeleted) {
  ClusterPreflights executor = this->executor();
  policy_.preflights_at_once = 0;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(executor.ensure(request(), never_));
    ASSERT_NE(executor.pass(never_), Pass::kFailed) << lines_.back();
    now_ += 300;
  }
  EXPECT_THAT(api_.all("volumepreflights"), ::testing::SizeIs(1));
  now_ += 301;
  ASSERT_NE(executor.pass(never_), Pass::kFailed) << lines_.back();
  EXPECT_THAT(api_.all("volumepreflights"), ::testing::IsEmpty());
}

TEST_F(ClusterPreflightsTest, AVerdictGoesWithItsClassAndNotWithAnIndexThatHasYetToSeeIt) {
  ClusterPreflights executor = this->executor();
  ASSERT_TRUE(executor.ensure(request(), never_));
  for (int i = 0; i < 30; ++i) {
    ASSERT_NE(executor.pass(never_), Pass::kFailed) << lines_.back();
    live();
  }
  expect_proven_and_clean();
  storage_class_.name = "another";
  api_.add("storageclasses", "", {{"metadata", {{"name", "fast"}}}});
  const auto left_after = [&](core::UtcSeconds seconds) {
    now_ += seconds;
    EXPECT_NE(executor.pass(never_), Pass::kFailed) << lines_.back();
    return api_.all("volumepreflights").size();
  };
  EXPECT_EQ(left_after(10'000), 1U);
  api_.erase("storageclasses", "fast");
  EXPECT_EQ(left_after(1), 1U) << "it may be made anew this moment";
  EXPECT_EQ(left_after(600), 0U);
}

TEST_F(ClusterPreflightsTest, APodThatBearsTheLabelsOfARunInAnotherNamespaceIsNoneOfIt) {
  ClusterPreflights executor = this->executor();
  ASSERT_TRUE(executor.ensure(request(), never_));
  api_.add("claimpreflights", "tenant",
           {{"metadata", {{"name", "theirs"}}}, {"spec", {{"claimName", "no-such-claim"}}}});
  api_.add("pods", "tenant",
           {{"metadata",
             {{"name", "alien"},
              {"labels",
               {{wire::kManagedByLabel, wire::kManagedBy},
                {wire::kPreflightUidLabel, preflight().uid},
                {wire::kRunLabel, "walguard-pf-1"}}}}}});
  ASSERT_NE(executor.pass(never_), Pass::kFailed) << lines_.back();
  EXPECT_EQ(name(preflight().status.phase), "Running") << "it would have been waited for to go away";
  EXPECT_THAT(api_.log, ::testing::Not(::testing::Contains("DELETE pods")));
}

TEST_F(ClusterPreflightsTest, AsManyRunAsThePolicySays) {
  policy_.preflights_per_hour = 0;
  ClusterPreflights executor = this->executor();
  ASSERT_TRUE(executor.ensure(request(), never_));
  ASSERT_NE(executor.pass(never_), Pass::kFailed);
  EXPECT_EQ(preflight().status.reason, "HourlyLimit");
  policy_.preflights_per_hour = 1;
  ASSERT_NE(executor.pass(never_), Pass::kFailed);
  EXPECT_EQ(preflight().status.reason, "Started");
}

TEST_F(ClusterPreflightsTest, KilledAfterAnyActionTheNextOneGoesOnAndNothingIsLeft) {
  std::size_t kills = 0;
  for (std::size_t kill_after = 1; kill_after < 30; ++kill_after) {
    api_.objects.resize(1);  // the node
    ASSERT_TRUE(executor().ensure(request(), never_));
    actions_left_ = kill_after;
    bool killed = false;
    for (int life = 0; life < 2 && !(life == 1 && !killed); ++life) {
      ClusterPreflights executor = this->executor();
      try {
        for (int i = 0; i < 30; ++i) {
          (void)executor.pass(never_);
          live();
        }
      } catch (const std::runtime_error&) {
        killed = true;
        actions_left_ = 0;
      }
    }
    kills += killed ? 1 : 0;
    expect_proven_and_clean();
  }
  EXPECT_GT(kills, 10U);
}

TEST_F(ClusterPreflightsTest, AQuotaThatRefusesTheClaimIsNamedInTheStatus) {
  ClusterPreflights executor = this->executor();
  ASSERT_TRUE(executor.ensure(request(), never_));
  api_.refuse = [](const std::string& method, const std::string& plural) -> std::optional<kube::HttpReply> {
    if (method != "POST" || plural != "persistentvolumeclaims") return std::nullopt;
    return MemoryApi::status(403, "Forbidden",
                             "exceeded quota: storage, requested: persistentvolumeclaims=1");
  };
  for (int i = 0; i < 100; ++i) {
    (void)executor.pass(never_);
    live();
  }
  EXPECT_EQ(preflight().status.reason, "ResourceQuota");
  EXPECT_THAT(preflight().status.message, HasSubstr("exceeded quota: storage"));
  EXPECT_THAT(events_, Contains("ResourceQuota"));
}

TEST_F(ClusterPreflightsTest, AnOrphanThatMayNotBeRemovedIsNotAskedForWithoutPause) {
  ClusterPreflights executor = this->executor();
  api_.add("jobs", "walguard-system",
           {{"metadata",
             {{"name", "walguard-pf-gone-1"},
              {"labels",
               {{wire::kManagedByLabel, wire::kManagedBy},
                {wire::kPreflightUidLabel, "gone"},
                {wire::kRunLabel, "walguard-pf-gone-1"}}}}}});
  bool refusing = true;
  api_.refuse = [&](const std::string& method, const std::string&) -> std::optional<kube::HttpReply> {
    if (method != "DELETE" || !refusing) return std::nullopt;
    return MemoryApi::status(403, "Forbidden", "another policy refuses it");
  };
  EXPECT_EQ(executor.pass(never_), Pass::kFailed);
  refusing = false;
  EXPECT_EQ(executor.pass(never_), Pass::kActed);
}

TEST_F(ClusterPreflightsTest, AStatusThatAnotherWroteMeanwhileIsNotOverwritten) {
  ClusterPreflights executor = this->executor();
  ASSERT_TRUE(executor.ensure(request(), never_));
  api_.refuse = [this](const std::string& method, const std::string&) -> std::optional<kube::HttpReply> {
    if (method != "PATCH") return std::nullopt;
    (*api_.all("volumepreflights").front())["metadata"]["resourceVersion"] = "another";
    return std::nullopt;
  };
  (void)executor.pass(never_);
  EXPECT_EQ(preflight().status.run, 0);
}

TEST_F(ClusterPreflightsTest, RunReturnsWhenItIsStoppedAndLooksAtOnceWhenItIsWoken) {
  ClusterPreflights executor = this->executor();
  std::jthread thread([&](const std::stop_token& stop) { executor.run(stop); });
  executor.wake();
  thread.request_stop();
  thread.join();
  SUCCEED();
}

}  // namespace
}  // namespace walguard::controller::testing
