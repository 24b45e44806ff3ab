// Whole workloads in whole clusters, where one easily missed fact decides: each has once been judged wrongly.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/databases.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/probe_plan.h"
#include "operator/core/resolve.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

class CornerCase : public ::testing::Test {
 protected:
  VolumeFacts facts(const Workload& workload, const ClusterState& cluster) {
    return resolve(workload, cluster, catalog_).at(0);
  }
  Verdict verdict(const Workload& workload, const ClusterState& cluster,
                  const EvidenceBook& evidence = EvidenceBook{}) {
    return judge(workload, cluster, catalog_, evidence, {}, kNow).at(0).judgement.verdict;
  }
  Decision decision(const Workload& workload, const ClusterState& cluster,
                    const Workload* old_object = nullptr, const Policy& policy = {}) {
    const Namespace enforcing{.name = "shop", .mode = Mode::kEnforce, .ignored = false};
    const auto volumes = judge(workload, cluster, catalog_, {}, policy, kNow);
    std::vector<JudgedVolume> old_volumes;
    if (old_object != nullptr) {
      old_volumes = judge_before_update(*old_object, workload, cluster, catalog_, {}, policy, kNow);
    }
    RequestFacts request;
    request.object = &workload;
    request.namespace_object = &enforcing;
    if (old_object != nullptr) {
      request.operation = Operation::kUpdate;
      request.old_volumes = &old_volumes;
    }
    return respond(request, volumes, {}, policy, ProbeReach{}, kNow).decision;
  }

  Catalog catalog_ = catalog();
};

PersistentVolume second_volume(const std::vector<AccessMode>& modes) {
  return but(persistent_volume("block.example.com", modes), [](auto& v) { v.name = "pv-2"; });
}

PersistentVolumeClaim second_claim(const std::vector<AccessMode>& modes) {
  return but(claim(modes, "fast", "pv-2"), [](auto& c) { c.name = "second"; });
}

// Design section 2: two PVs with one volumeHandle are one volume, with the modes, pods and kernels of both.
TEST_F(CornerCase, TwoPersistentVolumesWithOneHandleAreOneVolume) {
  const auto both = [](const std::vector<AccessMode>& first, const std::vector<AccessMode>& second) {
    return with(bound_claim("block.example.com", first), attaching("block.example.com"),
                second_volume(second), second_claim(second));
  };
  EXPECT_NE(verdict(pod(), both(kRwo, kRwx)), Verdict::kSafe) << "the other PV lets it out to other nodes";
  EXPECT_NE(facts(pod(), both(kRwop, kRwop)).scope, Scope::kContainer) << "two claims are two pods";
  const auto sandboxed = with(both(kRwo, kRwo), RuntimeClass{.name = "gvisor", .handler = "runsc"},
                              running("other", "second", "gvisor"));
  EXPECT_NE(verdict(pod(), sandboxed), Verdict::kSafe) << "another kernel writes through the other PV";
}

// Pods are one by namespace and name: the set of the same name next door is a stranger.
TEST_F(CornerCase, ANamesakeInAnotherNamespaceIsAStranger) {
  const auto twin_claim = but(second_claim(kRwx), [](auto& c) { c.namespace_name = "other"; });
  const auto twins = with(bound_claim("block.example.com", kRwx), attaching("block.example.com"),
                          second_volume(kRwx), twin_claim);
  const auto namesake = but(running("app-0", "second"), [](auto& p) { p.namespace_name = "other"; });
  EXPECT_EQ(facts(of_kind(WorkloadKind::kStatefulSet), with(twins, namesake)).scope, Scope::kCluster);
  EXPECT_EQ(facts(of_kind(WorkloadKind::kStatefulSet), twins).scope, Scope::kCluster)
      << "the other claim is a way in, whether or not its pod is there yet";
}

