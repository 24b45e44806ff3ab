// From a workload and a cluster to facts. Scope is the worst case over what the spec and the cluster allow.
#include "operator/core/resolve.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

class Resolve : public ::testing::Test {
 protected:
  std::vector<VolumeFacts> all(const Workload& workload, const ClusterState& cluster) {
    return resolve(workload, cluster, catalog_);
  }
  VolumeFacts facts(const Workload& workload, const ClusterState& cluster) {
    auto found = all(workload, cluster);
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? VolumeFacts{} : found.front();
  }
  std::optional<Scope> scope(const Workload& workload, const ClusterState& cluster) {
    return facts(workload, cluster).scope;
  }
  Verdict verdict(const Workload& workload, const ClusterState& cluster,
                  const EvidenceBook& evidence = EvidenceBook{}) {
    return judge(workload, cluster, catalog_, evidence, {}, kNow).front().judgement.verdict;
  }

  Catalog catalog_ = catalog();
};

/// Claim app-data on block.example.com, which attaches.
ClusterState attached(const std::vector<AccessMode>& modes) {
  return with(bound_claim("block.example.com", modes), attaching("block.example.com"));
}

/// Claim app-data on a class that nothing attaches, RWX.
ClusterState anywhere(const std::string& driver = "nobody.example.com") {
  return with(bound_claim(driver, kRwx), not_attaching(driver));
}

const auto kPinned = [](Workload workload, std::string host = "node-1") {
  workload.pod.pinned_hostname = std::move(host);
  return workload;
};

Workload with_replicas(WorkloadKind kind, std::optional<std::int64_t> replicas) {
  return but(of_kind(kind), [&](auto& w) { w.replicas = replicas; });
}

TEST_F(Resolve, OnlyVolumesThatHoldADatabaseAreJudged) {
  Workload workload = pod();
  workload.pod.volumes.push_back(but(volume_of(VolumeKind::kProjection), [](auto& v) { v.name = "config"; }));
  workload.pod.volumes.push_back(but(claim_volume("other"), [](auto& v) { v.name = "other"; }));
  workload.pod.containers.front().mounts.push_back(mount("other", "/other"));
  const auto found = all(workload, attached(kRwo));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().volume, "data");
  EXPECT_EQ(found.front().claim, "app-data");
  EXPECT_EQ(found.front().certainty, Certainty::kDeclared);
  EXPECT_EQ(found.front().databases, std::vector<std::string>{"/data/app.db"});
  workload.annotations.databases.reset();
  EXPECT_TRUE(all(workload, attached(kRwo)).empty());
}

TEST_F(Resolve, AContainerReadsOnlyByTheVolumesWordOrByThatOfAllItsMounts) {
  using Names = std::vector<std::string>;
  const auto readers = [&](const Workload& workload) {
    return facts(workload, attached(kRwo)).read_only_consumers;
  };
  EXPECT_EQ(readers(pod()), Names{});
  EXPECT_EQ(readers(but(pod(), [](auto& w) { w.pod.volumes[0].read_only = true; })), Names{"app"});
  Workload beside = pod();
  beside.pod.containers.push_back(container("exporter", {mount("data", "/data")}, ContainerRole::kSidecar));
  beside.pod.containers[1].mounts[0].read_only = true;
  EXPECT_EQ(readers(beside), Names{"exporter"});
  beside.pod.containers[1].mounts.push_back(mount("data", "/rw"));
  EXPECT_EQ(readers(beside), Names{}) << "it can write by the other mount";
  beside.pod.containers[1].mounts[1].read_only = true;
  beside.pod.containers[1].role = ContainerRole::kInit;
  EXPECT_EQ(readers(beside), Names{}) << "it has ended before the app begins";
}

// ---- scope, design section 1 ----

TEST_F(Resolve, ScopeIsTheClusterWhereNothingBoundsIt) {
  EXPECT_EQ(scope(pod(), anywhere()), Scope::kCluster);
  EXPECT_EQ(scope(pod(), attached(kRwx)), Scope::kCluster);
}

