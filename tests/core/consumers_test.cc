// Who shares a volume, by each way that Kubernetes has for it, and what of it is certainly apart.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/resolve.h"
#include "operator/core/response.h"
#include "operator/core/sharing.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

VolumeFacts facts_of(const Workload& workload, const ClusterState& cluster) {
  const Catalog known = catalog();
  auto found = resolve(workload, cluster, known);
  EXPECT_EQ(found.size(), 1U);
  return found.empty() ? VolumeFacts{} : found.front();
}

int others(const Workload& workload, const ClusterState& cluster) {
  return facts_of(workload, cluster).other_pods;
}

Judgement judged(const Workload& workload, const ClusterState& cluster) {
  const Catalog known = catalog();
  return judge(workload, cluster, known, {}, {}, kNow).front().judgement;
}

ClusterState attached(const std::vector<AccessMode>& modes) {
  return with(bound_claim("block.example.com", modes), attaching("block.example.com"));
}

VolumeMount expanded(std::string volume, std::string path, std::string sub_path_expr) {
  return but(mount(std::move(volume), std::move(path), std::move(sub_path_expr)),
             [](auto& m) { m.sub_path_is_expanded = true; });
}

Workload in_folder(std::string sub_path) {
  return but(pod(), [&](auto& w) { w.pod.containers[0].mounts[0].sub_path = std::move(sub_path); });
}

RunningPod running_in(std::string sub_path, std::string runtime_class = {}) {
  return but(running("other", "app-data", std::move(runtime_class)),
             [&](auto& p) { p.spec.containers[0].mounts[0].sub_path = std::move(sub_path); });
}

// ---- subPath ----

TEST(SubPaths, AreApartWhereNeitherHoldsTheOther) {
  const auto same = [](const std::string& a, const std::string& b) {
    const bool forth = may_show_the_same({}, mount("data", "/a", a), {}, mount("data", "/b", b));
    const bool back = may_show_the_same({}, mount("data", "/b", b), {}, mount("data", "/a", a));
    EXPECT_EQ(forth, back) << a << ", " << b;
    return forth;
  };
  EXPECT_FALSE(same("app", "logs"));
  EXPECT_FALSE(same("app", "app2")) << "whole names, not letters";
  EXPECT_FALSE(same("a/b", "a/c"));
  EXPECT_TRUE(same("app", "app"));
  EXPECT_TRUE(same("app", "app/"));
  EXPECT_TRUE(same("./app", "app//"));
  EXPECT_TRUE(same("", "app")) << "the whole volume";
  EXPECT_TRUE(same("a", "a/b")) << "one lies in the other";
  EXPECT_TRUE(same("..", "app")) << "refused by the API server; anywhere";
}

TEST(SubPaths, AreUnknownWhereTheNodeWorksThemOut) {
  const auto fixed = mount("data", "/a", "app");
  EXPECT_TRUE(may_show_the_same({}, fixed, {}, expanded("data", "/b", "$(POD_NAME)")));
  EXPECT_TRUE(may_show_the_same({}, expanded("data", "/b", "logs"), {}, fixed));
  EXPECT_TRUE(may_show_the_same("/srv", expanded("data", "/b", "$(A)"), "/srv/x", fixed));
  EXPECT_FALSE(may_show_the_same("/srv", expanded("data", "/b", "$(A)"), "/opt", fixed))
      << "wherever it is, it is below /srv";
}

TEST(SubPaths, BeginWhereTheirVolumesDo) {
  EXPECT_TRUE(may_show_the_same("/srv", mount("a", "/a", "data"), "/srv/data", mount("b", "/b")));
  EXPECT_FALSE(may_show_the_same("/srv", mount("a", "/a", "logs"), "/srv/data", mount("b", "/b")));
}

TEST(SubPaths, SeparateOrJoinTheContainersOfAPod) {
  const auto count = [](std::vector<VolumeMount> app, std::vector<VolumeMount> beside) {
    PodSpec spec;
    spec.containers = {container("app", std::move(app)),
                       container("beside", std::move(beside), ContainerRole::kSidecar)};
    return count_consumers(PodMounts(spec), "data");
  };
  EXPECT_EQ(count({mount("data", "/data", "app")}, {mount("data", "/logs", "logs")}), 1);
  EXPECT_EQ(count({mount("data", "/data", "app")}, {mount("data", "/data", "app/db")}), 2);
  EXPECT_EQ(count({mount("data", "/data", "app")}, {mount("data", "/all")}), 2);
  EXPECT_EQ(count({mount("data", "/data", "app")}, {expanded("data", "/x", "$(NAME)")}), 2);
  EXPECT_EQ(count({mount("data", "/a", "app"), mount("data", "/l", "logs")}, {mount("data", "/l", "logs")}),
            2)
      << "which of its folders holds the database is not asked";
}

