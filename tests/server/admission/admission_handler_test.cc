// From the bytes of a request to the bytes of the answer, with the cluster, the evidence and the clock in
// hand.
#include "operator/server/admission_handler.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/server/http_message.h"
#include "operator/server/metrics.h"

namespace walguard::server {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr core::UtcSeconds kNow = 1'800'000'000;

json claim_volume(const std::string& claim) {
  return {{"name", "data"}, {"persistentVolumeClaim", {{"claimName", claim}}}};
}

json pod_spec(const std::string& claim) {
  return {{"containers", {{{"name", "app"}, {"volumeMounts", {{{"name", "data"}, {"mountPath", "/data"}}}}}}},
          {"volumes", {claim_volume(claim)}}};
}

json pod(const std::string& claim, json annotations = {{"walguard/databases", "/data/app.db"}}) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", "app"}, {"annotations", std::move(annotations)}}},
          {"spec", pod_spec(claim)}};
}

json deployment(const std::string& claim, int replicas) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", "app"}}},
          {"spec",
           {{"replicas", replicas},
            {"template",
             {{"metadata", {{"annotations", {{"walguard/databases", "/data/app.db"}}}}},
              {"spec", pod_spec(claim)}}}}}};
}

json review(const std::string& ns, json object, const std::string& operation = "CREATE") {
  const std::string kind = object["kind"];
  const bool core_group = kind == "Pod";
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "uid-1"},
            {"kind", {{"group", core_group ? "" : "apps"}, {"version", "v1"}, {"kind", kind}}},
            {"resource", {{"group", core_group ? "" : "apps"}, {"version", "v1"}, {"resource", "pods"}}},
            {"name", "app"},
            {"namespace", ns},
            {"operation", operation},
            {"object", std::move(object)}}}};
}

core::ClusterState cluster() {
  core::ClusterState state;
  const auto add_class = [&](const char* name, const char* provisioner) {
    core::StorageClass object;
    object.name = name;
    object.provisioner = provisioner;
    state.add(std::move(object));
  };
  add_class("block", "ebs.csi.aws.com");
  add_class("files", "nfs.csi.k8s.io");
  add_class("mystery", "disk.nobody-knows.example");
  state.add(core::CsiDriver{.name = "ebs.csi.aws.com", .attach_required = true});
  state.add(core::CsiDriver{.name = "nfs.csi.k8s.io", .attach_required = false});
  state.add(core::CsiDriver{.name = "disk.nobody-knows.example", .attach_required = true});
  for (const char* ns : {"plain", "held", "strict"}) {
    core::Namespace object{.name = ns, .mode = std::nullopt, .ignored = false};
    if (object.name == "held") object.mode = core::Mode::kGate;
    if (object.name == "strict") object.mode = core::Mode::kEnforce;
    state.add(std::move(object));
    for (const char* storage : {"block", "files", "mystery"}) {
      core::PersistentVolumeClaim claim;
      claim.namespace_name = ns;
      claim.name = storage;
      claim.spec.storage_class = storage;
      claim.spec.access_modes = {std::string_view(storage) == "files" ? core::AccessMode::kReadWriteMany
                                                                      : core::AccessMode::kReadWriteOnce};
      state.add(std::move(claim));
    }
  }
  return state;
}

class AdmissionHandlerTest : public testing::Test {
 protected:
  AdmissionHandlerTest()
      : catalog_(std::make_shared<const core::Catalog>(knowledge::load_embedded_catalog().value())) {}

  AdmissionHandler handler() {
    AdmissionParts parts;
    parts.catalog = [this] { return catalog_; };
    parts.policy = [] { return std::make_shared<const core::Policy>(); };
    parts.metrics = &metrics_;
    parts.reach = reach_;
    parts.read_cluster = [this](const auto& use) { use(*cluster_); };
    parts.evidence = [this] { return evidence_; };
    parts.want = [this](const core::ProbeRequest& request) { wanted_.push_back(request); };
    parts.now = [] { return kNow; };
    parts.log = [this](const AnswerRecord& record) {
      log_.push_back(std::string(record.decision) + " " + record.rules + " " + std::string(record.uid) + " " +
                     std::string(record.namespace_name));
    };
    return AdmissionHandler(std::move(parts));
  }

