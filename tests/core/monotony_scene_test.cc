// As monotony_test.cc, of whole workloads in clusters: one thing about who shares a volume, or about the
// storage, becomes more dangerous, and no verdict moves towards safe.
//
// Evidence is always evidence about the volume as it then is: what was measured on other storage is not
// asked. What two steps are to each other depends on the rest in one place: a kernel is only more dangerous
// than the node's own where the pods beside it have that one (`only_where`).
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/resolve.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

/// A workload on claim shop/app-data, and what is around it; at first as harmless as can be.
struct Scene {
  std::string driver = "block.example.com";
  bool attaches = true;
  std::vector<AccessMode> modes = kRwop;
  std::vector<std::string> mount_options;
  VolumeMode volume_mode = VolumeMode::kFilesystem;
  std::optional<std::string> volume_host = "node-1";
  std::optional<std::vector<AccessMode>>
      twin_modes;  ///< another PersistentVolume of the handle, with a claim

  WorkloadKind kind = WorkloadKind::kPod;
  std::int64_t replicas = 1;
  std::optional<std::int64_t> autoscaled_to;
  bool recreate = true;
  std::string runtime_class;
  bool windows = false;
  std::optional<std::string> host = "node-1";
  std::string sub_path = "app";
  std::string database = "/data/app.db";
  bool copies = false;  ///< the app takes the files on its volume for its own alone

  enum class Beside : std::uint8_t { kNobody, kApart, kUnknown, kTogether };
  Beside container_beside = Beside::kNobody;
  Beside pod_beside = Beside::kNobody;
  std::string runtime_beside;
  bool windows_beside = false;
  std::optional<std::string> host_beside = "node-1";
};

using Beside = Scene::Beside;

/// Each has what the one before it has, and more.
std::vector<VolumeMount> mounts_beside(Beside beside) {
  std::vector<VolumeMount> mounts = {mount("data", "/logs", "logs")};
  if (beside == Beside::kApart) return mounts;
  VolumeMount more = mount("data", "/data", beside == Beside::kUnknown ? "$(POD_NAME)" : "app");
  more.sub_path_is_expanded = beside == Beside::kUnknown;
  mounts.push_back(std::move(more));
  return mounts;
}

Workload workload_of(const Scene& scene) {
  Workload workload = of_kind(scene.kind);
  workload.replicas = scene.replicas;
  workload.recreate_strategy = scene.recreate;
  workload.annotations.databases = scene.database;
  PodSpec& pod = workload.pod;
  pod.runtime_class = scene.runtime_class;
  pod.windows = scene.windows;
  pod.pinned_hostname = scene.host;
  pod.containers[0].mounts[0].sub_path = scene.sub_path;
  if (scene.copies) pod.containers[0].launch.image = "example/copies";
  if (scene.container_beside != Beside::kNobody) {
    pod.containers.push_back(
        container("beside", mounts_beside(scene.container_beside), ContainerRole::kSidecar));
  }
  return workload;
}

ClusterState cluster_of_scene(const Scene& scene) {
  auto volume = persistent_volume(scene.driver, scene.modes);
  volume.mount_options = scene.mount_options;
  volume.volume_mode = scene.volume_mode;
  volume.pinned_hostname = scene.volume_host;
  auto fast = storage_class("fast", scene.driver);
  fast.mount_options = scene.mount_options;
  ClusterState cluster = cluster_of(fast, claim(scene.modes, "fast", "pv-1"), volume,
                                    RuntimeClass{.name = "gvisor", .handler = "runsc"},
                                    CsiDriver{.name = scene.driver, .attach_required = scene.attaches});
  if (scene.twin_modes) {
    volume.name = "pv-2";
    volume.access_modes = *scene.twin_modes;
    cluster.add(volume);
    cluster.add(but(claim(*scene.twin_modes, "fast", "pv-2"), [](auto& c) { c.name = "second"; }));
  }
  if (scene.autoscaled_to) {
    cluster.add(Autoscaler{.namespace_name = "shop",
                           .name = "any",
                           .target_kind = scene.kind,
                           .target_name = "app",
                           .most_replicas = *scene.autoscaled_to});
  }
  if (scene.pod_beside != Beside::kNobody) {
    RunningPod other = running("other", "app-data", scene.runtime_beside);
    other.spec.windows = scene.windows_beside;
    other.spec.pinned_hostname = scene.host_beside;
    other.spec.containers[0].mounts = mounts_beside(scene.pod_beside);
    cluster.add(other);
  }
  return cluster;
}

using Change = std::function<void(Scene&)>;

