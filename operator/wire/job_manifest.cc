#include "operator/wire/job_manifest.h"

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "operator/core/placement.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/wire/node_terms.h"
#include "operator/wire/preflight_resource.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPort = 7433;
constexpr std::int64_t kOwnUser = 65532;  // the image's
constexpr int kDeadNodeSeconds = 10;      // instead of Kubernetes' 300
constexpr int kJobKeptSeconds = 3600;     // for an operator that was away; it deletes the Job itself

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool one_pod(const RunManifest& run) { return run.preflight.spec.scope == core::Scope::kPod; }

Json labels_of(const RunManifest& run) {
  return {{kManagedByLabel, kManagedBy},
          {kPreflightLabel, run.preflight.name},
          {kPreflightUidLabel, run.preflight.uid},
          {kRunLabel, run.run}};
}

/// blockOwnerDeletion stays unset: it would need the right to write the owner's finalizers.
Json owner(std::string_view api_version, std::string_view kind, const std::string& name,
           const std::string& uid) {
  return Json::array(
      {{{"apiVersion", api_version}, {"kind", kind}, {"name", name}, {"uid", uid}, {"controller", true}}});
}

Json meta_owned_by_preflight(const RunManifest& run) {
  const core::Preflight& preflight = run.preflight;
  return {{"name", run.run},
          {"namespace", run.namespace_name},
          {"labels", labels_of(run)},
          {"ownerReferences",
           owner(kPreflightApiVersion, core::name(preflight.kind), preflight.name, preflight.uid)}};
}

Json meta_owned_by_job(const RunManifest& run) {
  return {{"name", run.run},
          {"namespace", run.namespace_name},
          {"labels", labels_of(run)},
          {"ownerReferences", owner("batch/v1", "Job", run.run, run.job_uid)}};
}

Json arguments(const RunManifest& run, const JobOptions& options, const std::string& rank) {
  const core::PreflightSpec& spec = run.preflight.spec;
  const std::string host = one_pod(run) ? "127.0.0.1" : run.run + "-0." + run.run;
  Json args = {"run",        core::mount_path(run.run),
               "--pair",     host + ":" + std::to_string(kPort),
               "--rank",     rank,
               "--profile",  core::name(spec.profile),
               "--strategy", "all",
               "--wait",     std::to_string(options.start_patience),
               "--compact",  "/dev/termination-log",
               "-o",         "json"};
  if (spec.scope != core::Scope::kCluster) args.insert(args.end(), {"--scope", "node"});
  if (options.trust_node_names) args.push_back("--trust-node-names");
  return args;
}

Json container(const RunManifest& run, const JobOptions& options, const std::string& name,
               const std::string& rank) {
  Json json = {
      {"name", name},
      {"image", options.image},
      {"command", Json::array({"/usr/bin/walguard-preflight"})},
      {"args", arguments(run, options, rank)},
      {"env",
       {{{"name", "WALGUARD_TOKEN"},
         {"valueFrom", {{"secretKeyRef", {{"name", run.run}, {"key", "token"}}}}}},
        {{"name", "WALGUARD_NODE_NAME"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "spec.nodeName"}}}}}}}},
      // Both, or a ResourceQuota on either would refuse the pod.
      {"resources",
       {{"requests", {{"cpu", "50m"}, {"memory", "64Mi"}}}, {"limits", {{"cpu", "2"}, {"memory", "512Mi"}}}}},
      {"securityContext",
       {{"allowPrivilegeEscalation", false},
        {"readOnlyRootFilesystem", true},
        {"capabilities", {{"drop", Json::array({"ALL"})}}}}},
      {"volumeMounts", Json::array({{{"name", "storage"}, {"mountPath", core::mount_path(run.run)}}})},
      {"terminationMessagePath", "/dev/termination-log"},
      {"terminationMessagePolicy", "FallbackToLogsOnError"}};
  if (!options.image_pull_policy.empty()) json["imagePullPolicy"] = options.image_pull_policy;
  return json;
}

/// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
Json pod_security(const core::Preflight& preflight) {
  const core::PreflightSpec& spec = preflight.spec;
  Json json = {{"runAsNonRoot", true},
               {"runAsUser", spec.run_as_user.value_or(kOwnUser)},
               {"runAsGroup", spec.run_as_group.value_or(kOwnUser)},
               {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  // On a claim of somebody's, fsGroup would change the owner of every file.
  if (preflight.kind == core::PreflightKind::kVolume) {
    json["fsGroup"] = spec.run_as_group.value_or(kOwnUser);
    json["fsGroupChangePolicy"] = "OnRootMismatch";
  }
  return json;
}

Json tolerations(const core::PreflightSpec& spec) {
  Json json = Json::array();
  for (const core::Toleration& toleration : spec.placement.tolerations) {
    Json& entry = json.emplace_back(Json::object());
    if (!toleration.key.empty()) entry["key"] = toleration.key;
    entry["operator"] = toleration.op.empty() ? "Equal" : toleration.op;
    if (!toleration.value.empty()) entry["value"] = toleration.value;
    if (!toleration.effect.empty()) entry["effect"] = toleration.effect;
  }
  for (const std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    json.push_back({{"key", key},
                    {"operator", "Exists"},
                    {"effect", "NoExecute"},
                    {"tolerationSeconds", kDeadNodeSeconds}});
  }
  return json;
}

/// Of two pods to each other. The first may go anywhere: the scheduler lets a pod that matches its own
/// podAffinity be the first.
Json pod_affinity(const RunManifest& run) {
  return {{"requiredDuringSchedulingIgnoredDuringExecution",
           Json::array({{{"labelSelector", {{"matchLabels", {{kRunLabel, run.run}}}}},
                         {"topologyKey", core::kHostnameLabel}}})}};
}

Json node_affinity(const core::Placement& placement) {
  return {{"requiredDuringSchedulingIgnoredDuringExecution",
           {{"nodeSelectorTerms", node_terms_json(placement.node_terms)}}}};
}

Json pod_spec(const RunManifest& run, const JobOptions& options) {
  const core::PreflightSpec& spec = run.preflight.spec;
  Json json = {{"restartPolicy", "Never"},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"terminationGracePeriodSeconds", 5},
               {"securityContext", pod_security(run.preflight)},
               {"tolerations", tolerations(spec)},
               {"volumes",
                Json::array({{{"name", "storage"}, {"persistentVolumeClaim", {{"claimName", run.claim}}}}})}};
  if (one_pod(run)) {
    json["containers"] = {container(run, options, "agent-a", "0"), container(run, options, "agent-b", "1")};
  } else {
    json["subdomain"] = run.run;
    const bool apart = spec.scope == core::Scope::kCluster;
    json["affinity"][apart ? "podAntiAffinity" : "podAffinity"] = pod_affinity(run);
    json["containers"] = Json::array({container(run, options, "agent", "$(JOB_COMPLETION_INDEX)")});
  }
  if (!spec.placement.node_terms.empty()) json["affinity"]["nodeAffinity"] = node_affinity(spec.placement);
  if (!spec.placement.node_selector.empty()) json["nodeSelector"] = spec.placement.node_selector;
  if (!spec.runtime_class.empty()) json["runtimeClassName"] = spec.runtime_class;
  for (const std::string& secret : options.image_pull_secrets)
    json["imagePullSecrets"].push_back({{"name", secret}});
  return json;
}

/// Meshes put a proxy beside the agents, which never ends and so never lets the Job end.
Json pod_meta(const RunManifest& run) {
  Json labels = labels_of(run);
  labels["sidecar.istio.io/inject"] = "false";
  return {{"labels", labels},
          {"annotations", {{"sidecar.istio.io/inject", "false"}, {"linkerd.io/inject", "disabled"}}}};
}

Json of_claim(std::string_view claim_uid) {
  return {{"op", "test"}, {"path", "/spec/claimRef/uid"}, {"value", claim_uid}};
}

Json policy_to(std::string_view policy) {
  return {{"op", "replace"}, {"path", "/spec/persistentVolumeReclaimPolicy"}, {"value", policy}};
}

std::string annotation_path() {
  std::string key(kProtectedPolicyAnnotation);
  key.replace(key.find('/'), 1, "~1");  // RFC 6901
  return "/metadata/annotations/" + key;
}

}  // namespace

std::string claim_manifest(const RunManifest& run) {
  const core::PreflightSpec& spec = run.preflight.spec;
  return dump({{"apiVersion", "v1"},
               {"kind", "PersistentVolumeClaim"},
               {"metadata", meta_owned_by_preflight(run)},
               {"spec",
                {{"storageClassName", spec.storage_class},
                 {"accessModes", Json::array({core::name(spec.access_mode)})},
                 {"volumeMode", "Filesystem"},
                 {"resources", {{"requests", {{"storage", spec.storage}}}}}}}});
}

std::string job_manifest(const RunManifest& run, const JobOptions& options) {
  const int pods = one_pod(run) ? 1 : 2;
  return dump({{"apiVersion", "batch/v1"},
               {"kind", "Job"},
               {"metadata", meta_owned_by_preflight(run)},
               {"spec",
                {{"suspend", true},
                 {"completionMode", "Indexed"},
                 {"completions", pods},
                 {"parallelism", pods},
                 {"backoffLimit", 0},
                 {"activeDeadlineSeconds", run.deadline},
                 {"ttlSecondsAfterFinished", kJobKeptSeconds},
                 {"template", {{"metadata", pod_meta(run)}, {"spec", pod_spec(run, options)}}}}}});
}

std::string service_manifest(const RunManifest& run) {
  return dump({{"apiVersion", "v1"},
               {"kind", "Service"},
               {"metadata", meta_owned_by_job(run)},
               {"spec",
                {{"clusterIP", "None"},
                 {"publishNotReadyAddresses", true},
                 {"selector", {{kRunLabel, run.run}}},
                 {"ports", Json::array({{{"name", "preflight"}, {"port", kPort}, {"protocol", "TCP"}}})}}}});
}

std::string secret_manifest(const RunManifest& run, std::string_view token) {
  return dump({{"apiVersion", "v1"},
               {"kind", "Secret"},
               {"metadata", meta_owned_by_job(run)},
               {"type", "Opaque"},
               {"immutable", true},
               {"stringData", {{"token", token}}}});
}

std::string resume_patch() { return R"({"spec":{"suspend":false}})"; }

std::string set_to_delete_patch(std::string_view claim_uid) {
  return dump(Json::array({of_claim(claim_uid), policy_to("Delete")}));
}

std::string protect_patch(std::string_view claim_uid, std::string_view policy) {
  // A bound volume has annotations: the controller that binds sets pv.kubernetes.io/bound-by-controller.
  return dump(Json::array({of_claim(claim_uid),
                           policy_to("Retain"),
                           {{"op", "add"}, {"path", annotation_path()}, {"value", policy}}}));
}

std::string release_patch(std::string_view claim_uid, std::string_view policy) {
  return dump(Json::array({of_claim(claim_uid),
                           policy_to(policy),
                           {{"op", "remove"}, {"path", annotation_path()}},
                           {{"op", "remove"}, {"path", "/spec/claimRef"}}}));
}

}  // namespace walguard::wire
