// Every rule of the table: when it applies, when it does not, and when the facts do not tell.
#include "operator/core/rules.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

struct RuleCase {
  std::string_view rule;
  std::string_view sentence;
  Match expected;
  VolumeFacts facts;
  EvidenceBook evidence{};
  Policy policy{};
  Strategy strategy = Strategy::kWal;
};

std::ostream& operator<<(std::ostream& out, const RuleCase& test) {
  return out << test.rule << ": " << test.sentence;
}

/// Rules that always know their answer, and why. A rule is either here or has a case of Match::kUnknown.
const std::map<std::string_view, std::string_view> kNeverUnknown = {
    {"preflight-failed", "evidence is in the book or it is not"},
    {"unknown-driver", "it is the rule that names an unknown transport"},
    {"claim-unbound", "how far a claim is bound is always known, if only as missing from view"},
    {"scope-unknown", "it is the rule that names an unknown scope"},
    {"evidence-missing", "evidence is in the book or it is not"},
    {"evidence-stale", "evidence has a time"},
    {"rollout-overlap", "the strategy stands in the workload; a warning, so a pod alone does not ask"},
    {"scale-out", "a warning: a pod that does not know its siblings does not ask"},
    {"preflight-passed", "evidence is in the book or it is not"},
};

const Policy kAcceptsOneNode = but(Policy{}, [](auto& p) { p.accept_network_filesystem_on_one_node = true; });

VolumeFacts under(KernelDomain domain, Scope scope) {
  return but(block_volume(), [&](auto& f) { f.kernel_domain = domain, f.scope = scope; });
}

VolumeFacts on_every_node_its_own(std::optional<std::int64_t> replicas) {
  return but(local_volume(), [&](auto& f) { f.differs_per_node = true, f.replicas = replicas; });
}

VolumeFacts bound_as(Binding binding) {
  return but(unknown_volume(), [&](auto& f) { f.binding = binding; });
}

