/// What a run of a preflight consists of, as JSON to create: claim, Job, Service, Secret.
///
/// Two agents: the two pods of an Indexed Job, on one node or on two, or for scope `pod` two containers of
/// one pod. All of it goes with its owner: Service and Secret with the Job, Job and claim with the preflight.
/// https://kubernetes.io/docs/concepts/workloads/controllers/job/
///
/// Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/core/preflight_resource.h"
#include "operator/core/verdict.h"

namespace walguard::wire {

inline constexpr std::string_view kPreflightLabel = "walguard.dev/preflight";  ///< name of the preflight
inline constexpr std::string_view kPreflightUidLabel = "walguard.dev/preflight-uid";
inline constexpr std::string_view kRunLabel = "walguard.dev/run";  ///< name of the run's objects
/// On a PersistentVolume that is not ours: the reclaim policy that it gets back.
inline constexpr std::string_view kProtectedPolicyAnnotation = "walguard.dev/reclaim-policy";
/// On a PersistentVolumeClaim's PersistentVolume, by its provisioner.
inline constexpr std::string_view kProvisionedByAnnotation = "pv.kubernetes.io/provisioned-by";

/// What all runs have in common.
struct JobOptions {
  std::string image;                   ///< WALGUARD_IMAGE
  std::string image_pull_policy = {};  ///< WALGUARD_IMAGE_PULL_POLICY; "" for Kubernetes' default
  std::vector<std::string> image_pull_secrets = {};
  bool trust_node_names = false;  ///< WALGUARD_TRUST_NODE_NAMES: nodes that share a kernel, in test clusters
  core::UtcSeconds start_patience = 120;  ///< seconds that one agent waits for the other
};

/// One run of a preflight.
struct RunManifest {
  const core::Preflight& preflight;  ///< must outlive it
  std::string run;                   ///< core::run_name
  std::string namespace_name;
  std::string claim;                ///< that the pods mount
  std::string job_uid;              ///< for what the Job owns
  core::UtcSeconds deadline = 300;  ///< seconds for the pods
};

[[nodiscard]] std::string claim_manifest(const RunManifest& run);
/// Suspended: it is resumed when everything else is there.
[[nodiscard]] std::string job_manifest(const RunManifest& run, const JobOptions& options);
/// Headless, and it names pods that are not ready: rank 1 finds rank 0 by it.
[[nodiscard]] std::string service_manifest(const RunManifest& run);
/// `token`: what both agents prove to each other. Nobody else is to know it.
[[nodiscard]] std::string secret_manifest(const RunManifest& run, std::string_view token);

// Patches. The first is for the Job, the others for a PersistentVolume.

/// Merge patch.
[[nodiscard]] std::string resume_patch();
/// JSON patch; fails where the volume is not that claim's any more.
[[nodiscard]] std::string set_to_delete_patch(std::string_view claim_uid);
/// JSON patch: Retain, and `policy` remembered in an annotation; fails likewise.
[[nodiscard]] std::string protect_patch(std::string_view claim_uid, std::string_view policy);
/// JSON patch: no claimRef, `policy` again, no annotation; fails likewise.
[[nodiscard]] std::string release_patch(std::string_view claim_uid, std::string_view policy);

}  // namespace walguard::wire