TEST(SubPaths, OfOnePodOnItsOwnClaimKeepTheScopeToTheContainer) {
  Workload two = in_folder("app");
  two.pod.containers.push_back(container("shipper", {mount("data", "/logs", "logs")}));
  EXPECT_EQ(facts_of(two, attached(kRwop)).scope, Scope::kContainer);
  two.pod.containers[1].mounts[0].sub_path = "app";
  EXPECT_EQ(facts_of(two, attached(kRwop)).scope, Scope::kPod);
  EXPECT_EQ(facts_of(in_folder("app"), attached(kRwo)).scope, Scope::kNode)
      << "who is not there yet may mount the same folder";
}

TEST(SubPaths, OfManyMountsAreComparedWithEachPodOnce) {
  const auto with_many = [](const std::string& name) {
    std::vector<VolumeMount> mounts;
    mounts.reserve(250);
    for (int i = 0; i < 250; ++i) mounts.push_back(mount("data", "/data", name + std::to_string(i)));
    return mounts;
  };
  Workload own = pod();
  own.pod.containers[0].mounts = with_many("a");
  auto cluster = attached(kRwo);
  for (int i = 0; i < 50; ++i) {
    RunningPod other = running("other-" + std::to_string(i));
    other.spec.containers[0].mounts = with_many("b");
    cluster.add(other);
  }
  EXPECT_EQ(others(own, cluster), 0);
  RunningPod last = running("last");
  last.spec.containers[0].mounts = with_many("b");
  last.spec.containers[0].mounts.push_back(mount("data", "/data", "a7/below"));
  EXPECT_EQ(others(own, with(cluster, last)), 1);
}

TEST(SubPaths, OfTooManyMountsAreNotComparedAndCount) {
  RunningPod other = running_in("logs");
  const auto cluster = attached(kRwo);
  EXPECT_EQ(others(in_folder("app"), with(cluster, other)), 0);
  for (int i = 0; i < 300; ++i)
    other.spec.containers[0].mounts.push_back(mount("tmp", "/tmp", std::to_string(i)));
  EXPECT_EQ(others(in_folder("app"), with(cluster, other)), 1) << "nobody has compared them";
}

// As a pod is sent that asks for a guarantee, is itself in view, and has as many volumes as fit in it.
TEST(ManyVolumes, OfOnePodAreJudgedAtOnce) {
  constexpr int kMany = 10'000;
  Workload own = pod(host_path("/"));
  own.annotations.require_local = true;
  own.annotations.databases.reset();
  own.pod.volumes.clear();
  own.pod.containers[0].mounts.clear();
  for (int i = 0; i < kMany; ++i) {
    const std::string name = std::to_string(i);
    own.pod.volumes.push_back(but(host_path("/srv/" + name), [&](auto& v) { v.name = name; }));
    own.pod.containers[0].mounts.push_back(mount(name, "/data/" + name));
  }
  const RunningPod itself{.namespace_name = "shop", .name = "other", .spec = own.pod};
  const auto found = resolve(own, cluster_of(itself), catalog());
  ASSERT_EQ(found.size(), std::size_t{kMany});
  EXPECT_EQ(found.back().other_pods, 1);
}

TEST(SubPaths, SeparateOrJoinThePodsOfAClaim) {
  const auto cluster = attached(kRwo);
  EXPECT_EQ(others(in_folder("app"), with(cluster, running_in("logs"))), 0);
  EXPECT_EQ(others(in_folder("app"), with(cluster, running_in("app"))), 1);
  EXPECT_EQ(others(in_folder("app"), with(cluster, running_in(""))), 1);
  EXPECT_EQ(others(pod(), with(cluster, running_in("app"))), 1);
  const RuntimeClass gvisor{.name = "gvisor", .handler = "runsc"};
  EXPECT_EQ(judged(in_folder("app"), with(cluster, gvisor, running_in("logs", "gvisor"))).verdict,
            Verdict::kSafe);
  EXPECT_EQ(judged(in_folder("app"), with(cluster, gvisor, running_in("app", "gvisor"))).verdict,
            Verdict::kUnsafe);
  const auto computed = but(running_in("$(POD_NAME)", "gvisor"),
                            [](auto& p) { p.spec.containers[0].mounts[0].sub_path_is_expanded = true; });
  EXPECT_EQ(judged(in_folder("app"), with(cluster, gvisor, computed)).verdict, Verdict::kUnsafe)
      << "it may be any folder";
}