Catalog catalog_with_copies() {
  App app;
  app.name = "Copies";
  app.images = {"example/copies"};
  app.databases = {{"/data/app.db", {}}};
  app.role = App::Role::kCopyPerReplica;
  return catalog({app});
}

/// One thing, with its values from harmless to dangerous.
struct Dimension {
  std::string_view name;
  std::vector<Change> steps;
  /// Of what scenes the order holds; null: of all.
  bool (*only_where)(const Scene&) = nullptr;
};

bool linux_beside_on_the_nodes_kernel(const Scene& scene) {
  return scene.runtime_beside.empty() && !scene.windows_beside;
}
bool on_the_nodes_kernel(const Scene& scene) { return scene.runtime_class.empty() && !scene.windows; }

const Change kAsItIs = [](Scene&) {};

Change beside(Beside Scene::* who, Beside value) {
  return [who, value](Scene& s) { s.*who = value; };
}

const std::vector<Dimension> kDimensions = {
    {"access modes",
     {[](auto& s) { s.modes = kRwop; }, [](auto& s) { s.modes = kRwo; }, [](auto& s) { s.modes = kRwx; }}},
    {"attached", {[](auto& s) { s.attaches = true; }, [](auto& s) { s.attaches = false; }}},
    {"lock option", {kAsItIs, [](auto& s) { s.mount_options.emplace_back("nolock"); }}},
    {"cache option", {kAsItIs, [](auto& s) { s.mount_options.emplace_back("nosharecache"); }}},
    {"volume mode",
     {[](auto& s) { s.volume_mode = VolumeMode::kFilesystem; },
      [](auto& s) { s.volume_mode = VolumeMode::kBlock; }}},
    {"the volume's host",
     {[](auto& s) { s.volume_host = "node-1"; }, [](auto& s) { s.volume_host.reset(); }}},
    {"another name of the volume",
     {[](auto& s) { s.twin_modes.reset(); }, [](auto& s) { s.twin_modes = kRwop; },
      [](auto& s) { s.twin_modes = kRwo; }, [](auto& s) { s.twin_modes = kRwx; }}},
    {"replicas", {[](auto& s) { s.replicas = 1; }, [](auto& s) { s.replicas = 3; }}},
    {"autoscaler", {[](auto& s) { s.autoscaled_to.reset(); }, [](auto& s) { s.autoscaled_to = 5; }}},
    {"rollout", {[](auto& s) { s.recreate = true; }, [](auto& s) { s.recreate = false; }}},
    {"the pod's host", {[](auto& s) { s.host = "node-1"; }, [](auto& s) { s.host.reset(); }}},
    {"runtime",
     {[](auto& s) { s.runtime_class.clear(); }, [](auto& s) { s.runtime_class = "gvisor"; }},
     [](const Scene& s) { return linux_beside_on_the_nodes_kernel(s) && !s.windows; }},
    {"windows",
     {[](auto& s) { s.windows = false; }, [](auto& s) { s.windows = true; }},
     [](const Scene& s) { return linux_beside_on_the_nodes_kernel(s) && s.runtime_class.empty(); }},
    {"subPath",
     {[](auto& s) { s.sub_path = "app"; }, [](auto& s) { s.sub_path.clear(); }},
     [](const Scene& s) { return s.database != "/data"; }},
    {"mounted file",
     {[](auto& s) { s.database = "/data/app.db"; }, [](auto& s) { s.database = "/data"; }},
     [](const Scene& s) { return !s.sub_path.empty(); }},
    {"copies", {[](auto& s) { s.copies = false; }, [](auto& s) { s.copies = true; }}},
    {"a container beside it",
     {beside(&Scene::container_beside, Beside::kNobody), beside(&Scene::container_beside, Beside::kApart),
      beside(&Scene::container_beside, Beside::kUnknown),
      beside(&Scene::container_beside, Beside::kTogether)}},
    {"a pod beside it",
     {beside(&Scene::pod_beside, Beside::kNobody), beside(&Scene::pod_beside, Beside::kApart),
      beside(&Scene::pod_beside, Beside::kUnknown), beside(&Scene::pod_beside, Beside::kTogether)}},
    {"the host beside it",
     {[](auto& s) { s.host_beside = "node-1"; }, [](auto& s) { s.host_beside = "node-2"; },
      [](auto& s) { s.host_beside.reset(); }}},
    {"the runtime beside it",
     {[](auto& s) { s.runtime_beside.clear(); }, [](auto& s) { s.runtime_beside = "gvisor"; }},
     [](const Scene& s) { return on_the_nodes_kernel(s) && !s.windows_beside; }},
    {"windows beside it",
     {[](auto& s) { s.windows_beside = false; }, [](auto& s) { s.windows_beside = true; }},
     [](const Scene& s) { return on_the_nodes_kernel(s) && s.runtime_beside.empty(); }},
};

