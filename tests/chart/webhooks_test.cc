// Whom the API server asks, judged by its own code: what is held back when walguard is down, and what never
// comes.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "tests/chart/chart.h"

namespace walguard::chart::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::map<std::string, std::string> kEnforce = {{"walguard/mode", "enforce"}};
const std::map<std::string, std::string> kGate = {{"walguard/mode", "gate"}};

const std::string kClaim = R"({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})";
const std::string kEmptyDir = R"({"name": "data", "emptyDir": {}})";
const std::string kContainer =
    R"({"name": "app", "image": "app", "volumeMounts": [{"name": "data", "mountPath": "/d"}]})";
const std::string kSidecar =
    R"({"name": "side", "image": "app", "volumeMounts": [{"name": "data", "mountPath": "/d"}]})";

std::string pod_spec(const std::string& volumes, const std::string& containers = kContainer,
                     const std::string& more = "") {
  return R"({"containers": [)" + containers + R"(], "volumes": [)" + volumes + "]" + more + "}";
}

std::string object(const std::string& type, const std::string& spec, const std::string& metadata = "") {
  const std::string version = type == "Pod"                        ? "v1"
                              : type == "Job" || type == "CronJob" ? "batch/v1"
                              : type == "Scale"                    ? "autoscaling/v1"
                                                                   : "apps/v1";
  return R"({"apiVersion": ")" + version + R"(", "kind": ")" + type + R"(", "metadata": {"name": "app")" +
         (metadata.empty() ? "" : ", " + metadata) + R"(}, "spec": )" + spec + "}";
}

std::string pod(const std::string& volumes, const std::string& metadata = "") {
  return object("Pod", pod_spec(volumes), metadata);
}

std::string workload_spec(const std::string& volumes, const std::string& more = "") {
  return R"({"template": {"spec": )" + pod_spec(volumes) + "}" + more + "}";
}

Request deployment_request(const std::string& now, const std::string& before = "null") {
  return {.operation = before == "null" ? "CREATE" : "UPDATE",
          .resource = "deployments",
          .object = now,
          .old_object = before,
          .namespace_labels = kEnforce};
}

const std::string kBeingDeleted =
    R"("deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0, "finalizers": ["example/f"])";

// --- where it is waited for ---

TEST_F(Chart, APodIsHeldBackInNamespacesThatGateOrEnforce) {
  for (const auto& labels : {kGate, kEnforce}) {
    EXPECT_THAT(called({.object = pod(kClaim), .namespace_labels = labels}),
                ElementsAre("/mutate strict.pods Fail", "/validate strict.pods Fail"));
  }
}

TEST_F(Chart, APodIsLetThroughInEveryOtherNamespace) {
  for (const std::string mode : {"off", "audit", "warn"}) {
    EXPECT_THAT(called({.object = pod(kClaim), .namespace_labels = {{"walguard/mode", mode}}}),
                ElementsAre("/mutate pods Ignore", "/validate pods Ignore"));
  }
  EXPECT_THAT(called({.object = pod(kClaim)}), ElementsAre("/mutate pods Ignore", "/validate pods Ignore"));
}

TEST_F(Chart, APodThatRequiresLocalStorageIsHeldBackEverywhere) {
  for (const std::string value : {"true", "yes", ""}) {
    const Request request{
        .object = pod(kClaim, R"("annotations": {"walguard/require-local": ")" + value + R"("})")};
    EXPECT_THAT(called(request),
                ElementsAre("/mutate require-local.pods Fail", "/validate require-local.pods Fail"));
  }
  const Request no{.object = pod(kClaim, R"("annotations": {"walguard/require-local": "false"})")};
  EXPECT_THAT(called(no), ElementsAre("/mutate pods Ignore", "/validate pods Ignore"));
}

TEST_F(Chart, APodThatRequiresLocalStorageIsAskedAboutOnceInANamespaceThatEnforces) {
  const Request request{.object = pod(kClaim, R"("annotations": {"walguard/require-local": "true"})"),
                        .namespace_labels = kEnforce};
  EXPECT_THAT(called(request), ElementsAre("/mutate strict.pods Fail", "/validate strict.pods Fail"));
}