// clang-format off
std::vector<RuleCase> unsafe_cases() {
  const auto nfs = nfs_volume();
  const auto nfs_here = nfs_volume(Scope::kNode);
  const auto cluster = shared_volume(Transport::kClusterFilesystem);
  const auto path_based = but(local_volume(), [](auto& f) { f.proven_only_by_preflight = true; });
  return {
    {"network-filesystem", "NFS on many nodes", Match::kYes, nfs},
    {"network-filesystem", "NFS on one node, with a pass", Match::kYes, nfs_here, book(passed(nfs_here.key, Scope::kNode))},
    {"network-filesystem", "NFS on one node, accepted by policy, nothing measured", Match::kYes, nfs_here, {}, kAcceptsOneNode},
    {"network-filesystem", "NFS on one node, accepted by policy, with a pass", Match::kNo, nfs_here, book(passed(nfs_here.key, Scope::kNode)), kAcceptsOneNode},
    {"network-filesystem", "NFS on many nodes, whatever the policy and the pass", Match::kYes, nfs, book(passed(nfs.key, Scope::kCluster)), kAcceptsOneNode},
    {"network-filesystem", "NFS as far as nobody knows", Match::kYes, but(nfs, [](auto& f) { f.scope.reset(); }), book(passed(nfs.key, Scope::kCluster)), kAcceptsOneNode},
    {"network-filesystem", "a disk", Match::kNo, block_volume()},
    {"network-filesystem", "a driver nobody knows", Match::kUnknown, unknown_volume()},

    {"object-store-fuse", "a bucket", Match::kYes, shared_volume(Transport::kObjectFuse)},
    {"object-store-fuse", "a bucket in one container", Match::kYes, shared_volume(Transport::kObjectFuse, Scope::kContainer)},
    {"object-store-fuse", "a disk", Match::kNo, block_volume()},
    {"object-store-fuse", "a driver nobody knows", Match::kUnknown, unknown_volume()},

    {"vm-shared-filesystem", "virtiofs", Match::kYes, shared_volume(Transport::kVmShare, Scope::kNode)},
    {"vm-shared-filesystem", "a disk", Match::kNo, block_volume()},
    {"vm-shared-filesystem", "a driver nobody knows", Match::kUnknown, unknown_volume()},

    {"cross-node-sharing", "a block device on two nodes", Match::kYes, but(block_volume(), [](auto& f) { f.scope = Scope::kCluster; })},
    {"cross-node-sharing", "NFS on two nodes", Match::kYes, nfs},
    {"cross-node-sharing", "a block device on one node", Match::kNo, block_volume()},
    {"cross-node-sharing", "a local disk is other files on another node", Match::kNo, but(local_volume(), [](auto& f) { f.scope = Scope::kCluster; })},
    {"cross-node-sharing", "a path of the node on one node", Match::kNo, path_based},
    {"cross-node-sharing", "a path of the node: what is mounted there may be on others", Match::kUnknown, but(path_based, [](auto& f) { f.scope.reset(); })},
    {"cross-node-sharing", "a block device as far as nobody knows", Match::kUnknown, but(block_volume(), [](auto& f) { f.scope.reset(); })},
    {"cross-node-sharing", "a cluster filesystem: only a measurement tells", Match::kUnknown, cluster},
    {"cross-node-sharing", "a driver nobody knows on two nodes", Match::kUnknown, but(unknown_volume(), [](auto& f) { f.scope = Scope::kCluster; })},

    {"sandboxed-kernel", "two gVisor pods on a node", Match::kYes, under(KernelDomain::kPerSandbox, Scope::kNode)},
    {"sandboxed-kernel", "two Kata pods on two nodes", Match::kYes, under(KernelDomain::kPerPod, Scope::kCluster)},
    {"sandboxed-kernel", "one container in a sandbox", Match::kNo, under(KernelDomain::kPerSandbox, Scope::kContainer)},
    {"sandboxed-kernel", "the node's kernel", Match::kNo, block_volume()},
    {"sandboxed-kernel", "two containers of one sandbox: only a measurement tells", Match::kUnknown, under(KernelDomain::kPerSandbox, Scope::kPod)},
    {"sandboxed-kernel", "a runtime nobody knows", Match::kUnknown, but(block_volume(), [](auto& f) { f.kernel_domain.reset(); })},
    {"sandboxed-kernel", "a sandbox, shared as far as nobody knows", Match::kUnknown, but(under(KernelDomain::kPerPod, Scope::kPod), [](auto& f) { f.scope.reset(); })},

    {"mixed-kernels", "a sandbox beside the node's kernel", Match::kYes, under(KernelDomain::kMixed, Scope::kNode)},
    {"mixed-kernels", "the node's kernel", Match::kNo, block_volume()},
    {"mixed-kernels", "sandboxes alone", Match::kNo, under(KernelDomain::kPerSandbox, Scope::kNode)},
    {"mixed-kernels", "another pod under a runtime nobody knows", Match::kUnknown, but(block_volume(), [](auto& f) { f.other_kernels_known = false; })},

    {"locks-disabled", "nolock", Match::kYes, but(nfs, [](auto& f) { f.locks_stay_local = true; })},
    {"locks-disabled", "nolock on a disk all the same", Match::kYes, but(block_volume(), [](auto& f) { f.locks_stay_local = true; })},
    {"locks-disabled", "options in view, none tells", Match::kNo, nfs},
    {"locks-disabled", "a disk, options not in view", Match::kNo, but(block_volume(), [](auto& f) { f.locks_stay_local.reset(); })},
    {"locks-disabled", "NFS, options not in view", Match::kUnknown, but(nfs, [](auto& f) { f.locks_stay_local.reset(); })},
    {"locks-disabled", "a driver nobody knows, options not in view", Match::kUnknown, but(unknown_volume(), [](auto& f) { f.locks_stay_local.reset(); })},

    {"split-page-cache", "a FUSE daemon for each pod of a node", Match::kYes, but(nfs_here, [](auto& f) { f.split_page_cache = true; })},
    {"split-page-cache", "a FUSE daemon of one pod", Match::kNo, but(nfs_volume(Scope::kPod), [](auto& f) { f.split_page_cache = true; })},
    {"split-page-cache", "one mount for a node", Match::kNo, nfs_here},
    {"split-page-cache", "a daemon for each pod, as far as nobody knows", Match::kUnknown, but(nfs, [](auto& f) { f.split_page_cache = true, f.scope.reset(); })},

    {"split-database-files", "the file is mounted", Match::kYes, but(block_volume(), [](auto& f) { f.single_file_mount = true; })},
    {"split-database-files", "the folder is mounted", Match::kNo, block_volume()},
    {"split-database-files", "a hostPath that may be either", Match::kUnknown, but(block_volume(), [](auto& f) { f.single_file_mount.reset(); })},

    {"replicas-diverge", "three replicas, each node its own files", Match::kYes, on_every_node_its_own(3)},
    {"replicas-diverge", "one replica", Match::kNo, on_every_node_its_own(1)},
    {"replicas-diverge", "one replica, and an autoscaler that may make more", Match::kYes, but(on_every_node_its_own(1), [](auto& f) { f.autoscaled_to = 2; })},
    {"replicas-diverge", "a DaemonSet means it so", Match::kNo, but(on_every_node_its_own(3), [](auto& f) { f.workload = WorkloadKind::kDaemonSet; })},
    {"replicas-diverge", "a claim for each replica", Match::kNo, but(on_every_node_its_own(3), [](auto& f) { f.per_replica_claim = true; })},
    {"replicas-diverge", "all on one node", Match::kNo, but(on_every_node_its_own(3), [](auto& f) { f.pinned_to_node = true; })},
    {"replicas-diverge", "the same files everywhere", Match::kNo, but(block_volume(), [](auto& f) { f.replicas = 3; })},
    {"replicas-diverge", "a pod that does not know its siblings", Match::kUnknown, on_every_node_its_own(std::nullopt)},

    {"preflight-failed", "a failure on this storage", Match::kYes, block_volume(), book(failed(block_volume().key, Scope::kPod))},
    {"preflight-failed", "a failure does not age", Match::kYes, block_volume(), book(failed(block_volume().key, Scope::kPod, 1000 * kDay))},
    {"preflight-failed", "a failure on other storage", Match::kNo, block_volume(), book(failed(local_volume().key, Scope::kPod))},
    {"preflight-failed", "a failure between nodes, used on one", Match::kNo, block_volume(), book(failed(block_volume().key, Scope::kCluster))},
    {"preflight-failed", "a pass", Match::kNo, block_volume(), book(passed(block_volume().key, Scope::kNode))},
  };
}

