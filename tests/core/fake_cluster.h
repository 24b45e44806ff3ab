/// As much of a cluster as a preflight needs: an API that does what actions say, and controllers, scheduler,
/// kubelets and a provisioner that react step by step.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core::testing {

inline constexpr UtcSeconds kStart = 1'800'000'000;

inline Preflight volume_preflight(Scope scope = Scope::kNode) {
  Preflight preflight;
  preflight.name = "fast-node-1";
  preflight.uid = "aaaaaaaa-0000-4000-8000-000000000001";
  preflight.automatic = true;
  preflight.created = kStart - 10;
  preflight.spec.storage_class = "fast";
  preflight.spec.scope = scope;
  if (scope == Scope::kCluster) preflight.spec.access_mode = AccessMode::kReadWriteMany;
  return preflight;
}

inline StorageClass provisioned_class() {
  StorageClass storage_class;
  storage_class.name = "fast";
  storage_class.provisioner = "fast.csi.example.com";
  storage_class.parameters = {{"tier", "ssd"}};
  return storage_class;
}

class FakeCluster {
 public:
  FakeCluster() {
    view_.object = volume_preflight();
    view_.storage_class = provisioned_class();
    view_.runtime_handler = "";
    nodes = {{.name = "n1", .hostname = "n1", .ready = true, .kernel = "6.1"},
             {.name = "n2", .hostname = "n2", .ready = true, .kernel = "6.1"}};
  }

  // What a test sets.
  std::vector<ObservedNode> nodes;
  Policy policy;
  PreflightLimits limits;
  UtcSeconds now = kStart;
  std::string reclaim_policy = "Delete";
  std::string operator_version = "1";
  bool provisions = true;
  bool schedules = true;
  bool pods_end = true;                         ///< with a report
  bool deletes_volumes = true;                  ///< the provisioner does, when it should
  std::optional<ObservedVolume> binds_instead;  ///< a volume that was there before
  std::function<void(ObservedPod&)> when_a_pod_ends = [](ObservedPod&) {};
  Verdict wal = Verdict::kSafe;
  Preflight& preflight() { return view_.object; }
  ObservedPreflight& view() { return view_; }
  RunObjects& objects() { return view_.objects; }
  [[nodiscard]] const PreflightStatus& status() const { return view_.object.status; }

  // What has happened.
  std::vector<std::string> services;  ///< names, as long as their Job is there
  std::vector<std::string> secrets;
  std::vector<std::string> events;  ///< reasons
  bool preflight_deleted = false;
  int jobs_made = 0;

  [[nodiscard]] PreflightWorld world() const {
    PreflightWorld world;
    if (preflight_deleted) {
      world.orphans = view_.objects;
    } else {
      ObservedPreflight& view = world.preflights.emplace_back(view_);
      std::erase_if(view.objects.volumes, [&](const ObservedVolume& volume) { return is_lost(volume); });
      std::ranges::copy_if(view_.objects.volumes, std::back_inserter(world.orphans.volumes),
                           [&](const ObservedVolume& volume) { return is_lost(volume); });
    }
    world.nodes = nodes;
    world.all_nodes = true;
    world.own_namespace = "walguard-system";
    world.operator_version = operator_version;
    world.policy = policy;
    world.limits = limits;
    return world;
  }

  void apply(const Action& action) {
    switch (action.kind) {
      case ActionKind::kWriteStatus:
        view_.object.status = action.status.value_or(PreflightStatus{});
        return;
      case ActionKind::kEmitEvent:
        events.push_back(action.reason);
        return;
      case ActionKind::kCreateClaim:
        return create_claim(action.name);
      case ActionKind::kCreateJob:
        return create_job(action.name);
      case ActionKind::kCreateService:
        return add_once(services, action.name);
      case ActionKind::kCreateSecret:
        return add_once(secrets, action.name);
      case ActionKind::kResumeJob:
        for (ObservedJob& job : objects().jobs) {
          if (job.uid == action.uid) job.suspended = false, job.started = now;
        }
        return;
      case ActionKind::kDeleteJob:
        std::erase_if(objects().jobs, [&](const ObservedJob& job) { return job.uid == action.uid; });
        return;
      case ActionKind::kDeletePod:
        if (action.force) {
          std::erase_if(objects().pods, [&](const ObservedPod& pod) { return pod.uid == action.uid; });
        }
        for (ObservedPod& pod : objects().pods) pod.deleting = pod.deleting || pod.uid == action.uid;
        return;
      case ActionKind::kDeleteClaim:
        for (ObservedClaim& claim : objects().claims)
          claim.deleting = claim.deleting || claim.uid == action.uid;
        return;
      case ActionKind::kSetVolumeToDelete:
      case ActionKind::kProtectVolume:
      case ActionKind::kReleaseVolume:
        return change_volume(action);
      case ActionKind::kDeletePreflight:
        preflight_deleted = true;
        return;
    }
  }