TEST_F(Resolve, EnforcedReadWriteOnceBoundsScopeToTheNode) {
  EXPECT_EQ(scope(pod(), attached(kRwo)), Scope::kNode);
  EXPECT_EQ(scope(pod(), with(bound_claim("block.example.com", kRwo), not_attaching("block.example.com"))),
            Scope::kCluster)
      << "a word that nobody enforces";
  EXPECT_EQ(scope(pod(), bound_claim("block.example.com", kRwo)), std::nullopt)
      << "its CSIDriver is not in view";
}

TEST_F(Resolve, ReadWriteOncePodBoundsScopeToThePod) {
  EXPECT_EQ(scope(pod(), attached(kRwop)), Scope::kContainer);
  EXPECT_EQ(scope(pod(), bound_claim("nobody.example.com", kRwop)), Scope::kContainer)
      << "whatever the driver";
  Workload two = pod();
  two.pod.containers.push_back(container("litestream", {mount("data", "/data")}, ContainerRole::kSidecar));
  EXPECT_EQ(scope(two, attached(kRwop)), Scope::kPod);
  Workload init = pod();
  init.pod.containers.push_back(container("migrate", {mount("data", "/data")}, ContainerRole::kInit));
  EXPECT_EQ(scope(init, attached(kRwop)), Scope::kContainer);
}

TEST_F(Resolve, AVolumeOfOneHostBoundsScopeToTheNode) {
  auto pinned = persistent_volume("nobody.example.com", kRwx);
  pinned.pinned_hostname = "node-1";
  EXPECT_EQ(scope(pod(), cluster_of(claim(kRwx, "fast", "pv-1"), pinned)), Scope::kNode);
}

TEST_F(Resolve, PodsOfOneHostBoundScopeToTheNode) {
  EXPECT_EQ(scope(kPinned(pod()), anywhere()), Scope::kNode);
  EXPECT_EQ(scope(kPinned(of_kind(WorkloadKind::kDeployment)), anywhere()), Scope::kNode);
  auto beside = running("other");
  EXPECT_EQ(scope(kPinned(pod()), with(anywhere(), beside)), Scope::kCluster) << "the other may go anywhere";
  beside.spec.pinned_hostname = "node-1";
  EXPECT_EQ(scope(kPinned(pod()), with(anywhere(), beside)), Scope::kNode);
  beside.spec.pinned_hostname = "node-2";
  EXPECT_EQ(scope(kPinned(pod()), with(anywhere(), beside)), Scope::kCluster);
}

TEST_F(Resolve, ANodeNameIsFinalOnlyOfAPodWithoutAController) {
  const auto on_node = [](Workload workload) {
    workload.pod.node_name = "n1";
    return workload;
  };
  EXPECT_EQ(scope(on_node(pod()), anywhere()), Scope::kNode);
  EXPECT_EQ(scope(on_node(owned_by("ReplicaSet")), anywhere()), Scope::kCluster) << "the scheduler wrote it";
  auto beside = running("other");
  beside.spec.pinned_hostname = "host-1";
  const Node node{.name = "n1", .hostname = "host-1", .kernel_release = "", .os = "linux"};
  EXPECT_EQ(scope(on_node(pod()), with(anywhere(), beside, node)), Scope::kNode)
      << "a node has a name and a hostname";
}

TEST_F(Resolve, ReplicaCountsAndStrategiesNeverBoundScope) {
  for (const auto kind : {WorkloadKind::kDeployment, WorkloadKind::kReplicaSet}) {
    EXPECT_EQ(scope(with_replicas(kind, 1), anywhere()), Scope::kCluster);
    EXPECT_EQ(scope(with_replicas(kind, 0), anywhere()), Scope::kCluster);
  }
  const auto recreate = but(of_kind(WorkloadKind::kDeployment), [](auto& w) { w.recreate_strategy = true; });
  EXPECT_EQ(scope(recreate, anywhere()), Scope::kCluster);
  EXPECT_EQ(scope(of_kind(WorkloadKind::kJob), anywhere()), Scope::kCluster) << "a Job may run twice";
  EXPECT_EQ(scope(of_kind(WorkloadKind::kCronJob), anywhere()), Scope::kCluster);
  EXPECT_EQ(scope(of_kind(WorkloadKind::kDaemonSet), anywhere()), Scope::kCluster);
}