  HttpResponse send(const std::string& text, bool mutating,
                    std::string_view content_type = "application/json") {
    std::string padded = text;
    padded.resize(text.size() + kBodyPadding);
    HttpRequest request;
    request.content_type = content_type;
    request.body = std::string_view(padded).substr(0, text.size());
    HttpResponse response;
    const AdmissionHandler asked = handler();
    mutating ? asked.mutate(request, response) : asked.validate(request, response);
    return response;
  }
  json validate(const json& body) { return json::parse(send(body.dump(), false).body)["response"]; }
  json mutate(const json& body) { return json::parse(send(body.dump(), true).body)["response"]; }

  /// What a preflight on class mystery found.
  void measured(core::Verdict verdict) {
    core::Evidence evidence;
    evidence.key.storage_class = "mystery";
    evidence.key.driver = "disk.nobody-knows.example";
    evidence.key.access_mode = core::AccessMode::kReadWriteOnce;
    evidence.scope = core::Scope::kNode;
    evidence.verdicts[core::Strategy::kWal] = verdict;
    evidence.measured_at = kNow - 60;
    evidence.digest = "abcdef123456";
    evidence.reasons = {"byte-range-locks: both agents were granted byte 120"};
    evidence_ = std::make_shared<core::EvidenceBook>(std::vector{evidence});
  }

  std::shared_ptr<const core::Catalog> catalog_;
  Metrics metrics_;
  core::ProbeReach reach_{.classes = {{"mystery", {}}}, .default_runtime_only = true};
  std::shared_ptr<const core::ClusterState> cluster_ = std::make_shared<core::ClusterState>(cluster());
  std::shared_ptr<const core::EvidenceBook> evidence_ = std::make_shared<core::EvidenceBook>();
  std::vector<core::ProbeRequest> wanted_;
  std::vector<std::string> log_;
};

TEST_F(AdmissionHandlerTest, APodOnASingleAttachBlockClassIsAllowedAndAnnotatedSafe) {
  const json answer = mutate(review("plain", pod("block")));
  EXPECT_EQ(answer["uid"], "uid-1");
  EXPECT_EQ(answer["allowed"], true);
  EXPECT_EQ(answer["patchType"], "JSONPatch");
  EXPECT_EQ(answer["auditAnnotations"]["verdict"], "safe");
  EXPECT_THAT(log_, IsEmpty()) << "a plain allow is not logged";
}

TEST_F(AdmissionHandlerTest, ADeploymentOnNfsIsDeniedWithRuleAndRemedyWhereTheNamespaceEnforces) {
  const json answer = validate(review("strict", deployment("files", 3)));
  EXPECT_EQ(answer["allowed"], false);
  EXPECT_EQ(answer["status"]["code"], 403);
  const std::string message = answer["status"]["message"];
  EXPECT_THAT(message, HasSubstr("walguard: volume \"data\": network-filesystem: "));
  EXPECT_THAT(message, HasSubstr("Remedy: "));
  EXPECT_THAT(log_, ElementsAre(HasSubstr("deny network-filesystem")));
}

TEST_F(AdmissionHandlerTest, TheSameDeploymentIsAllowedWithAWarningWhereTheNamespaceHasNoLabel) {
  const json answer = validate(review("plain", deployment("files", 3)));
  EXPECT_EQ(answer["allowed"], true);
  EXPECT_THAT(answer["warnings"].dump(), HasSubstr("network-filesystem"));
  for (const std::string warning : answer["warnings"]) EXPECT_LT(warning.size(), 256U);
}

TEST_F(AdmissionHandlerTest, APodOnAnUnknownDriverIsGatedAndItsPreflightAskedFor) {
  const json answer = mutate(review("held", pod("mystery")));
  EXPECT_EQ(answer["allowed"], true);
  ASSERT_THAT(wanted_, SizeIs(1));
  EXPECT_EQ(wanted_[0].key.storage_class, "mystery");
  EXPECT_EQ(wanted_[0].scope, core::Scope::kNode);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("gate unknown-driver uid-1 held")));
}