  /// Everything but walguard does one step.
  void live() {
    collect_garbage();
    for (ObservedClaim& claim : objects().claims) bind(claim);
    for (const ObservedJob& job : objects().jobs) {
      if (!job.suspended && !job.deleting && job.failure.empty()) run_pods(job);
    }
  }

  [[nodiscard]] bool is_empty() const {
    return view_.objects.jobs.empty() && view_.objects.pods.empty() && view_.objects.claims.empty() &&
           services.empty() && secrets.empty() && no_volume_of_ours();
  }
  [[nodiscard]] std::string run() const { return run_name(view_.object, view_.object.status.run); }

 private:
  /// Its claim is gone, and the status does not know it: only a look at all volumes finds it.
  [[nodiscard]] bool is_lost(const ObservedVolume& volume) const {
    return status().volume != volume.name && status().foreign_volume != volume.name &&
           std::ranges::count(view_.objects.claims, volume.name, &ObservedClaim::volume) == 0;
  }
  static void add_once(std::vector<std::string>& names, const std::string& name) {
    if (std::ranges::count(names, name) == 0) names.push_back(name);
  }
  [[nodiscard]] bool no_volume_of_ours() const {
    return std::ranges::none_of(view_.objects.volumes, [&](const ObservedVolume& volume) {
      return !binds_instead || volume.name != binds_instead->name;
    });
  }
  void create_claim(const std::string& name) {
    if (std::ranges::count(objects().claims, name, &ObservedClaim::name) > 0) return;
    ObservedClaim claim;
    claim.name = name;
    claim.uid = "claim-uid-" + std::to_string(++uids_);
    claim.created = now;
    objects().claims.push_back(claim);
  }
  void create_job(const std::string& name) {
    if (std::ranges::count(objects().jobs, name, &ObservedJob::name) > 0) return;
    ObservedJob job;
    job.name = name;
    job.uid = "job-uid-" + std::to_string(++uids_);
    job.suspended = true;
    objects().jobs.push_back(job);
    ++jobs_made;
  }
  void change_volume(const Action& action) {
    for (ObservedVolume& volume : objects().volumes) {
      if (volume.name != action.name || volume.claim_uid != action.uid) continue;
      if (action.kind == ActionKind::kSetVolumeToDelete) volume.policy = "Delete";
      if (action.kind == ActionKind::kProtectVolume) {
        volume.protected_policy = action.policy;
        volume.policy = "Retain";
      }
      if (action.kind == ActionKind::kReleaseVolume) {
        volume.policy = action.policy;
        volume.protected_policy.clear();
        volume.claim_uid.clear();
        volume.claim_name.clear();
      }
    }
  }
  [[nodiscard]] bool node_is_ready(const std::string& name) const {
    const auto it = std::ranges::find(nodes, name, &ObservedNode::name);
    return it != nodes.end() && it->ready;
  }
  void collect_garbage() {
    if (objects().jobs.empty()) {
      services.clear();
      secrets.clear();
    }
    for (ObservedPod& pod : objects().pods) {
      const bool owned = std::ranges::count(objects().jobs, pod.job_uid, &ObservedJob::uid) > 0;
      if (!owned || (!pod.node.empty() && !node_is_ready(pod.node))) pod.deleting = true;
    }
    std::erase_if(objects().pods, [&](const ObservedPod& pod) {
      return pod.deleting && (pod.node.empty() || node_is_ready(pod.node));
    });
    std::vector<std::string> gone;
    if (objects().pods.empty()) {
      std::erase_if(objects().claims, [&](const ObservedClaim& claim) {
        if (claim.deleting) gone.push_back(claim.uid);
        return claim.deleting;
      });
    }
    for (const std::string& uid : gone) released_.push_back(uid);
    if (!deletes_volumes) return;
    std::erase_if(objects().volumes, [&](const ObservedVolume& volume) {
      return volume.policy == "Delete" && std::ranges::count(released_, volume.claim_uid) > 0;
    });
  }
  void bind(ObservedClaim& claim) {
    const bool waits = view_.storage_class && view_.storage_class->wait_for_first_consumer;
    const bool wanted =
        !waits || std::ranges::any_of(objects().jobs, [](const auto& job) { return !job.suspended; });
    if (!claim.volume.empty() || claim.deleting || !wanted || !provisions) return;
    ObservedVolume volume;
    if (binds_instead) {
      volume = *binds_instead;
    } else {
      volume.name = "pvc-" + claim.uid;
      volume.provisioned_by = "fast.csi.example.com";
      volume.policy = reclaim_policy;
      volume.created = now;
    }
    volume.claim_namespace = "walguard-system";
    volume.claim_name = claim.name;
    volume.claim_uid = claim.uid;
    claim.volume = volume.name;
    claim.bound = true;
    objects().volumes.push_back(volume);
  }
  void run_pods(const ObservedJob& job) {
    const int wanted = view_.object.spec.scope == Scope::kPod ? 1 : 2;
    const auto ours = std::ranges::count(objects().pods, job.uid, &ObservedPod::job_uid);
    if (ours == 0 && objects().pods.empty() && ended_for_ != job.uid) {
      for (int rank = 0; rank < wanted; ++rank) add_pod(job, rank);
      return;
    }
    for (ObservedPod& pod : objects().pods) {
      if (pod.job_uid == job.uid && pods_end && !pod.node.empty() && !pod.ended && node_is_ready(pod.node)) {
        end(pod, job);
      }
    }
  }
  void add_pod(const ObservedJob& job, int rank) {
    ObservedPod pod;
    pod.name = job.name + "-" + std::to_string(rank);
    pod.uid = "pod-uid-" + std::to_string(++uids_);
    pod.job_uid = job.uid;
    pod.run = job.name;
    pod.rank = rank;
    if (schedules) {
      pod.node = view_.object.spec.scope == Scope::kCluster && rank == 1 ? "n2" : "n1";
      pod.containers.resize(view_.object.spec.scope == Scope::kPod ? 2 : 1);
    } else {
      pod.unschedulable = "0/2 nodes are available";
    }
    objects().pods.push_back(pod);
    ended_for_ = job.uid;
  }
  void end(ObservedPod& pod, const ObservedJob& job) {
    pod.ended = true;
    for (ObservedContainer& container : pod.containers) {
      container.exit_code = 0;
      container.report = report(job.name);
    }
    when_a_pod_ends(pod);
  }
  [[nodiscard]] ProbeReport report(const std::string& run) const {
    ProbeReport report;
    const bool apart = view_.object.spec.scope == Scope::kCluster;
    report.evidence.scope = view_.object.spec.scope;
    report.evidence.verdicts = {{wal, Verdict::kSafe, Verdict::kSafe}};
    if (wal == Verdict::kUnsafe) report.evidence.reasons = {"mmap-coherence: 3 stores were not seen"};
    report.evidence.measured_at = now;
    report.evidence.digest = "0123456789ab";
    report.started = now;
    report.views = {{.path = mount_path(run), .node = "n1"},
                    {.path = mount_path(run), .node = apart ? "n2" : "n1"}};
    report.sqlite_version = "3.40.1";
    return report;
  }

  ObservedPreflight view_;
  std::vector<std::string> released_;  // uids of claims that are gone
  std::string ended_for_;              // the Job that has had its pods
  int uids_ = 0;
};

}  // namespace walguard::core::testing