std::vector<RuleCase> unproven_cases() {
  const auto unknown = unknown_volume();
  const auto stale = book(passed(unknown.key, Scope::kNode, 38 * kDay));
  return {
    {"unknown-driver", "a driver nobody knows", Match::kYes, unknown},
    {"unknown-driver", "a known one", Match::kNo, block_volume()},
    {"unknown-driver", "a claim without a volume: claim-unbound says it better", Match::kNo, bound_as(Binding::kUndecided)},

    {"claim-unbound", "no class decides", Match::kYes, bound_as(Binding::kUndecided)},
    {"claim-unbound", "the claim is not in view", Match::kYes, bound_as(Binding::kMissing)},
    {"claim-unbound", "its class decides: a gated pod could never bind it otherwise", Match::kNo, bound_as(Binding::kByClass)},
    {"claim-unbound", "bound", Match::kNo, block_volume()},
    {"claim-unbound", "not a claim", Match::kNo, memory_volume()},

    {"scope-unknown", "the CSIDriver is not in view", Match::kYes, but(block_volume(), [](auto& f) { f.scope.reset(); })},
    {"scope-unknown", "one node", Match::kNo, block_volume()},

    {"evidence-missing", "a cluster filesystem that nobody measured", Match::kYes, shared_volume(Transport::kClusterFilesystem)},
    {"evidence-missing", "a driver known from memory alone", Match::kYes, but(block_volume(), [](auto& f) { f.transport_verified = false; })},
    {"evidence-missing", "measured less far than it is shared", Match::kYes, shared_volume(Transport::kClusterFilesystem), book(passed(shared_volume(Transport::kClusterFilesystem).key, Scope::kNode))},
    {"evidence-missing", "documented", Match::kNo, block_volume()},
    {"evidence-missing", "measured", Match::kNo, shared_volume(Transport::kClusterFilesystem), book(passed(shared_volume(Transport::kClusterFilesystem).key, Scope::kCluster))},
    {"evidence-missing", "unknown-driver says it better", Match::kNo, unknown},
    {"evidence-missing", "what is unsafe by its kind need not be measured", Match::kNo, nfs_volume()},

    {"evidence-stale", "a pass of 38 days", Match::kYes, unknown, stale},
    {"evidence-stale", "in its grace, where it only warns", Match::kYes, unknown, book(passed(unknown.key, Scope::kNode, 31 * kDay))},
    {"evidence-stale", "a fresh pass", Match::kNo, unknown, book(passed(unknown.key, Scope::kNode))},
    {"evidence-stale", "an old failure", Match::kNo, unknown, book(failed(unknown.key, Scope::kNode, 38 * kDay))},
    {"evidence-stale", "nothing measured", Match::kNo, unknown},
  };
}