TEST_F(Resolve, AStatefulSetOfOneBoundsScopeToItsPod) {
  EXPECT_EQ(scope(with_replicas(WorkloadKind::kStatefulSet, 1), anywhere()), Scope::kContainer);
  EXPECT_EQ(scope(with_replicas(WorkloadKind::kStatefulSet, std::nullopt), anywhere()), Scope::kContainer);
  EXPECT_EQ(scope(with_replicas(WorkloadKind::kStatefulSet, 2), anywhere()), Scope::kCluster);
  EXPECT_EQ(scope(with_replicas(WorkloadKind::kStatefulSet, 1), with(anywhere(), running("app-0"))),
            Scope::kContainer)
      << "its own pod";
  EXPECT_EQ(scope(with_replicas(WorkloadKind::kStatefulSet, 1), with(anywhere(), running("backup"))),
            Scope::kCluster)
      << "a stranger has the claim too";
}

TEST_F(Resolve, AStatefulSetScaledDownToOneIsNotAloneUntilTheOthersAreGone) {
  const auto scaled_down = with(anywhere(), running("app-0"), running("app-1"));
  EXPECT_EQ(scope(with_replicas(WorkloadKind::kStatefulSet, 1), scaled_down), Scope::kCluster)
      << "a terminating pod still writes";
}

TEST_F(Resolve, AStatefulSetOfOneThatAnAutoscalerMayGrowIsNotOfOne) {
  const auto set = with_replicas(WorkloadKind::kStatefulSet, 1);
  const auto scaled_to = [](std::int64_t most) {
    return Autoscaler{.namespace_name = "shop",
                      .name = "any",
                      .target_kind = WorkloadKind::kStatefulSet,
                      .target_name = "app",
                      .most_replicas = most};
  };
  EXPECT_EQ(scope(set, with(anywhere(), scaled_to(3))), Scope::kCluster);
  EXPECT_EQ(facts(set, with(anywhere(), scaled_to(3))).autoscaled_to, 3);
  EXPECT_EQ(scope(set, with(anywhere(), scaled_to(1))), Scope::kContainer);
}

TEST_F(Resolve, NobodyKnowsHowFarAVolumeIsSharedWhileTheViewOfTheClusterIsOutOfDate) {
  ClusterState cluster = bound_claim("block.example.com", kRwop);
  EXPECT_EQ(scope(pod(), cluster), Scope::kContainer);
  cluster.set_current(ClusterKind::kPods, false);
  EXPECT_EQ(scope(pod(), cluster), std::nullopt);
  EXPECT_EQ(scope(pod(host_path("/srv")), cluster), std::nullopt);
  EXPECT_EQ(scope(pod(volume_of(VolumeKind::kEmptyDir)), cluster), Scope::kContainer)
      << "the spec alone tells who shares it";
}

TEST_F(Resolve, AStatefulSetOfOneDoesNotOwnWhatAnyPodMayNameBesideIt) {
  // Who else mounts this path or export is not in view: only of claims are the other pods known.
  const auto of_one = [&](Volume volume) {
    return but(of_kind(WorkloadKind::kStatefulSet, pod(std::move(volume))), [](auto& w) { w.replicas = 1; });
  };
  EXPECT_EQ(scope(of_one(host_path("/srv")), cluster_of()), std::nullopt);
  EXPECT_EQ(scope(of_one(inline_volume("nfs")), cluster_of()), Scope::kCluster);
}

TEST_F(Resolve, AClaimOfAReplicaBelongsToOnePod) {
  const auto cluster =
      cluster_of(storage_class("fast", "nobody.example.com"), not_attaching("nobody.example.com"));
  const auto set = but(stateful_set_with_template(kRwx), [](auto& w) { w.replicas = 3; });
  EXPECT_EQ(scope(set, cluster), Scope::kContainer);
  EXPECT_TRUE(facts(set, cluster).per_replica_claim);

  // Its pod, with the claim as Kubernetes names it.
  const auto replica =
      but(owned_by("StatefulSet", pod(claim_volume("data-app-2"))), [](auto& w) { w.name = "app-2"; });
  const auto claims = with(cluster, but(claim(kRwx), [](auto& c) { c.name = "data-app-2"; }));
  EXPECT_EQ(scope(replica, claims), Scope::kContainer);
  EXPECT_EQ(scope(replica, with(claims, running("app-2", "data-app-2"))), Scope::kContainer) << "itself";
  EXPECT_EQ(scope(replica, with(claims, running("backup", "data-app-2"))), Scope::kCluster) << "a stranger";
}