TEST_F(Chart, EachKindOfWorkloadIsHeldBackWhereItsNamespaceEnforces) {
  const std::vector<std::pair<std::string, std::string>> kinds = {{"Deployment", "deployments"},
                                                                  {"StatefulSet", "statefulsets"},
                                                                  {"DaemonSet", "daemonsets"},
                                                                  {"ReplicaSet", "replicasets"},
                                                                  {"Job", "jobs"}};
  for (const auto& [kind, resource] : kinds) {
    Request request{
        .resource = resource, .object = object(kind, workload_spec(kClaim)), .namespace_labels = kEnforce};
    EXPECT_THAT(called(request), ElementsAre("/validate strict.workloads Fail")) << kind;
    request.namespace_labels.clear();
    EXPECT_THAT(called(request), ElementsAre("/validate workloads Ignore")) << kind;
  }
  const Request cron{.resource = "cronjobs",
                     .object = object("CronJob", R"({"schedule": "@daily", "jobTemplate": {"spec": )" +
                                                     workload_spec(kClaim) + "}}"),
                     .namespace_labels = kEnforce};
  EXPECT_THAT(called(cron), ElementsAre("/validate strict.workloads Fail"));
}

TEST_F(Chart, AStatefulSetComesForItsClaimTemplatesAlone) {
  const std::string templates = R"(, "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}])";
  const Request request{.resource = "statefulsets",
                        .object = object("StatefulSet", workload_spec("", templates)),
                        .namespace_labels = kEnforce};
  EXPECT_THAT(called(request), ElementsAre("/validate strict.workloads Fail"));
}

TEST_F(Chart, MoreReplicasAreJudgedButNeverHeldBackAndFewerDoNotCome) {
  const auto scale = [](const std::string& before, const std::string& now) {
    return Request{.operation = "UPDATE",
                   .resource = "deployments/scale",
                   .object = object("Scale", now),
                   .old_object = object("Scale", before),
                   .namespace_labels = kEnforce};
  };
  EXPECT_THAT(called(scale(R"({"replicas": 1})", R"({"replicas": 3})")),
              ElementsAre("/validate scale Ignore"));
  EXPECT_THAT(called(scale("{}", R"({"replicas": 1})")), ElementsAre("/validate scale Ignore"));
  EXPECT_THAT(called(scale(R"({"replicas": 3})", R"({"replicas": 3})")), IsEmpty());
  EXPECT_THAT(called(scale(R"({"replicas": 3})", R"({"replicas": 1})")), IsEmpty());
  EXPECT_THAT(called(scale(R"({"replicas": 3})", "{}")), IsEmpty()) << "to zero";
}

// --- what never comes ---

TEST_F(Chart, NoRequestOfItsOwnOfKubeSystemOrOfAnAddOnsNamespaceEverComes) {
  for (const std::string name : {"walguard-system", "kube-system", "longhorn-system", "calico-system"}) {
    const Request request{.object = pod(kClaim, R"("annotations": {"walguard/require-local": "true"})"),
                          .namespace_labels = kEnforce,
                          .namespace_name = name};
    EXPECT_THAT(called(request), IsEmpty()) << name;
  }
  const Request own{.object = pod(kClaim), .namespace_labels = kEnforce, .namespace_name = "my-storage"};
  EXPECT_THAT(called(own, {"--set", "excludedNamespaces={my-storage}"}), IsEmpty());
}

TEST_F(Chart, ANamespaceThatAsksToBeIgnoredIs) {
  EXPECT_THAT(called({.object = pod(kClaim),
                      .namespace_labels = {{"walguard/mode", "enforce"}, {"walguard/ignore", "true"}}}),
              IsEmpty());
}

TEST_F(Chart, APodWithoutAVolumeThatCouldBeSharedNeverComes) {
  const std::vector<std::string> harmless = {"",
                                             R"({"name": "data", "configMap": {"name": "c"}})",
                                             R"({"name": "data", "secret": {"secretName": "s"}})",
                                             R"({"name": "data", "projected": {"sources": []}})",
                                             R"({"name": "data", "downwardAPI": {}})",
                                             kEmptyDir};
  for (const std::string& volumes : harmless) {
    EXPECT_THAT(called({.object = pod(volumes), .namespace_labels = kEnforce}), IsEmpty()) << volumes;
  }
  EXPECT_THAT(called({.object = object("Pod", R"({"containers": [{"name": "app", "image": "app"}]})"),
                      .namespace_labels = kEnforce}),
              IsEmpty());
}

TEST_F(Chart, EveryOtherVolumeBringsAPod) {
  const std::vector<std::string> shareable = {R"({"name": "data", "hostPath": {"path": "/d"}})",
                                              R"({"name": "data", "nfs": {"server": "s", "path": "/"}})",
                                              R"({"name": "data", "csi": {"driver": "d"}})",
                                              R"({"name": "data", "ephemeral": {}})",
                                              R"({"name": "c", "configMap": {"name": "c"}}, )" + kClaim};
  for (const std::string& volumes : shareable) {
    EXPECT_THAT(called({.object = pod(volumes), .namespace_labels = kEnforce}), ::testing::SizeIs(2))
        << volumes;
  }
}