// Of drivers a later one is never better than the ones before it.
const std::vector<std::vector<std::string>> kDriverChains = {
    {"block.example.com", "shared.example.com"},
    {"local.example.com", "objects.example.com"},
    {"memory.example.com", "objects.example.com"},
    {"cluster.example.com", "shared.example.com"},
    {"local.example.com", "nobody.example.com", "objects.example.com"},
};

/// From what speaks best for a volume to what speaks worst.
constexpr std::size_t kEvidenceSteps = 7;
EvidenceBook evidence_at(std::size_t step, const EvidenceKey& key) {
  switch (step) {
    case 0:
      return book(passed(key, Scope::kCluster));
    case 1:
      return book(passed(key, Scope::kNode));
    case 2:
      return book(passed(key, Scope::kContainer));
    case 3:
      return book(measured(key, Verdict::kUnproven, Scope::kCluster));
    case 4:
      return book();
    case 5:
      return book(failed(key, Scope::kCluster));
    default:
      return book(failed(key, Scope::kContainer));
  }
}
constexpr std::size_t kFirstWithoutPass = 3;

class SceneGrid : public ::testing::Test {
 protected:
  using Point = std::vector<std::size_t>;  // a step of every dimension
  struct At {
    Point point;
    WorkloadKind kind = WorkloadKind::kPod;
    std::size_t evidence = 0;
    std::string driver;
  };

  std::size_t pick(std::size_t choices) {
    return std::uniform_int_distribution<std::size_t>{0, choices - 1}(random_);
  }
  /// Half of them but for two things harmless, so that much can get worse.
  At somewhere(bool nearly_safe, std::string driver) {
    constexpr std::array kKinds = {WorkloadKind::kPod, WorkloadKind::kDeployment, WorkloadKind::kStatefulSet,
                                   WorkloadKind::kDaemonSet};
    At at{.point = Point(kDimensions.size(), 0),
          .kind = kKinds[pick(kKinds.size())],
          .evidence = pick(kEvidenceSteps),
          .driver = std::move(driver)};
    for (std::size_t d = 0; d < at.point.size(); ++d) {
      if (!nearly_safe || pick(at.point.size()) < 2) at.point[d] = pick(kDimensions[d].steps.size());
    }
    return at;
  }
  static Scene scene_at(const At& at) {
    Scene scene;
    scene.driver = at.driver;
    scene.kind = at.kind;
    for (std::size_t d = 0; d < at.point.size(); ++d) kDimensions[d].steps[at.point[d]](scene);
    return scene;
  }
  Judgement judge_scene(const Scene& scene, std::size_t evidence) {
    return judge_in(workload_of(scene), cluster_of_scene(scene), evidence);
  }
  Judgement judge_in(const Workload& workload, const ClusterState& cluster, std::size_t evidence) {
    const auto facts = resolve(workload, cluster, catalog_);
    return judge(workload, cluster, catalog_, evidence_at(evidence, facts.at(0).key), {}, kNow)
        .at(0)
        .judgement;
  }
  /// Whether a verdict of `there` is worse; a failure where one is better.
  static bool expect_no_better(const Judgement& here, const Judgement& there, std::string_view change,
                               const At& at) {
    bool worse = false;
    for (const Strategy strategy : kStrategies) {
      worse = worse || there.verdicts[strategy] > here.verdicts[strategy];
      EXPECT_LE(here.verdicts[strategy], there.verdicts[strategy])
          << change << ", " << name(strategy) << ": " << name(here.verdicts[strategy]) << " (" << words(here)
          << ") became " << name(there.verdicts[strategy]) << " (" << words(there) << ") on " << at.driver
          << ", evidence " << at.evidence << ", " << name(cluster_kind(at.kind));
    }
    return worse;
  }
  static std::string words(const Judgement& judgement) {
    std::string text;
    for (const std::string_view rule : rules_of(judgement)) text.append(text.empty() ? "" : " ").append(rule);
    return text;
  }

  std::mt19937 random_{20260202};  // fixed: the same scenes in every run
  Catalog catalog_ = catalog_with_copies();
};