std::vector<RuleCase> warning_and_safe_cases() {
  const auto cluster = shared_volume(Transport::kClusterFilesystem);
  const auto unknown = unknown_volume();
  const auto unverified = [](VolumeFacts facts) { facts.transport_verified = false; return facts; };
  return {
    {"rollout-overlap", "a rolling update", Match::kYes, but(block_volume(), [](auto& f) { f.replaced_by_overlap = true; })},
    {"rollout-overlap", "Recreate", Match::kNo, block_volume()},

    {"scale-out", "one replica", Match::kNo, block_volume()},
    {"scale-out", "three", Match::kYes, but(block_volume(), [](auto& f) { f.replicas = 3; })},
    {"scale-out", "one, and an autoscaler that may make more", Match::kYes, but(block_volume(), [](auto& f) { f.autoscaled_to = 5; })},
    {"scale-out", "a DaemonSet means it so", Match::kNo, but(block_volume(), [](auto& f) { f.replicas = 3, f.workload = WorkloadKind::kDaemonSet; })},
    {"scale-out", "a claim for each replica", Match::kNo, but(block_volume(), [](auto& f) { f.replicas = 3, f.per_replica_claim = true; })},
    {"scale-out", "an emptyDir, which is each pod's own", Match::kNo, but(local_volume(), [](auto& f) { f.replicas = 3, f.binding = Binding::kNotAClaim, f.scope = Scope::kPod; })},

    {"one-kernel-local-filesystem", "a local disk", Match::kYes, local_volume()},
    {"one-kernel-local-filesystem", "a local disk known from memory alone", Match::kNo, unverified(local_volume())},
    {"one-kernel-local-filesystem", "a path of the node", Match::kNo, but(local_volume(), [](auto& f) { f.proven_only_by_preflight = true; })},
    {"one-kernel-local-filesystem", "two kernels", Match::kNo, but(local_volume(), [](auto& f) { f.kernel_domain = KernelDomain::kMixed; })},
    {"one-kernel-local-filesystem", "a raw device", Match::kNo, but(local_volume(), [](auto& f) { f.volume_mode = VolumeMode::kBlock; })},
    {"one-kernel-local-filesystem", "a cache for each pod", Match::kNo, but(local_volume(), [](auto& f) { f.split_page_cache = true; })},
    {"one-kernel-local-filesystem", "a runtime nobody knows", Match::kUnknown, but(local_volume(), [](auto& f) { f.kernel_domain.reset(); })},
    {"one-kernel-local-filesystem", "a driver nobody knows", Match::kUnknown, unknown},

    {"single-attach-block-filesystem", "a disk that is attached to one node", Match::kYes, block_volume()},
    {"single-attach-block-filesystem", "... or one pod", Match::kYes, but(block_volume(), [](auto& f) { f.access_modes = kRwop; })},
    {"single-attach-block-filesystem", "known from memory alone", Match::kNo, unverified(block_volume())},
    {"single-attach-block-filesystem", "attached to two nodes", Match::kNo, but(block_volume(), [](auto& f) { f.scope = Scope::kCluster; })},
    {"single-attach-block-filesystem", "its modes let it out", Match::kNo, but(block_volume(), [](auto& f) { f.access_modes = {AccessMode::kReadWriteOnce, AccessMode::kReadWriteMany}; })},
    {"single-attach-block-filesystem", "read-only on many nodes", Match::kNo, but(block_volume(), [](auto& f) { f.access_modes = {AccessMode::kReadWriteOnce, AccessMode::kReadOnlyMany}; })},
    {"single-attach-block-filesystem", "modes not in view", Match::kNo, but(block_volume(), [](auto& f) { f.access_modes.clear(); })},
    {"single-attach-block-filesystem", "a raw device", Match::kNo, but(block_volume(), [](auto& f) { f.volume_mode = VolumeMode::kBlock; })},
    {"single-attach-block-filesystem", "a sandbox", Match::kNo, under(KernelDomain::kPerSandbox, Scope::kNode)},
    {"single-attach-block-filesystem", "as far as nobody knows", Match::kUnknown, but(block_volume(), [](auto& f) { f.scope.reset(); })},
    {"single-attach-block-filesystem", "its volume mode is not in view", Match::kUnknown, but(block_volume(), [](auto& f) { f.volume_mode.reset(); })},

    {"memory-filesystem", "tmpfs", Match::kYes, memory_volume()},
    {"memory-filesystem", "tmpfs under two kernels", Match::kNo, but(memory_volume(), [](auto& f) { f.kernel_domain = KernelDomain::kMixed; })},
    {"memory-filesystem", "a disk", Match::kNo, block_volume()},
    {"memory-filesystem", "a runtime nobody knows", Match::kUnknown, but(memory_volume(), [](auto& f) { f.kernel_domain.reset(); })},

    {"cluster-filesystem-proven", "measured on two nodes", Match::kYes, cluster, book(passed(cluster.key, Scope::kCluster))},
    {"cluster-filesystem-proven", "measured on one node", Match::kNo, cluster, book(passed(cluster.key, Scope::kNode))},
    {"cluster-filesystem-proven", "not measured", Match::kNo, cluster},
    {"cluster-filesystem-proven", "another kind, measured", Match::kNo, nfs_volume(), book(passed(nfs_volume().key, Scope::kCluster))},
    {"cluster-filesystem-proven", "a driver nobody knows", Match::kUnknown, unknown},

    {"preflight-passed", "a driver nobody knows, measured", Match::kYes, unknown, book(passed(unknown.key, Scope::kNode))},
    {"preflight-passed", "in its grace", Match::kYes, unknown, book(passed(unknown.key, Scope::kNode, 31 * kDay))},
    {"preflight-passed", "measured too long ago", Match::kNo, unknown, book(passed(unknown.key, Scope::kNode, 38 * kDay))},
    {"preflight-passed", "measured less far than it is shared", Match::kNo, unknown, book(passed(unknown.key, Scope::kPod))},
    {"preflight-passed", "not measured", Match::kNo, unknown},
  };
}
// clang-format on