TEST_F(Chart, AnEmptyDirOfTwoContainersComesWhicheverTheyAre) {
  const std::string init = R"(, "initContainers": [)" + kSidecar + "]";
  std::string both = kContainer;
  both.append(", ").append(kSidecar);
  for (const std::string& spec : {pod_spec(kEmptyDir, both), pod_spec(kEmptyDir, kContainer, init)}) {
    EXPECT_THAT(called({.object = object("Pod", spec), .namespace_labels = kEnforce}), ::testing::SizeIs(2))
        << spec;
  }
}

TEST_F(Chart, AWorkloadWithoutAVolumeThatCouldBeSharedNeverComes) {
  EXPECT_THAT(called(deployment_request(object("Deployment", workload_spec(kEmptyDir)))), IsEmpty());
}

TEST_F(Chart, AMirrorOfAStaticPodNeverComes) {
  EXPECT_THAT(called({.object = pod(kClaim, R"("annotations": {"kubernetes.io/config.mirror": "x"})"),
                      .namespace_labels = kEnforce}),
              IsEmpty());
}

TEST_F(Chart, WhatIsBeingDeletedAndADeletionNeverCome) {
  EXPECT_THAT(called({.operation = "UPDATE",
                      .object = pod(kClaim, kBeingDeleted + R"(, "annotations": {"a": "b"})"),
                      .old_object = pod(kClaim, kBeingDeleted),
                      .namespace_labels = kEnforce}),
              IsEmpty());
  const std::string before = object("Deployment", workload_spec(kClaim, R"(, "replicas": 3)"), kBeingDeleted);
  const std::string now = object("Deployment", workload_spec(kClaim, R"(, "replicas": 0)"), kBeingDeleted);
  EXPECT_THAT(called(deployment_request(now, before)), IsEmpty());
  EXPECT_THAT(called({.operation = "DELETE", .object = pod(kClaim), .namespace_labels = kEnforce}),
              IsEmpty());
}

TEST_F(Chart, AStatusNeverComes) {
  for (const std::string resource : {"pods/status", "pods/binding", "pods/eviction"}) {
    EXPECT_THAT(
        called(
            {.operation = "UPDATE", .resource = resource, .object = pod(kClaim), .old_object = pod(kClaim)}),
        IsEmpty());
  }
}

TEST_F(Chart, LabelsAndFinalizersOfAPodOrWorkloadChangeWithoutWalguard) {
  const std::string labels = R"("labels": {"a": "b"}, "finalizers": ["example/f"])";
  EXPECT_THAT(called({.operation = "UPDATE",
                      .object = pod(kClaim, labels),
                      .old_object = pod(kClaim),
                      .namespace_labels = kEnforce}),
              IsEmpty());
  EXPECT_THAT(called(deployment_request(object("Deployment", workload_spec(kClaim), labels),
                                        object("Deployment", workload_spec(kClaim)))),
              IsEmpty());
}

TEST_F(Chart, AChangeOfAPodIsJudgedButNeverHeldBackAndWalguardsOwnDoesNotCome) {
  Request request{.operation = "UPDATE",
                  .object = pod(kClaim, R"("annotations": {"walguard/databases": "/d/app.db"})"),
                  .old_object = pod(kClaim),
                  .namespace_labels = kEnforce};
  EXPECT_THAT(called(request), ElementsAre("/validate pod-updates Ignore"));
  request.user = "system:serviceaccount:walguard-system:walguard";
  EXPECT_THAT(called(request), IsEmpty());
}

TEST_F(Chart, AChangeOfAWorkloadIsHeldBackWhereItsNamespaceEnforces) {
  const std::string before = object("Deployment", workload_spec(kClaim));
  EXPECT_THAT(
      called(deployment_request(object("Deployment", workload_spec(kClaim, R"(, "replicas": 3)")), before)),
      ElementsAre("/validate strict.workloads Fail"));
  EXPECT_THAT(called(deployment_request(
                  object("Deployment", workload_spec(kClaim), R"("annotations": {"walguard/mode": "gate"})"),
                  before)),
              ElementsAre("/validate strict.workloads Fail"));
}