// Design section 1: class evidence is of a fresh claim, and applies only where the PV's own driver,
// volumeAttributes, fsType and mountOptions match; a static PV is proven on itself.
TEST_F(CornerCase, AStaticVolumeThatOnlyBearsTheNameOfAClassIsNotProvenByIt) {
  const auto fast = storage_class("fast", "nobody.example.com", {{"pool", "ssd"}});
  const auto unbound = cluster_of(fast, claim(kRwo), attaching("nobody.example.com"));
  const auto of_the_class = book(passed(facts(pod(), unbound).key, Scope::kNode));
  auto by_hand = persistent_volume("nobody.example.com", kRwo);
  by_hand.provisioned_by.clear();
  by_hand.attributes = {{"pool", "somebody-elses-nfs"}};
  const auto bound = cluster_of(fast, claim(kRwo, "fast", "pv-1"), by_hand, attaching("nobody.example.com"));
  EXPECT_EQ(verdict(pod(), bound, of_the_class), Verdict::kUnproven);
}

/// Under which key a ClaimPreflight of shop/app-data measures, when that is bound to `volume`.
EvidenceKey key_of_a_claim_preflight(const PersistentVolume& volume) {
  PreflightWorld world;
  ObservedPreflight& preflight = world.preflights.emplace_back();
  preflight.object.kind = PreflightKind::kClaim;
  preflight.object.spec.claim = "app-data";
  preflight.runtime_handler = "";
  preflight.subject.emplace().bound = true;
  preflight.subject->volume = volume.name;
  preflight.subject_volume.emplace().name = volume.name;
  preflight.subject_volume->driver = volume.driver;
  preflight.subject_volume->mount_options = volume.mount_options;
  for (const Action& action : next_actions(world, kNow)) {
    if (action.status) return action.status->run_key;
  }
  ADD_FAILURE() << "it does not begin";
  return {};
}

// Design section 1: a claim of another mount option or filesystem type is not what a fresh one of the class
// would be, whatever that is measured as.
TEST_F(CornerCase, AVolumeThatIsNotAsItsClassMakesItIsProvenByAClaimPreflightAlone) {
  const auto fast = storage_class("fast", "nobody.example.com", {{"fsType", "xfs"}});
  const auto as_made = persistent_volume("nobody.example.com", kRwo);
  const auto of_the_class = book(passed(class_key(fast, "", AccessMode::kReadWriteOnce), Scope::kNode));
  for (const auto& volume : {but(as_made, [](auto& v) { v.mount_options = {"noatime", "discard"}; }),
                             but(as_made, [](auto& v) { v.fs_type = "ext4"; })}) {
    const auto cluster =
        cluster_of(fast, claim(kRwo, "fast", "pv-1"), volume, attaching("nobody.example.com"));
    EXPECT_EQ(verdict(pod(), cluster, of_the_class), Verdict::kUnproven);
    const auto of_the_claim = book(passed(key_of_a_claim_preflight(volume), Scope::kNode));
    EXPECT_EQ(verdict(pod(), cluster, of_the_claim), Verdict::kSafe);
  }
}