TEST_F(Resolve, AClaimThatIsOnlyNamedLikeAReplicasIsNot) {
  const auto claims = [&](const std::string& name) {
    return with(anywhere(), but(claim(kRwx), [&](auto& c) { c.name = name; }));
  };
  const auto named = [](Workload workload, std::string name) {
    workload.name = std::move(name);
    return workload;
  };
  EXPECT_EQ(
      scope(named(owned_by("ReplicaSet", pod(claim_volume("data-app-2"))), "app-2"), claims("data-app-2")),
      Scope::kCluster)
      << "not of a StatefulSet";
  EXPECT_EQ(
      scope(named(owned_by("StatefulSet", pod(claim_volume("data-app-1"))), "app-2"), claims("data-app-1")),
      Scope::kCluster)
      << "of another replica";
  EXPECT_EQ(scope(named(owned_by("StatefulSet", pod(claim_volume("-app-2"))), "app-2"), claims("-app-2")),
            Scope::kCluster)
      << "no template has an empty name";
  EXPECT_EQ(scope(named(owned_by("StatefulSet", pod(claim_volume("data-app-2"))), ""), claims("data-app-2")),
            Scope::kCluster)
      << "a pod without a name yet";
}

TEST_F(Resolve, AnEmptyDirBelongsToOnePod) {
  const auto empty_dir = pod(volume_of(VolumeKind::kEmptyDir));
  EXPECT_EQ(scope(empty_dir, cluster_of()), Scope::kContainer);
  EXPECT_EQ(verdict(empty_dir, cluster_of()), Verdict::kSafe);
  EXPECT_EQ(verdict(pod(volume_of(VolumeKind::kEmptyDirMemory)), cluster_of()), Verdict::kSafe);
}

TEST_F(Resolve, AVerifiedLocalDiskStaysOnItsNodeAndAPathDoesNot) {
  EXPECT_EQ(scope(pod(), bound_claim("local.example.com", kRwx)), Scope::kNode);
  EXPECT_EQ(scope(pod(), bound_claim("path.example.com", kRwo)), std::nullopt);
  EXPECT_EQ(scope(pod(host_path("/srv")), cluster_of()), std::nullopt);
}

// ---- verdicts end to end ----

TEST_F(Resolve, TheFamousCasesComeOutRight) {
  EXPECT_EQ(verdict(pod(), attached(kRwo)), Verdict::kSafe) << "a block class, RWO";
  EXPECT_EQ(verdict(pod(), attached(kRwop)), Verdict::kSafe) << "a block class, RWOP";
  EXPECT_EQ(verdict(pod(), attached(kRwx)), Verdict::kUnsafe) << "a block class on two nodes";
  EXPECT_EQ(verdict(pod(), anywhere("shared.example.com")), Verdict::kUnsafe) << "NFS by CSI";
  EXPECT_EQ(verdict(pod(), with(bound_claim("shared.example.com", kRwo), attaching("shared.example.com"))),
            Verdict::kUnsafe)
      << "NFS whose driver attaches all the same";
  EXPECT_EQ(verdict(pod(inline_volume("nfs")), cluster_of()), Verdict::kUnsafe) << "NFS in the pod";
  EXPECT_EQ(verdict(pod(), anywhere("objects.example.com")), Verdict::kUnsafe) << "a bucket";
  EXPECT_EQ(verdict(pod(), anywhere("cluster.example.com")), Verdict::kUnproven) << "a cluster filesystem";
  EXPECT_EQ(verdict(pod(), anywhere()), Verdict::kUnproven) << "a driver nobody knows";
  EXPECT_EQ(verdict(pod(), bound_claim("block.example.com", kRwo)), Verdict::kUnproven)
      << "no CSIDriver in view";
  EXPECT_EQ(verdict(pod(), cluster_of()), Verdict::kUnproven) << "no claim in view";
  EXPECT_EQ(verdict(pod(host_path("/srv")), cluster_of()), Verdict::kUnproven) << "a path of the node";
  EXPECT_EQ(verdict(pod(), bound_claim("path.example.com", kRwo)), Verdict::kUnproven)
      << "a path-based provisioner";
  EXPECT_EQ(verdict(pod(volume_of(VolumeKind::kUnknown)), cluster_of()), Verdict::kUnproven)
      << "a source of tomorrow";
}