TEST_F(AdmissionHandlerTest, ADryRunAsksForNoPreflight) {
  json body = review("held", pod("mystery"));
  body["request"]["dryRun"] = true;
  EXPECT_EQ(mutate(body)["allowed"], true);
  EXPECT_THAT(wanted_, IsEmpty());
}

TEST_F(AdmissionHandlerTest, APassingPreflightLetsThePodThroughWithoutAGate) {
  measured(core::Verdict::kSafe);
  const json answer = mutate(review("held", pod("mystery")));
  EXPECT_EQ(answer["auditAnnotations"]["verdict"], "safe");
  EXPECT_THAT(wanted_, IsEmpty());
  EXPECT_EQ(validate(review("held", pod("mystery")))["allowed"], true);
}

TEST_F(AdmissionHandlerTest, AFailedPreflightDeniesWithTheCheckThatFailed) {
  measured(core::Verdict::kUnsafe);
  const json answer = validate(review("strict", pod("mystery")));
  EXPECT_EQ(answer["allowed"], false);
  EXPECT_THAT(std::string(answer["status"]["message"]), HasSubstr("preflight-failed"));
  EXPECT_THAT(std::string(answer["status"]["message"]), HasSubstr("both agents were granted byte 120"));
}

TEST_F(AdmissionHandlerTest, RequireLocalOnAClassThatNoPreflightReachesIsDenied) {
  reach_.classes.clear();
  const json answer = validate(review("plain", pod("mystery", {{"walguard/require-local", "true"}})));
  EXPECT_EQ(answer["allowed"], false);
  EXPECT_THAT(std::string(answer["status"]["message"]), HasSubstr("--storage-path mystery=DIR"));
}

TEST_F(AdmissionHandlerTest, AnEditThatLeavesTheStorageAsItWasIsNotDenied) {
  json body = review("strict", deployment("files", 3), "UPDATE");
  body["request"]["oldObject"] = deployment("files", 3);
  EXPECT_EQ(validate(body)["allowed"], true);
}

TEST_F(AdmissionHandlerTest, ScalingUpOnUnsafeStorageIsDeniedAndScalingDownIsNot) {
  json up = review("strict", deployment("files", 3), "UPDATE");
  up["request"]["oldObject"] = deployment("files", 1);
  EXPECT_EQ(validate(up)["allowed"], false);
  json down = review("strict", deployment("files", 1), "UPDATE");
  down["request"]["oldObject"] = deployment("files", 3);
  EXPECT_EQ(validate(down)["allowed"], true);
}

TEST_F(AdmissionHandlerTest, DeletingIsNeverDenied) {
  json body = review("strict", deployment("files", 3), "DELETE");
  body["request"]["oldObject"] = std::exchange(body["request"]["object"], nullptr);
  EXPECT_EQ(validate(body)["allowed"], true);
}

TEST_F(AdmissionHandlerTest, WhatIsNoAdmissionReviewIsABadRequest) {
  for (const std::string text :
       {"", "not json", "[]", "{}", R"({"apiVersion":"v1","kind":"Pod"})",
        R"({"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{}})",
        R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}})"}) {
    const HttpResponse response = send(text, false);
    EXPECT_EQ(response.status, 400) << text;
    EXPECT_THAT(response.body, HasSubstr("walguard: ")) << text;
  }
}

TEST_F(AdmissionHandlerTest, AnObjectThatCannotBeReadIsRefusedByItsUid) {
  json body = review("plain", pod("block"));
  body["request"]["object"]["spec"]["volumes"] = 7;
  const HttpResponse response = send(body.dump(), false);
  EXPECT_EQ(response.status, 200);
  const json answer = json::parse(response.body)["response"];
  EXPECT_EQ(answer["uid"], "uid-1");
  EXPECT_EQ(answer["allowed"], false);
  EXPECT_EQ(answer["status"]["code"], 400);
  EXPECT_THAT(std::string(answer["status"]["message"]), HasSubstr("volumes"));
}