TEST_F(CornerCase, AClaimPreflightSpeaksForItsClaimBesideThePreflightOfTheClass) {
  const auto cluster = with(bound_claim("nobody.example.com", kRwo), attaching("nobody.example.com"));
  const EvidenceKey of_class = facts(pod(), cluster).key;
  const EvidenceKey own = key_of_a_claim_preflight(persistent_volume("nobody.example.com", kRwo));
  const auto judged = [&](const EvidenceBook& evidence) {
    return judge(pod(), cluster, catalog_, evidence, {}, kNow).at(0).judgement;
  };
  EXPECT_EQ(judged(book(passed(own, Scope::kNode))).verdict, Verdict::kSafe);
  EXPECT_EQ(judged(book(passed(own, Scope::kNode, 38 * kDay))).verdict, Verdict::kUnproven) << "too old";
  const Judgement failed_itself =
      judged(book(failed(own, Scope::kNode, 9 * kDay), passed(of_class, Scope::kNode)));
  EXPECT_EQ(failed_itself.verdict, Verdict::kUnsafe) << "whatever another volume of the class did";
  EXPECT_EQ(judged(book(failed(of_class, Scope::kNode, 9 * kDay), passed(own, Scope::kNode))).verdict,
            Verdict::kUnsafe)
      << "one that passes does not show what made the other fail";
  const Judgement renewed =
      judged(book(passed(of_class, Scope::kNode, 31 * kDay), passed(own, Scope::kNode)));
  EXPECT_FALSE(says(renewed, "evidence-stale"));
  const Judgement renewed_by_class =
      judged(book(passed(of_class, Scope::kNode), passed(own, Scope::kNode, 38 * kDay)));
  EXPECT_EQ(renewed_by_class.verdict, Verdict::kSafe);

  const auto other = but(persistent_volume("nobody.example.com", kRwo), [](auto& v) { v.name = "pv-2"; });
  EXPECT_EQ(judged(book(passed(key_of_a_claim_preflight(other), Scope::kNode))).verdict, Verdict::kUnproven);
}

// Design section 2: a network filesystem at scope node stays unsafe unless the policy accepts it. For a
// driver nobody knows the report says that it is NFS (`identity` saw nfs4).
TEST_F(CornerCase, APassOnWhatIdentitySawToBeNfsIsNoPassOnADisk) {
  const auto cluster = with(bound_claim("nobody.example.com", kRwo), attaching("nobody.example.com"));
  Evidence report = passed(facts(pod(), cluster).key, Scope::kNode);
  report.filesystem = "nfs4";
  EXPECT_NE(verdict(pod(), cluster, book(report)), Verdict::kSafe);
  report.key = key_of_a_claim_preflight(persistent_volume("nobody.example.com", kRwo));
  EXPECT_NE(verdict(pod(), cluster, book(report)), Verdict::kSafe)
      << "also where the claim itself was measured";
  report.filesystem = "ext4";  // what looks local is no guarantee, and the measurement is one
  const auto judged = judge(pod(), cluster, catalog_, book(report), {}, kNow).at(0);
  EXPECT_EQ(judged.judgement.verdict, Verdict::kSafe);
  EXPECT_EQ(judged.facts.transport, std::nullopt);
  Evidence elsewhere = report;
  elsewhere.placement = "pool-b";
  report.filesystem = "nfs4";
  --report.measured_at;
  EXPECT_NE(verdict(pod(), cluster, book(report, elsewhere)), Verdict::kSafe)
      << "what other nodes mount takes nothing back";
}

// A pass under this pod's runtime says nothing of a second pod under a runtime that nobody knows.
TEST_F(CornerCase, APassUnderOneRuntimeDoesNotSpeakForAnotherPodsUnknownRuntime) {
  const auto cluster = with(bound_claim("nobody.example.com", kRwo), attaching("nobody.example.com"));
  const auto pass = book(passed(facts(pod(), cluster).key, Scope::kNode));
  ASSERT_EQ(verdict(pod(), cluster, pass), Verdict::kSafe);
  EXPECT_EQ(verdict(pod(), with(cluster, running("other", "app-data", "not-in-view")), pass),
            Verdict::kUnproven);
}

// A host path has no claim by which to find who else mounts it.
TEST_F(CornerCase, ASandboxOnTheSameHostPathIsSeen) {
  const auto pinned = but(pod(host_path("/srv")), [](auto& w) { w.pod.pinned_hostname = "node-1"; });
  const auto pass = book(passed(facts(pinned, cluster_of()).key, Scope::kNode));
  RunningPod other{.namespace_name = "other", .name = "other", .spec = pinned.pod};
  other.spec.runtime_class = "gvisor";
  const auto cluster = cluster_of(RuntimeClass{.name = "gvisor", .handler = "runsc"}, other);
  EXPECT_NE(verdict(pinned, cluster, pass), Verdict::kSafe);
}