TEST_F(Resolve, ABlockVolumeIsNoLongerSafeWhenASandboxJoins) {
  const RuntimeClass gvisor{.name = "gvisor", .handler = "runsc"};
  EXPECT_EQ(verdict(pod(), with(attached(kRwo), gvisor, running("other", "app-data", "gvisor"))),
            Verdict::kUnsafe);
  const auto sandboxed = but(pod(), [](auto& w) { w.pod.runtime_class = "gvisor"; });
  EXPECT_EQ(verdict(sandboxed, with(attached(kRwo), gvisor)), Verdict::kUnsafe)
      << "another sandbox on the node may";
  EXPECT_EQ(verdict(sandboxed, with(attached(kRwop), gvisor)), Verdict::kUnproven)
      << "one sandbox: to be measured";
  EXPECT_EQ(verdict(sandboxed, attached(kRwo)), Verdict::kUnproven) << "a runtime class out of view";
}

TEST_F(Resolve, APodForWindowsNodesIsNeverSafeByWhatIsKnownOfLinux) {
  const auto windows = but(pod(), [](auto& w) { w.pod.windows = true; });
  EXPECT_EQ(verdict(windows, attached(kRwo)), Verdict::kUnproven);
  EXPECT_EQ(verdict(pod(volume_of(VolumeKind::kEmptyDir)), cluster_of()), Verdict::kSafe);
  const auto on_linux = book(passed(facts(pod(), attached(kRwo)).key, Scope::kCluster));
  EXPECT_EQ(verdict(windows, attached(kRwo), on_linux), Verdict::kUnproven)
      << "nor by what was measured there";
}

// ---- replicas and rollouts ----

TEST_F(Resolve, APodDoesNotKnowItsSiblings) {
  EXPECT_EQ(facts(pod(), attached(kRwo)).replicas, 1);
  EXPECT_EQ(facts(owned_by("ReplicaSet"), attached(kRwo)).replicas, std::nullopt);
  EXPECT_EQ(facts(with_replicas(WorkloadKind::kDeployment, 5), attached(kRwo)).replicas, 5);
  EXPECT_EQ(facts(with_replicas(WorkloadKind::kDeployment, std::nullopt), attached(kRwo)).replicas, 1)
      << "the API's default";
  EXPECT_EQ(facts(of_kind(WorkloadKind::kJob), attached(kRwo)).replicas, std::nullopt)
      << "a Job may run several pods at once";
  EXPECT_EQ(facts(of_kind(WorkloadKind::kCronJob), attached(kRwo)).replicas, std::nullopt);
}

TEST_F(Resolve, ReplicasOnAPathOfTheNodeDivergeUnlessTheyAreMeantTo) {
  const auto on_path = [&](Workload workload) {
    workload.pod.volumes = {host_path("/srv")};
    return judge(workload, cluster_of(), catalog_, {}, {}, kNow).front().judgement;
  };
  EXPECT_TRUE(says(on_path(with_replicas(WorkloadKind::kDeployment, 3)), "replicas-diverge"));
  EXPECT_FALSE(says(on_path(with_replicas(WorkloadKind::kDeployment, 1)), "replicas-diverge"));
  EXPECT_FALSE(says(on_path(of_kind(WorkloadKind::kDaemonSet)), "replicas-diverge"));
  EXPECT_FALSE(says(on_path(owned_by("DaemonSet")), "replicas-diverge"));
  EXPECT_FALSE(says(on_path(kPinned(with_replicas(WorkloadKind::kDeployment, 3))), "replicas-diverge"));
}