TEST(SubPaths, KeepNoNodeAwayFromABlockDevice) {
  // Whatever folder a pod on another node reads, two kernels have mounted one device.
  const auto loose =
      but(attaching("block.example.com"), [](auto& driver) { driver.attach_required = false; });
  const auto cluster = with(bound_claim("block.example.com", kRwo), loose);
  const auto set = but(of_kind(WorkloadKind::kStatefulSet),
                       [](auto& w) { w.pod.containers[0].mounts[0].sub_path = "app"; });
  EXPECT_EQ(facts_of(set, cluster).scope, Scope::kContainer);
  const auto shared = with(cluster, running_in("logs"));
  EXPECT_EQ(facts_of(set, shared).scope, Scope::kCluster);
  EXPECT_EQ(judged(set, shared).verdict, Verdict::kUnsafe);
  EXPECT_EQ(facts_of(set, shared).other_pods, 0) << "nobody else has its files";
}

TEST(SubPaths, APodThatMountsTheClaimNowhereIsStillOneOfItsPods) {
  const auto unmounted = but(running("other"), [](auto& p) { p.spec.containers[0].mounts.clear(); });
  EXPECT_EQ(others(in_folder("app"), with(attached(kRwo), unmounted)), 1) << "a shell may be put into it";
}

// ---- one storage under several names ----

PersistentVolumeClaim second_claim(std::string volume) {
  return but(claim(kRwo, "fast", std::move(volume)), [](auto& c) {
    c.namespace_name = "office";
    c.name = "theirs";
  });
}

RunningPod in_office(RunningPod other) {
  other.namespace_name = "office";
  return other;
}

TEST(SharedStorage, OneClaimThroughSeveralPodsAndWorkloads) {
  const auto cluster = attached(kRwo);
  EXPECT_EQ(others(pod(), cluster), 0);
  EXPECT_EQ(others(pod(), with(cluster, running("app"))), 0) << "itself";
  EXPECT_EQ(others(pod(), with(cluster, running("a"), running("b"))), 2);
  EXPECT_EQ(others(pod(), with(cluster, in_office(running("a")))), 0) << "another claim of that name";
}

TEST(SharedStorage, PodsThatAWorkloadHasMadeAreItsOwn) {
  const auto cluster = attached(kRwo);
  const auto made = but(running("app-7d9f-x2x4z"), [](auto& p) { p.owner_kind = "ReplicaSet"; });
  EXPECT_EQ(others(of_kind(WorkloadKind::kDeployment), with(cluster, made)), 0);
  EXPECT_EQ(others(of_kind(WorkloadKind::kDeployment), with(cluster, running("app-backup"))), 1);
  EXPECT_EQ(others(of_kind(WorkloadKind::kDeployment), with(cluster, running("deployments/app"))), 0)
      << "what stands for them in files";
  EXPECT_EQ(others(of_kind(WorkloadKind::kDeployment), with(cluster, running("deployments/other"))), 1);
  EXPECT_EQ(others(of_kind(WorkloadKind::kStatefulSet), with(cluster, running("app-0"))), 0);
}

TEST(SharedStorage, TwoPersistentVolumesWithOneHandleAcrossNamespaces) {
  auto twin = persistent_volume("block.example.com", kRwo);
  twin.name = "pv-2";
  const auto cluster = with(attached(kRwo), twin, second_claim("pv-2"));
  EXPECT_EQ(others(pod(), with(cluster, in_office(running("a", "theirs")))), 1);
  auto elsewhere = twin;
  elsewhere.volume_handle = "vol-2";
  EXPECT_EQ(
      others(pod(), with(attached(kRwo), elsewhere, second_claim("pv-2"), in_office(running("a", "theirs")))),
      0);
}

PersistentVolume path_volume(std::string name, std::string path, std::optional<std::string> host = "node-1") {
  auto volume = persistent_volume("local", kRwop, "");
  volume.name = std::move(name);
  volume.volume_handle.clear();
  volume.provisioned_by.clear();
  volume.path = std::move(path);
  volume.pinned_hostname = std::move(host);
  return volume;
}