TEST_F(SceneGrid, OneStepTowardsDangerNeverMovesTheVerdictTowardsSafe) {
  std::size_t safe = 0;
  std::size_t worse = 0;
  for (int i = 0; i < 4000 && !HasFailure(); ++i) {
    const auto& chain = kDriverChains[pick(kDriverChains.size())];
    const std::size_t link = pick(chain.size());
    const At at = somewhere(i % 2 == 0, chain[link]);
    const Scene scene = scene_at(at);
    const Judgement here = judge_scene(scene, at.evidence);
    safe += here.verdict == Verdict::kSafe ? 1 : 0;
    for (std::size_t d = 0; d < at.point.size(); ++d) {
      const Dimension& dimension = kDimensions[d];
      if (at.point[d] + 1 == dimension.steps.size()) continue;
      if (dimension.only_where != nullptr && !dimension.only_where(scene)) continue;
      At next = at;
      ++next.point[d];
      const Judgement there = judge_scene(scene_at(next), at.evidence);
      worse += expect_no_better(here, there, dimension.name, at) ? 1 : 0;
    }
    if (link + 1 < chain.size()) {
      At next = at;
      next.driver = chain[link + 1];
      expect_no_better(here, judge_scene(scene_at(next), at.evidence), "driver", at);
    }
    if (at.evidence + 1 < kEvidenceSteps) {
      expect_no_better(here, judge_scene(scene, at.evidence + 1), "evidence", at);
    }
  }
  EXPECT_GT(safe, 200U) << "the scenes hardly touch what could get worse";
  EXPECT_GT(worse, 500U) << "hardly a step makes a difference";
}

// A filesystem on a block device that two nodes have mounted is destroyed, whatever folders they use.
TEST_F(SceneGrid, OnABlockDeviceAPodInAnotherFolderReachesAsFarAsOneInTheSame) {
  std::size_t beyond_the_pod = 0;
  for (int i = 0; i < 2000 && !HasFailure(); ++i) {
    Scene scene = scene_at(somewhere(i % 2 == 0, "block.example.com"));
    const auto scope_with = [&](Beside beside) {
      scene.pod_beside = beside;
      return resolve(workload_of(scene), cluster_of_scene(scene), catalog_).at(0).scope;
    };
    const auto apart = scope_with(Beside::kApart);
    EXPECT_EQ(apart, scope_with(Beside::kTogether)) << name(cluster_kind(scene.kind));
    beyond_the_pod += !apart || *apart > Scope::kPod ? 1 : 0;
  }
  EXPECT_GT(beyond_the_pod, 200U);
}

/// Takes something out of view.
struct OutOfView {
  std::string_view name;
  std::function<void(ClusterState&, const Scene&)> take;
};

const std::vector<OutOfView> kOutOfView = {
    {"the claim", [](auto& c, const auto&) { c.remove(ClusterKind::kClaims, "shop", "app-data"); }},
    {"the volume", [](auto& c, const auto&) { c.remove(ClusterKind::kVolumes, "", "pv-1"); }},
    {"the class", [](auto& c, const auto&) { c.remove(ClusterKind::kStorageClasses, "", "fast"); }},
    {"the driver's object",
     [](auto& c, const Scene& s) { c.remove(ClusterKind::kCsiDrivers, "", s.driver); }},
    {"the runtime", [](auto& c, const auto&) { c.remove(ClusterKind::kRuntimeClasses, "", "gvisor"); }},
    {"the pods", [](auto& c, const auto&) { c.set_current(ClusterKind::kPods, false); }},
    {"the volumes", [](auto& c, const auto&) { c.set_current(ClusterKind::kVolumes, false); }},
};

TEST_F(SceneGrid, WhatGoesOutOfViewNeverMakesSafeWhatWasNot) {
  std::size_t lost = 0;
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    const auto& chain = kDriverChains[pick(kDriverChains.size())];
    At at = somewhere(i % 2 == 0, chain[pick(chain.size())]);
    // Without a pass: a measurement may answer what is not known.
    at.evidence = kFirstWithoutPass + pick(kEvidenceSteps - kFirstWithoutPass);
    const Scene scene = scene_at(at);
    const Workload workload = workload_of(scene);
    const ClusterState cluster = cluster_of_scene(scene);
    const Judgement before = judge_in(workload, cluster, at.evidence);
    for (const OutOfView& out : kOutOfView) {
      ClusterState less = cluster;
      out.take(less, scene);
      const Judgement after = judge_in(workload, less, at.evidence);
      for (const Strategy strategy : kStrategies) {
        const bool became_safe =
            before.verdicts[strategy] != Verdict::kSafe && after.verdicts[strategy] == Verdict::kSafe;
        EXPECT_FALSE(became_safe) << out.name << " out of view: " << words(before) << " became "
                                  << words(after);
      }
      lost += before.verdict == Verdict::kSafe && after.verdict != Verdict::kSafe ? 1 : 0;
    }
  }
  EXPECT_GT(lost, 200U) << "nothing that was out of view was needed";
}

}  // namespace
}  // namespace walguard::core
