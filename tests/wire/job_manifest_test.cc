#include "operator/wire/job_manifest.h"

#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/core/preflight_resource.h"
#include "operator/core/verdict.h"

namespace walguard::wire {
namespace {

using ::testing::Contains;
using ::testing::Not;
using Json = nlohmann::json;

core::Preflight preflight(core::Scope scope) {
  core::Preflight object;
  object.name = "fast-1";
  object.uid = "aaaaaaaa-0000-4000-8000-000000000001";
  object.spec.storage_class = "fast";
  object.spec.scope = scope;
  object.spec.runtime_class = "kata";
  object.spec.placement.node_selector = {{"pool", "db"}};
  object.spec.placement.tolerations = {{.key = "db", .op = "Exists", .value = "", .effect = "NoSchedule"}};
  return object;
}

RunManifest run_of(const core::Preflight& object) {
  return {.preflight = object,
          .run = "walguard-pf-aaaaaaaa-1",
          .namespace_name = "walguard-system",
          .claim = "walguard-pf-aaaaaaaa-1",
          .job_uid = "job-uid",
          .deadline = 300};
}

Json job_of(const core::Preflight& object, const JobOptions& options = {.image = "walguard:1"}) {
  return Json::parse(job_manifest(run_of(object), options));
}

Json pod_of(const core::Preflight& object, const JobOptions& options = {.image = "walguard:1"}) {
  return job_of(object, options)["spec"]["template"]["spec"];
}

TEST(JobManifest, IsAnIndexedJobOfTwoThatIsTriedOnceAndWaitsToBeResumed) {
  const core::Preflight object = preflight(core::Scope::kNode);
  const Json spec = job_of(object)["spec"];
  EXPECT_EQ(spec["completionMode"], "Indexed");
  EXPECT_EQ(spec["completions"], 2);
  EXPECT_EQ(spec["parallelism"], 2);
  EXPECT_EQ(spec["backoffLimit"], 0);
  EXPECT_EQ(spec["suspend"], true);
  EXPECT_EQ(spec["activeDeadlineSeconds"], 300);
  EXPECT_TRUE(spec.contains("ttlSecondsAfterFinished"));
  EXPECT_EQ(spec["template"]["spec"]["restartPolicy"], "Never");
}

TEST(JobManifest, PutsTwoPodsOnOneNodeOrOnTwoByTheScope) {
  const Json together = pod_of(preflight(core::Scope::kNode))["affinity"];
  EXPECT_TRUE(together.contains("podAffinity"));
  EXPECT_FALSE(together.contains("podAntiAffinity"));
  const Json apart = pod_of(preflight(core::Scope::kCluster))["affinity"];
  EXPECT_FALSE(apart.contains("podAffinity"));
  const Json term = apart["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
  EXPECT_EQ(term["topologyKey"], "kubernetes.io/hostname");
  EXPECT_EQ(term["labelSelector"]["matchLabels"]["walguard.dev/run"], "walguard-pf-aaaaaaaa-1");
}

TEST(JobManifest, KeepsToTheNodesOfTheWorkloadWhateverTheScope) {
  for (const core::Scope scope : {core::Scope::kPod, core::Scope::kNode, core::Scope::kCluster}) {
    core::Preflight object = preflight(scope);
    object.spec.placement.node_terms = {
        {.match_expressions = {{.key = "zone", .op = "In", .values = {"a"}}}, .match_fields = {}}};
    const Json affinity = pod_of(object)["affinity"];
    const Json required = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    EXPECT_EQ(required, Json::parse(R"({"nodeSelectorTerms":
      [{"matchExpressions":[{"key":"zone","operator":"In","values":["a"]}]}]})"));
    EXPECT_EQ(affinity.size(), scope == core::Scope::kPod ? 1U : 2U);
  }
}

TEST(JobManifest, OfScopePodIsOnePodOfTwoContainersOnLoopback) {
  const core::Preflight object = preflight(core::Scope::kPod);
  const Json job = job_of(object);
  EXPECT_EQ(job["spec"]["completions"], 1);
  const Json& pod = job["spec"]["template"]["spec"];
  ASSERT_EQ(pod["containers"].size(), 2U);
  EXPECT_FALSE(pod.contains("affinity"));
  for (const std::size_t rank : {0U, 1U}) {
    const Json& args = pod["containers"][rank]["args"];
    EXPECT_THAT(args, Contains("127.0.0.1:7433"));
    EXPECT_THAT(args, Contains(std::to_string(rank)));
  }
}

TEST(JobManifest, PassesPodSecurityRestricted) {
  const Json pod = pod_of(preflight(core::Scope::kNode));
  const Json& security = pod["securityContext"];
  EXPECT_EQ(security["runAsNonRoot"], true);
  EXPECT_EQ(security["seccompProfile"]["type"], "RuntimeDefault");
  EXPECT_EQ(security["fsGroup"], 65532);
  const Json& container = pod["containers"][0]["securityContext"];
  EXPECT_EQ(container["allowPrivilegeEscalation"], false);
  EXPECT_EQ(container["readOnlyRootFilesystem"], true);
  EXPECT_EQ(container["capabilities"]["drop"], Json::array({"ALL"}));
  EXPECT_EQ(pod["automountServiceAccountToken"], false);
}

TEST(JobManifest, NeverChangesTheOwnerOfFilesOnAClaimThatIsNotOurs) {
  core::Preflight object = preflight(core::Scope::kNode);
  object.kind = core::PreflightKind::kClaim;
  object.spec.run_as_user = 1000;
  const Json security = pod_of(object)["securityContext"];
  EXPECT_FALSE(security.contains("fsGroup"));
  EXPECT_EQ(security["runAsUser"], 1000);
}

TEST(JobManifest, RunsWhereTheWorkloadWouldAndLeavesADeadNodeSoon) {
  const Json pod = pod_of(preflight(core::Scope::kNode));
  EXPECT_EQ(pod["runtimeClassName"], "kata");
  EXPECT_EQ(pod["nodeSelector"]["pool"], "db");
  EXPECT_THAT(pod["tolerations"],
              Contains(Json{{"key", "db"}, {"operator", "Exists"}, {"effect", "NoSchedule"}}));
  EXPECT_THAT(pod["tolerations"], Contains(Json{{"key", "node.kubernetes.io/unreachable"},
                                                {"operator", "Exists"},
                                                {"effect", "NoExecute"},
                                                {"tolerationSeconds", 10}}));
}

TEST(JobManifest, KeepsMeshesOutAndHasRequestsAndLimits) {
  const Json job = job_of(preflight(core::Scope::kNode));
  const Json& meta = job["spec"]["template"]["metadata"];
  EXPECT_EQ(meta["labels"]["sidecar.istio.io/inject"], "false");
  EXPECT_EQ(meta["annotations"]["sidecar.istio.io/inject"], "false");
  EXPECT_EQ(meta["annotations"]["linkerd.io/inject"], "disabled");
  const Json& resources = job["spec"]["template"]["spec"]["containers"][0]["resources"];
  for (const char* const kind : {"requests", "limits"}) {
    EXPECT_TRUE(resources[kind].contains("cpu"));
    EXPECT_TRUE(resources[kind].contains("memory"));
  }
}

TEST(JobManifest, TrustsNodeNamesOnlyWhereItIsTold) {
  const core::Preflight object = preflight(core::Scope::kCluster);
  EXPECT_THAT(pod_of(object)["containers"][0]["args"], Not(Contains("--trust-node-names")));
  JobOptions options{.image = "walguard:1"};
  options.trust_node_names = true;
  EXPECT_THAT(pod_of(object, options)["containers"][0]["args"], Contains("--trust-node-names"));
}

TEST(JobManifest, EverythingGoesWithItsOwner) {
  const core::Preflight object = preflight(core::Scope::kNode);
  const RunManifest run = run_of(object);
  for (const std::string& text : {job_manifest(run, {.image = "walguard:1"}), claim_manifest(run)}) {
    const Json owner = Json::parse(text)["metadata"]["ownerReferences"][0];
    EXPECT_EQ(owner["kind"], "VolumePreflight");
    EXPECT_EQ(owner["uid"], object.uid);
  }
  for (const std::string& text : {service_manifest(run), secret_manifest(run, "token")}) {
    const Json owner = Json::parse(text)["metadata"]["ownerReferences"][0];
    EXPECT_EQ(owner["kind"], "Job");
    EXPECT_EQ(owner["uid"], "job-uid");
  }
}

TEST(JobManifest, TheServiceNamesPodsThatAreNotReady) {
  const core::Preflight object = preflight(core::Scope::kNode);
  const Json spec = Json::parse(service_manifest(run_of(object)))["spec"];
  EXPECT_EQ(spec["clusterIP"], "None");
  EXPECT_EQ(spec["publishNotReadyAddresses"], true);
}

TEST(JobManifest, TheTokenIsInTheSecretAlone) {
  const core::Preflight object = preflight(core::Scope::kNode);
  EXPECT_EQ(Json::parse(secret_manifest(run_of(object), "s3cret"))["stringData"]["token"], "s3cret");
  const Json env = pod_of(object)["containers"][0]["env"][0];
  EXPECT_EQ(env["name"], "WALGUARD_TOKEN");
  EXPECT_EQ(env["valueFrom"]["secretKeyRef"]["name"], "walguard-pf-aaaaaaaa-1");
}

TEST(VolumePatch, OfAProtectedVolumeGivesBackWhatItHad) {
  const Json found = {
      {"metadata", {{"annotations", {{"pv.kubernetes.io/bound-by-controller", "yes"}}}}},
      {"spec",
       {{"persistentVolumeReclaimPolicy", "Delete"}, {"claimRef", {{"uid", "ours"}, {"name", "c"}}}}}};
  const Json kept = found.patch(Json::parse(protect_patch("ours", "Delete")));
  EXPECT_EQ(kept["spec"]["persistentVolumeReclaimPolicy"], "Retain");
  EXPECT_EQ(kept["metadata"]["annotations"]["walguard.dev/reclaim-policy"], "Delete");
  const Json released = kept.patch(Json::parse(release_patch("ours", "Delete")));
  EXPECT_EQ(released["spec"], Json({{"persistentVolumeReclaimPolicy", "Delete"}}));
  EXPECT_EQ(released["metadata"], found["metadata"]);
}

TEST(VolumePatch, FailsWhereTheVolumeIsAnotherClaimsByNow) {
  const Json volume = {
      {"spec", {{"persistentVolumeReclaimPolicy", "Retain"}, {"claimRef", {{"uid", "theirs"}}}}}};
  EXPECT_THROW((void)volume.patch(Json::parse(set_to_delete_patch("ours"))), Json::exception);
  EXPECT_THROW((void)volume.patch(Json::parse(release_patch("ours", "Delete"))), Json::exception);
}

}  // namespace
}  // namespace walguard::wire