/// Claim shop/app-data on /mnt/data of node-1, and office/theirs on `other`.
ClusterState two_paths(const PersistentVolume& other) {
  return cluster_of(path_volume("pv-1", "/mnt/data"), claim(kRwop, "", "pv-1"), other,
                    but(second_claim(other.name), [](auto& c) { c.spec.access_modes = kRwop; }));
}

TEST(SharedStorage, TwoPersistentVolumesOfOnePathOfANode) {
  const auto shared_with = [](const PersistentVolume& other) {
    const auto cluster = with(two_paths(other), in_office(running("a", "theirs")));
    const auto facts = facts_of(pod(), cluster);
    EXPECT_EQ(facts.scope, facts.other_pods > 0 ? Scope::kNode : Scope::kContainer)
        << "ReadWriteOncePod holds for each claim by itself";
    return facts.other_pods;
  };
  EXPECT_EQ(shared_with(path_volume("pv-2", "/mnt/data")), 1);
  EXPECT_EQ(shared_with(path_volume("pv-2", "/mnt/data/")), 1);
  EXPECT_EQ(shared_with(path_volume("pv-2", "/mnt/data", std::nullopt)), 1) << "whatever node it is on";
  EXPECT_EQ(shared_with(path_volume("pv-2", "/mnt/data", "node-2")), 0) << "another node's path";
  EXPECT_EQ(shared_with(path_volume("pv-2", "/mnt/data2")), 0);
}

TEST(SharedStorage, APathInsideAnotherIsTheSameStorage) {
  const auto others_on = [](const std::string& path) {
    return others(pod(), with(two_paths(path_volume("pv-2", path)), in_office(running("a", "theirs"))));
  };
  EXPECT_EQ(others_on("/mnt/data/app"), 1);
  EXPECT_EQ(others_on("/mnt"), 1);
  EXPECT_EQ(others_on("/"), 1);
  EXPECT_EQ(others_on("/mnt/other"), 0);
}

TEST(SharedStorage, AHostPathAndAPersistentVolumeOfThatPath) {
  const auto cluster = cluster_of(path_volume("pv-1", "/mnt/data"), claim(kRwop, "", "pv-1"));
  const auto agent = [](const std::string& path, bool read_only) {
    RunningPod made{.namespace_name = "tools", .name = "agent", .spec = pod(host_path(path)).pod};
    made.spec.containers[0].mounts[0].read_only = read_only;
    return made;
  };
  EXPECT_EQ(others(pod(), with(cluster, agent("/mnt/data", false))), 1);
  EXPECT_EQ(others(pod(), with(cluster, agent("/mnt", false))), 1);
  EXPECT_EQ(others(pod(), with(cluster, agent("/mnt/other", false))), 0);
  EXPECT_EQ(others(pod(), with(cluster, agent("/", true))), 0) << "what watches the whole node opens nothing";
  EXPECT_EQ(others(pod(host_path("/mnt/data")), with(cluster, running("holder"))), 1)
      << "the other way round";
}

TEST(SharedStorage, HostPathsOfSeveralPodsAndWhatLiesInThem) {
  const auto on = [](const std::string& path, std::string sub_path = {}) {
    auto other = RunningPod{.namespace_name = "tools", .name = "other", .spec = pod(host_path(path)).pod};
    other.spec.containers[0].mounts[0].sub_path = std::move(sub_path);
    return cluster_of(other);
  };
  const auto here = pod(host_path("/srv/app"));
  EXPECT_EQ(others(here, on("/srv/app")), 1);
  EXPECT_EQ(others(here, on("/srv")), 1);
  EXPECT_EQ(others(here, on("/srv", "app")), 1);
  EXPECT_EQ(others(here, on("/srv", "logs")), 0);
  EXPECT_EQ(others(here, on("/srv/app2")), 0);
}

TEST(SharedStorage, APersistentVolumeOfAPathThatIsGoneIsForgotten) {
  auto cluster = with(two_paths(path_volume("pv-2", "/mnt/data")), in_office(running("a", "theirs")));
  EXPECT_TRUE(cluster.remove(ClusterKind::kVolumes, "", "pv-2"));
  EXPECT_EQ(others(pod(), cluster), 0);
}

// ---- consumers of other kinds ----