TEST_F(AdmissionHandlerTest, AnUnknownKindIsAllowedWithAWarningAndNeverSilently) {
  json body = review("plain", pod("block"));
  body["request"]["kind"] = {{"group", "example.com"}, {"version", "v1"}, {"kind", "Frobnicator"}};
  const json answer = validate(body);
  EXPECT_EQ(answer["allowed"], true);
  EXPECT_THAT(answer["warnings"].dump(), HasSubstr("Frobnicator"));
  EXPECT_THAT(log_, SizeIs(1));
}

json scale(const std::string& ns, int from, int to) {
  const auto object = [](int replicas) {
    return json{{"metadata", {{"name", "app"}}}, {"spec", {{"replicas", replicas}}}};
  };
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "uid-1"},
            {"kind", {{"group", "autoscaling"}, {"version", "v1"}, {"kind", "Scale"}}},
            {"resource", {{"group", "apps"}, {"version", "v1"}, {"resource", "deployments"}}},
            {"subResource", "scale"},
            {"name", "app"},
            {"namespace", ns},
            {"operation", "UPDATE"},
            {"object", object(to)},
            {"oldObject", object(from)}}}};
}

/// Deployment app in namespace strict, of one replica on the claim of that class.
core::ClusterState with_deployment(const std::string& claim) {
  core::ClusterState state = cluster();
  core::Workload workload;
  workload.kind = core::WorkloadKind::kDeployment;
  workload.namespace_name = "strict";
  workload.name = "app";
  workload.annotations.databases = "/data/app.db";
  workload.replicas = 1;
  workload.pod.containers = {
      {.name = "app", .role = {}, .mounts = {{.volume = "data", .path = "/data", .sub_path = {}}}}};
  core::Volume volume;
  volume.name = "data";
  volume.kind = core::VolumeKind::kClaim;
  volume.claim = claim;
  workload.pod.volumes = {volume};
  state.add(std::move(workload));
  return state;
}

TEST_F(AdmissionHandlerTest, AScalePastWhatIsSafeIsDeniedAndAScaleDownNever) {
  cluster_ = std::make_shared<core::ClusterState>(with_deployment("files"));
  const json up = validate(scale("strict", 1, 3));
  EXPECT_EQ(up["allowed"], false);
  EXPECT_THAT(std::string(up["status"]["message"]), HasSubstr("network-filesystem"));
  EXPECT_EQ(validate(scale("strict", 3, 1))["allowed"], true);
  EXPECT_EQ(validate(scale("strict", 3, 0))["allowed"], true);
  EXPECT_EQ(validate(scale("strict", 0, 1))["allowed"], false) << "from none to one";
}

TEST_F(AdmissionHandlerTest, AScaleOfWhatIsNotInViewWarns) {
  const json answer = validate(scale("strict", 1, 3));
  EXPECT_EQ(answer["allowed"], true);
  EXPECT_THAT(answer["warnings"].dump(), HasSubstr("strict/app is not in view"));
}

TEST_F(AdmissionHandlerTest, WhileTheViewOfTheClusterIsOutOfDateNoClaimIsCalledSafe) {
  core::ClusterState out_of_date = cluster();
  out_of_date.set_current(core::ClusterKind::kPods, false);
  cluster_ = std::make_shared<core::ClusterState>(std::move(out_of_date));
  const json answer = mutate(review("strict", pod("block")));
  EXPECT_EQ(answer["auditAnnotations"]["verdict"], "unproven");
  EXPECT_THAT(wanted_, IsEmpty());
}

TEST_F(AdmissionHandlerTest, AnotherContentTypeIsRefused) {
  EXPECT_EQ(send("{}", false, "text/yaml").status, 415);
  EXPECT_EQ(send("{}", false, "application/json; charset=utf-8").status, 400);
}

TEST_F(AdmissionHandlerTest, AnswersAndFindingsAreCountedByRuleAndNeverByName) {
  (void)validate(review("strict", deployment("files", 3)));
  const std::string text = metrics_.render({});
  EXPECT_THAT(text, HasSubstr(R"(walguard_admission_answers_total{decision="deny",mode="enforce"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(walguard_findings_total{rule="network-filesystem"} 1)"));
  EXPECT_THAT(text, Not(HasSubstr("uid-1")));
}

}  // namespace
}  // namespace walguard::server