std::vector<RuleCase> all_cases() {
  std::vector<RuleCase> all = unsafe_cases();
  for (const auto& more : {unproven_cases(), warning_and_safe_cases()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

Match ask(const Rule& rule, const RuleCase& test) {
  return rule.match(make_rule_input(test.facts, test.evidence, test.policy, kNow), test.strategy);
}

TEST(Rules, EachAnswersAsItsCasesSay) {
  for (const RuleCase& test : all_cases()) {
    const Rule* rule = find_rule(test.rule);
    ASSERT_NE(rule, nullptr) << test << ": no rule has this id";
    EXPECT_EQ(ask(*rule, test), test.expected) << test;
  }
}

TEST(Rules, EachHasACaseThatAppliesOneThatDoesNotAndOneThatIsUnknown) {
  const auto cases = all_cases();
  for (const Rule& rule : rules()) {
    const auto has = [&](Match match) {
      return std::ranges::any_of(cases,
                                 [&](const RuleCase& c) { return c.rule == rule.id && c.expected == match; });
    };
    EXPECT_TRUE(has(Match::kYes)) << rule.id << " has no case in which it applies";
    EXPECT_TRUE(has(Match::kNo)) << rule.id << " has no case in which it does not apply";
    EXPECT_NE(has(Match::kUnknown), kNeverUnknown.contains(rule.id))
        << rule.id << " needs a case of Match::kUnknown, or a word in kNeverUnknown why it can have none";
  }
}

TEST(Rules, ThoseThatAreSaidToBeNeverUnknownNeverAre) {
  for (const auto& [id, why] : kNeverUnknown) {
    const Rule* rule = find_rule(id);
    ASSERT_NE(rule, nullptr) << id << " is no rule";
    for (const RuleCase& test : all_cases()) {
      EXPECT_NE(ask(*rule, test), Match::kUnknown) << id << " (" << why << ") asked about " << test;
    }
    EXPECT_NE(ask(*rule,
                  {.rule = id, .sentence = "no fact at all", .expected = Match::kNo, .facts = VolumeFacts{}}),
              Match::kUnknown);
  }
}

TEST(Rules, NoUnsafeRuleExcludesItselfWhenNothingIsKnown) {
  VolumeFacts nothing;
  nothing.single_file_mount.reset();
  nothing.split_page_cache = true;
  nothing.differs_per_node = true;
  for (const Rule& rule : rules()) {
    if (rule.rule_class != Rule::Class::kUnsafe || rule.id == "preflight-failed") continue;
    EXPECT_EQ(ask(rule, {.rule = rule.id, .sentence = "", .expected = Match::kUnknown, .facts = nothing}),
              Match::kUnknown)
        << rule.id;
  }
}

TEST(Rules, EachSaysASentenceAboutTheVolumeWhereItApplies) {
  for (const RuleCase& test : all_cases()) {
    if (test.expected != Match::kYes) continue;
    const auto input = make_rule_input(test.facts, test.evidence, test.policy, kNow);
    EXPECT_FALSE(find_rule(test.rule)->reason(input).empty()) << test;
  }
}

TEST(Rules, SentencesNameWhatTheyAreAbout) {
  const auto reason = [](std::string_view id, const VolumeFacts& facts, const EvidenceBook& evidence = {}) {
    return find_rule(id)->reason(make_rule_input(facts, evidence, {}, kNow));
  };
  const auto contains = [](const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << text << " does not name " << part;
  };
  contains(reason("network-filesystem", nfs_volume()), "shared.example.com");
  contains(reason("unknown-driver", unknown_volume()), "nobody.example.com");
  contains(reason("claim-unbound", bound_as(Binding::kUndecided)), "app-data");
  contains(reason("claim-unbound", bound_as(Binding::kMissing)), "fast");
  contains(
      reason("locks-disabled", but(nfs_volume(), [](auto& f) { f.locks_because = "mount option nolock"; })),
      "nolock");
  contains(reason("replicas-diverge", on_every_node_its_own(3)), "3 replicas");
  contains(reason("evidence-missing", block_volume()), "class=fast");
  const auto failure = book(failed(block_volume().key, Scope::kNode));
  contains(reason("preflight-failed", block_volume(), failure),
           "byte-range-locks: both were granted byte 120");
  contains(reason("preflight-failed", block_volume(), failure), "report-unsafe");
  const auto old = book(passed(unknown_volume().key, Scope::kNode, 38 * kDay));
  contains(reason("evidence-stale", unknown_volume(), old), "38 days");
}

TEST(RuleTable, IdsAreUniqueAndKebabCase) {
  std::set<std::string_view> seen;
  for (const Rule& rule : rules()) {
    EXPECT_TRUE(seen.insert(rule.id).second) << rule.id << " stands twice";
    const bool kebab =
        !rule.id.empty() && !rule.id.starts_with('-') && !rule.id.ends_with('-') &&
        rule.id.find("--") == std::string_view::npos &&
        std::ranges::all_of(rule.id, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
    EXPECT_TRUE(kebab) << rule.id;
    EXPECT_EQ(find_rule(rule.id), &rule);
  }
  EXPECT_EQ(find_rule("no-such-rule"), nullptr);
}

TEST(RuleTable, EachRuleIsDocumentedAndTheBadOnesHaveAWayOut) {
  for (const Rule& rule : rules()) {
    EXPECT_FALSE(rule.summary.empty()) << rule.id;
    EXPECT_FALSE(rule.detail.empty()) << rule.id;
    EXPECT_FALSE(rule.source.empty()) << rule.id;
    EXPECT_NE(rule.touches, StrategySet{}) << rule.id << " touches no strategy";
    EXPECT_EQ(rule.remedy.empty(), rule.rule_class == Rule::Class::kSafe) << rule.id;
    for (const std::string_view text : {rule.summary, rule.detail, rule.remedy}) {
      EXPECT_EQ(text.find("  "), std::string_view::npos) << rule.id << ": two spaces in \"" << text << "\"";
      EXPECT_EQ(text.find('\n'), std::string_view::npos) << rule.id;
    }
  }
}

TEST(RuleTable, StandsInTheOrderUnsafeUnprovenWarningsSafe) {
  EXPECT_TRUE(std::ranges::is_sorted(rules(), {}, &Rule::rule_class));
  const std::set<Rule::Class> classes = [] {
    std::set<Rule::Class> all;
    for (const Rule& rule : rules()) all.insert(rule.rule_class);
    return all;
  }();
  EXPECT_EQ(classes.size(), 4U);
}

TEST(RuleTable, HoldsEveryRuleOfTheFirstVersion) {
  for (const std::string_view id : {"network-filesystem",
                                    "object-store-fuse",
                                    "vm-shared-filesystem",
                                    "cross-node-sharing",
                                    "sandboxed-kernel",
                                    "mixed-kernels",
                                    "locks-disabled",
                                    "split-page-cache",
                                    "split-database-files",
                                    "replicas-diverge",
                                    "preflight-failed",
                                    "unknown-driver",
                                    "claim-unbound",
                                    "scope-unknown",
                                    "evidence-missing",
                                    "evidence-stale",
                                    "rollout-overlap",
                                    "scale-out",
                                    "one-kernel-local-filesystem",
                                    "single-attach-block-filesystem",
                                    "memory-filesystem",
                                    "cluster-filesystem-proven",
                                    "preflight-passed"}) {
    EXPECT_NE(find_rule(id), nullptr) << id;
  }
}

TEST(RuleTable, OnlyTheSplitPageCacheSparesAStrategy) {
  for (const Rule& rule : rules()) {
    EXPECT_EQ(rule.touches.contains(Strategy::kWalExclusive), rule.id != "split-page-cache") << rule.id;
    EXPECT_TRUE(rule.touches.contains(Strategy::kWal)) << rule.id;
    EXPECT_TRUE(rule.touches.contains(Strategy::kRollback)) << rule.id;
  }
}

}  // namespace
}  // namespace walguard::core