TEST_F(Chart, WhatADeploymentOrACronJobMadeIsJudgedInItsMakerAndItsPods) {
  const auto made_by = [](const std::string& kind) {
    return R"("ownerReferences": [{"apiVersion": "v1", "kind": ")" + kind +
           R"(", "name": "app", "uid": "u", "controller": true}])";
  };
  const auto request = [](const std::string& kind, const std::string& resource, const std::string& owner) {
    return Request{.resource = resource,
                   .object = object(kind, workload_spec(kClaim), owner),
                   .namespace_labels = kEnforce};
  };
  EXPECT_THAT(called(request("ReplicaSet", "replicasets", made_by("Deployment"))), IsEmpty());
  EXPECT_THAT(called(request("Job", "jobs", made_by("CronJob"))), IsEmpty());
  EXPECT_THAT(called(request("ReplicaSet", "replicasets", made_by("Rollout"))),
              ElementsAre("/validate strict.workloads Fail"))
      << "nobody has judged a Rollout";
  EXPECT_THAT(called(request("StatefulSet", "statefulsets", made_by("Deployment"))),
              ElementsAre("/validate strict.workloads Fail"));
}

TEST_F(Chart, ADebugContainerComesOnlyWithAMount) {
  const auto debug = [](const std::string& container) {
    return Request{.operation = "UPDATE",
                   .resource = "pods/ephemeralcontainers",
                   .object = object("Pod", pod_spec(kClaim, kContainer,
                                                    R"(, "ephemeralContainers": [)" + container + "]")),
                   .old_object = pod(kClaim),
                   .namespace_labels = kEnforce};
  };
  EXPECT_THAT(called(debug(R"({"name": "debug", "image": "busybox"})")), IsEmpty());
  EXPECT_THAT(called(debug(kSidecar)), ElementsAre("/validate strict.ephemeral-containers Fail"));
}

TEST_F(Chart, APodOfManyContainersAndVolumesDoesNotExhaustTheBudgetOfConditions) {
  std::string volumes;
  std::string mounts;
  for (int i = 0; i < 60; ++i) {
    const std::string comma = i == 0 ? "" : ", ";
    volumes += comma + R"({"name": "v)" + std::to_string(i) + R"(", "emptyDir": {}})";
    mounts += comma + R"({"name": "v)" + std::to_string(i) + R"(", "mountPath": "/d"})";
  }
  std::string containers = R"({"name": "all", "image": "i", "volumeMounts": [)" + mounts + "]}";
  for (int i = 0; i < 20; ++i) containers += R"(, {"name": "c)" + std::to_string(i) + R"(", "image": "i"})";
  EXPECT_THAT(called({.object = object("Pod", pod_spec(volumes, containers)), .namespace_labels = kEnforce}),
              IsEmpty());
}

// --- before matchConditions ---

TEST_F(Chart, Before128OnlyPodsOfNamespacesThatAskForItAreHeldBack) {
  const std::vector<std::string> old = {"--kube-version", "1.27.9"};
  EXPECT_THAT(called({.object = pod(kClaim), .namespace_labels = kEnforce}, old),
              ElementsAre("/mutate strict.pods Fail", "/validate strict.pods Fail"));
  EXPECT_THAT(called({.object = pod(kClaim, R"("annotations": {"walguard/require-local": "true"})")}, old),
              ElementsAre("/mutate pods Ignore", "/validate pods Ignore"));
  EXPECT_THAT(called(deployment_request(object("Deployment", workload_spec(kClaim))), old),
              ElementsAre("/validate strict.workloads Ignore"));
  EXPECT_THAT(render_text(old), ::testing::Not(::testing::HasSubstr("matchConditions")));
}

// --- what every entry has ---

TEST_F(Chart, EveryEntryAnswersADryRunIsGivenLittleTimeAndSeesEveryVersionOfAnObject) {
  const Objects objects = render();
  for (const char* const kind : {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}) {
    for (const Node& webhook : objects.at(std::string(kind) + "/walguard")["webhooks"]) {
      SCOPED_TRACE(webhook["name"].as<std::string>());
      EXPECT_EQ(webhook["sideEffects"].as<std::string>(), "None");
      EXPECT_EQ(webhook["timeoutSeconds"].as<int>(), 3);
      EXPECT_EQ(webhook["matchPolicy"].as<std::string>(), "Equivalent");
    }
  }
  for (const Node& webhook : objects.at("MutatingWebhookConfiguration/walguard")["webhooks"]) {
    EXPECT_EQ(webhook["reinvocationPolicy"].as<std::string>(), "IfNeeded");
  }
}

}  // namespace
}  // namespace walguard::chart::testing