TEST_F(Resolve, ARollingUpdateOverAClaimIsSaid) {
  const auto overlaps = [&](const Workload& workload, const ClusterState& cluster) {
    return facts(workload, cluster).replaced_by_overlap;
  };
  const auto deployment = of_kind(WorkloadKind::kDeployment);
  EXPECT_TRUE(overlaps(deployment, attached(kRwo)));
  EXPECT_FALSE(overlaps(but(deployment, [](auto& w) { w.recreate_strategy = true; }), attached(kRwo)));
  EXPECT_FALSE(overlaps(deployment, attached(kRwop))) << "the new pod waits";
  EXPECT_FALSE(overlaps(of_kind(WorkloadKind::kStatefulSet), attached(kRwo)));
  EXPECT_FALSE(
      overlaps(of_kind(WorkloadKind::kDeployment, pod(volume_of(VolumeKind::kEmptyDir))), cluster_of()));
}

// ---- keys ----

TEST_F(Resolve, TheKeyNamesTheRuntimeItWasMeasuredUnder) {
  const RuntimeClass gvisor{.name = "gvisor", .handler = "runsc"};
  const auto under = [](std::string runtime_class) {
    return but(pod(), [&](auto& w) { w.pod.runtime_class = std::move(runtime_class); });
  };
  EXPECT_EQ(facts(pod(), attached(kRwo)).key.runtime_handler, "");
  EXPECT_EQ(facts(under("gvisor"), with(attached(kRwo), gvisor)).key.runtime_handler, "runsc");
  EXPECT_NE(facts(under("gvisor"), attached(kRwo)).key, facts(pod(), attached(kRwo)).key)
      << "a class out of view is not the default runtime";
}

TEST_F(Resolve, WhatIsMeasuredOnAPathOfOneNodeSpeaksForThatNodeAlone) {
  const auto on = [&](const std::string& host) {
    return facts(kPinned(pod(host_path("/srv")), host), cluster_of()).key;
  };
  EXPECT_EQ(on("node-1"), on("node-1"));
  EXPECT_NE(on("node-1"), on("node-2"));
  const auto evidence = book(passed(on("node-1"), Scope::kCluster));
  EXPECT_EQ(verdict(kPinned(pod(host_path("/srv"))), cluster_of(), evidence), Verdict::kSafe);
  EXPECT_EQ(verdict(kPinned(pod(host_path("/srv")), "node-2"), cluster_of(), evidence), Verdict::kUnproven);
  EXPECT_EQ(verdict(pod(host_path("/srv")), cluster_of(), evidence), Verdict::kUnproven)
      << "wherever it lands";
  EXPECT_EQ(verdict(kPinned(pod(host_path("/other"))), cluster_of(), evidence), Verdict::kUnproven);
}

TEST_F(Resolve, TheSameHoldsForAPersistentVolumeThatIsAPathOnEveryNode) {
  auto path = persistent_volume("", kRwo, "");
  path.kind = VolumeKind::kHostPath;
  path.path = "/srv";
  const auto cluster = cluster_of(claim(kRwo, "", "pv-1"), path);
  const auto evidence = book(passed(facts(kPinned(pod()), cluster).key, Scope::kCluster));
  EXPECT_EQ(verdict(kPinned(pod()), cluster, evidence), Verdict::kSafe);
  EXPECT_EQ(verdict(kPinned(pod(), "node-2"), cluster, evidence), Verdict::kUnproven);
}

TEST_F(Resolve, EvidenceOfAClassProvesItsVolumesAsFarAsItReached) {
  const auto cluster = with(bound_claim("nobody.example.com", kRwo), attaching("nobody.example.com"));
  const auto key = facts(pod(), cluster).key;
  EXPECT_EQ(key.storage_class, "fast");
  EXPECT_EQ(verdict(pod(), cluster), Verdict::kUnproven);
  EXPECT_EQ(verdict(pod(), cluster, book(passed(key, Scope::kNode))), Verdict::kSafe);
  EXPECT_EQ(verdict(pod(), cluster, book(passed(key, Scope::kPod))), Verdict::kUnproven);
  const auto unbound =
      cluster_of(storage_class("fast", "nobody.example.com"), claim(kRwo), attaching("nobody.example.com"));
  EXPECT_EQ(verdict(pod(), unbound, book(passed(key, Scope::kNode))), Verdict::kSafe)
      << "before it is bound too";
}

}  // namespace
}  // namespace walguard::core