// Design section 4: with require-local every SQLite volume must be safe. A list that names no volume (empty,
// relative, a typing error, a container of another name) must not be a way around that.
TEST_F(CornerCase, RequireLocalWithAListThatNamesNoVolumeIsNotSimplyLetIn) {
  const auto nfs = with(bound_claim("shared.example.com", kRwx), not_attaching("shared.example.com"));
  for (const std::string list : {"", "data/app.db", "/dta/app.db", "wbe:/data/app.db"}) {
    Workload workload = pod();
    workload.annotations.require_local = true;
    workload.annotations.databases = list;
    EXPECT_EQ(decision(workload, nfs), Decision::kDeny) << '"' << list << '"';
  }
}

// The claims of a StatefulSet's template are named TEMPLATE-SET-ORDINAL; a stranger may be on one of them.
TEST_F(CornerCase, AStrangerOnAReplicasClaimIsSeenWhenTheSetIsJudged) {
  const auto cluster = cluster_of(storage_class("fast", "nobody.example.com"),
                                  not_attaching("nobody.example.com"), running("backup", "data-app-0"));
  EXPECT_EQ(facts(stateful_set_with_template(kRwx), cluster).scope, Scope::kCluster);
  for (const std::string other : {"data-app-x", "data-app-", "data-other-0", "more-app-0", "0"}) {
    const auto beside = cluster_of(storage_class("fast", "nobody.example.com"),
                                   not_attaching("nobody.example.com"), running("backup", other));
    EXPECT_EQ(facts(stateful_set_with_template(kRwx), beside).scope, Scope::kContainer) << other;
  }
}

// /data/*/app.db leads into a mount at /data/a.
TEST_F(CornerCase, AStarAboveTheMountMatchesTheMount) {
  Workload workload = pod();
  workload.annotations.databases = "/data/*/app.db";
  workload.pod.containers = {container("app", {mount("data", "/data/a")})};
  EXPECT_EQ(find_databases(workload, workload.pod.volumes.front()).certainty, Certainty::kDeclared);
}

// A subPath may name a folder.
TEST_F(CornerCase, AFolderBySubPathIsNotForCertainTheDatabaseFile) {
  Workload workload = pod();
  workload.annotations.databases = "/data";
  workload.pod.containers = {container("app", {mount("data", "/data", "shop")})};
  EXPECT_NE(find_databases(workload, workload.pod.volumes.front()).single_file_mount, true);
}

// Design section 4: workload kinds are judged too, so that `kubectl apply` answers at once. Under `enforce` a
// pod whose volume no preflight can settle is denied, and so is its Deployment.
TEST_F(CornerCase, ADeploymentWhosePodsWillAllBeDeniedIsDenied) {
  const auto nobody = with(bound_claim("nobody.example.com", kRwo), attaching("nobody.example.com"));
  ASSERT_EQ(decision(pod(), nobody), Decision::kDeny);
  EXPECT_EQ(decision(of_kind(WorkloadKind::kDeployment), nobody), Decision::kDeny);
}

// Design section 4: an update that leaves the storage facts no worse is never denied. To annotate a running
// pod changes nothing about its storage.
TEST_F(CornerCase, ToDeclareADatabaseOnARunningPodIsNotDenied) {
  const auto nfs = with(bound_claim("shared.example.com", kRwx), not_attaching("shared.example.com"));
  const Workload before = but(pod(), [](auto& w) { w.annotations.databases.reset(); });
  EXPECT_NE(decision(pod(), nfs, &before), Decision::kDeny);
}

// Design section 1: all findings are reported, so that a user mends everything in one go.
TEST_F(CornerCase, EveryMountOptionThatTakesSomethingAwayIsReported) {
  auto volume = persistent_volume("nfs", kRwx);
  volume.mount_options = {"nolock", "nosharecache"};
  EXPECT_TRUE(facts(pod(), cluster_of(claim(kRwx, "fast", "pv-1"), volume)).split_page_cache);
}

}  // namespace
}  // namespace walguard::core