TEST(SharedStorage, AVolumeOfThePodsOwnHasNoOthers) {
  for (const VolumeKind kind : {VolumeKind::kEmptyDir, VolumeKind::kEmptyDirMemory}) {
    EXPECT_EQ(facts_of(pod(volume_of(kind)), cluster_of(running("other"))).other_pods, 0);
  }
  Volume ephemeral = volume_of(VolumeKind::kGenericEphemeral);
  ephemeral.claim_spec.storage_class = "fast";
  ephemeral.claim_spec.access_modes = kRwo;
  const auto cluster = with(attached(kRwo), running("other"));
  const auto facts = facts_of(pod(ephemeral), cluster);
  EXPECT_EQ(facts.other_pods, 0);
  EXPECT_EQ(facts.scope, Scope::kContainer) << "whatever the modes: its claim is this pod's";
}

TEST(SharedStorage, AnInlineCsiVolumeIsThePodsOwnOnlyOfALocalDriverInView) {
  EXPECT_EQ(
      facts_of(pod(inline_volume("local.example.com")), cluster_of(not_attaching("local.example.com"))).scope,
      Scope::kContainer);
  EXPECT_EQ(facts_of(pod(inline_volume("local.example.com")), cluster_of()).scope, Scope::kNode);
  EXPECT_EQ(facts_of(pod(inline_volume("nobody.example.com")), cluster_of()).scope, std::nullopt);
  EXPECT_EQ(
      facts_of(pod(inline_volume("shared.example.com")), cluster_of(not_attaching("shared.example.com")))
          .scope,
      Scope::kCluster);
}

TEST(SharedStorage, ADaemonSetOnOneClaimReachesEveryNode) {
  const auto daemons = of_kind(WorkloadKind::kDaemonSet);
  const auto cluster = with(bound_claim("shared.example.com", kRwx), not_attaching("shared.example.com"));
  EXPECT_EQ(facts_of(daemons, cluster).scope, Scope::kCluster);
  EXPECT_FALSE(says(judged(daemons, cluster), "scale-out")) << "one on each node is what it is for";
  EXPECT_EQ(judged(daemons, cluster).verdict, Verdict::kUnsafe);
}

TEST(SharedStorage, AContainerPutIntoARunningPodIsAConsumer) {
  Workload shell = pod();
  shell.pod.containers.push_back(container("shell", {mount("data", "/data")}, ContainerRole::kEphemeral));
  EXPECT_EQ(facts_of(shell, attached(kRwop)).scope, Scope::kPod);
}

TEST(SharedStorage, ReplicasOfAStatefulSetShareNothingByTheirTemplates) {
  const auto set = but(stateful_set_with_template(kRwo), [](auto& w) { w.replicas = 3; });
  const auto cluster = cluster_of(storage_class("fast", "block.example.com"), attaching("block.example.com"),
                                  running("app-0", "data-app-0"), running("app-1", "data-app-1"));
  EXPECT_EQ(others(set, cluster), 0);
  EXPECT_FALSE(says(judged(set, cluster), "scale-out"));
  EXPECT_EQ(others(set, with(cluster, running("backup", "data-app-1"))), 1)
      << "a stranger on one of the claims";
}

// ---- kernels ----

TEST(SharedStorage, AWindowsPodBesideALinuxPodIsAnotherKernel) {
  const auto windows = but(running("other"), [](auto& p) { p.spec.windows = true; });
  const auto judgement = judged(pod(), with(attached(kRwo), windows));
  EXPECT_TRUE(says(judgement, "mixed-kernels"));
  EXPECT_EQ(judgement.verdict, Verdict::kUnsafe);
}

TEST(SharedStorage, APodIsForWindowsByItsWordOrItsNode) {
  const Node windows{.name = "n1", .hostname = "n1", .kernel_release = "", .os = "windows"};
  const auto on_node = but(pod(), [](auto& w) { w.pod.node_name = "n1"; });
  for (const auto& [workload, expected] : {std::pair{but(pod(), [](auto& w) { w.pod.windows = true; }), true},
                                           std::pair{on_node, true}, std::pair{pod(), false}}) {
    const auto judgement = judged(workload, with(attached(kRwo), windows));
    EXPECT_EQ(says(judgement, "windows-node"), expected);
    EXPECT_EQ(judgement.verdict, expected ? Verdict::kUnproven : Verdict::kSafe);
  }
}

TEST(SharedStorage, ARiskyMountOptionIsSaidAndLeavesTheVerdict) {
  auto cluster = attached(kRwo);
  auto volume = persistent_volume("block.example.com", kRwo);
  volume.mount_options = {"noatime,soft"};
  const auto judgement = judged(pod(), with(cluster, volume));
  EXPECT_TRUE(says(judgement, "risky-mount-option"));
  EXPECT_EQ(judgement.verdict, Verdict::kSafe);
}

}  // namespace
}  // namespace walguard::core
