// Every rule of the table: when it applies, when it does not, and when the facts do not tell.
#include "operator/core/rules.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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
    {"evidence-inconclusive", "evidence is in the book or it is not"},
    {"windows-node", "a pod that does not say so is for Linux"},
    {"read-only-consumer", "the mounts stand in the pod"},
    {"litestream-second-writer", "a warning about what was recognised"},
    {"journal-mode-contradicted", "a warning about what was recognised"},
    {"risky-mount-option", "a warning about what is in view"},
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

VolumeFacts used(const std::function<void(DatabaseUsage&)>& change) {
  return but(block_volume(), [&](auto& f) { change(f.usage); });
}

VolumeFacts copies_on_one_claim(std::optional<std::int64_t> replicas) {
  return but(used([](auto& u) { u.copies_per_replica = "rqlite"; }), [&](auto& f) { f.replicas = replicas; });
}

VolumeFacts with_locks_off(std::optional<Scope> scope) {
  return but(used([](auto& u) { u.locks_off = "nolock=1"; }), [&](auto& f) { f.scope = scope; });
}

VolumeFacts with_sqlite(std::string version) {
  return used([&](auto& u) { u.sqlite_version = std::move(version); });
}

VolumeFacts with_synchronous(Synchronous synchronous) {
  return used([&](auto& u) { u.synchronous = synchronous; });
}

EvidenceBook contended(double refused) {
  return book(but(passed(block_volume().key, Scope::kNode),
                  [&](auto& e) { e.contention = Contention{.refused = refused, .longest_wait = 0.25}; }));
}

/// Nobody could say of the rollback journal; the rest passed.
Evidence half_measured(const EvidenceKey& key, Scope scope, UtcSeconds age = kDay) {
  return but(passed(key, scope, age), [](auto& e) {
    e.verdicts[Strategy::kRollback] = Verdict::kUnproven;
    e.reasons = {"rollback-workload: not run"};
  });
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

    {"sqlite-locks-off", "nolock=1 on a disk that pods of a node share", Match::kYes, with_locks_off(Scope::kNode)},
    {"sqlite-locks-off", "... that two containers share", Match::kYes, with_locks_off(Scope::kPod)},
    {"sqlite-locks-off", "... shared as far as nobody knows", Match::kYes, with_locks_off(std::nullopt)},
    {"sqlite-locks-off", "... of one container alone, which may open it twice", Match::kUnknown, with_locks_off(Scope::kContainer)},
    {"sqlite-locks-off", "... and cannot write it", Match::kNo, but(with_locks_off(Scope::kContainer), [](auto& f) { f.only_read_in_pod = true; })},
    {"sqlite-locks-off", "... or others can", Match::kYes, but(with_locks_off(Scope::kPod), [](auto& f) { f.only_read_in_pod = true; })},
    {"sqlite-locks-off", "nothing takes the locks away", Match::kNo, block_volume()},
    {"sqlite-locks-off", "whatever was measured: a preflight takes locks", Match::kYes, with_locks_off(Scope::kNode), book(passed(block_volume().key, Scope::kNode))},

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
    {"replicas-diverge", "copies of three replicas on one claim", Match::kYes, copies_on_one_claim(3)},
    {"replicas-diverge", "a copy alone on its claim", Match::kNo, copies_on_one_claim(1)},
    {"replicas-diverge", "copies, a claim for each", Match::kNo, but(copies_on_one_claim(3), [](auto& f) { f.per_replica_claim = true; })},
    {"replicas-diverge", "copies in the pod's own folder", Match::kNo, but(copies_on_one_claim(3), [](auto& f) { f.scope = Scope::kPod; })},
    {"replicas-diverge", "copies of a DaemonSet on one claim", Match::kYes, but(copies_on_one_claim(1), [](auto& f) { f.workload = WorkloadKind::kDaemonSet; })},
    {"replicas-diverge", "copies of a DaemonSet, each on the files of its node", Match::kNo, but(copies_on_one_claim(1), [](auto& f) { f.workload = WorkloadKind::kDaemonSet, f.differs_per_node = true; })},
    {"replicas-diverge", "copies in a pod that does not know its siblings", Match::kUnknown, copies_on_one_claim(std::nullopt)},
    {"replicas-diverge", "... on a claim of its own", Match::kNo, but(copies_on_one_claim(std::nullopt), [](auto& f) { f.per_replica_claim = true; })},
    {"replicas-diverge", "... beside another pod on the claim", Match::kYes, but(copies_on_one_claim(std::nullopt), [](auto& f) { f.other_pods = 1; })},
    {"replicas-diverge", "one copy, and another workload's pod on the claim", Match::kYes, but(copies_on_one_claim(1), [](auto& f) { f.other_pods = 1; })},
    {"replicas-diverge", "one copy, which a rolling update doubles", Match::kYes, but(copies_on_one_claim(1), [](auto& f) { f.replaced_by_overlap = true; })},

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
    {"claim-unbound", "its volume is not in view", Match::kYes, bound_as(Binding::kVolumeMissing)},
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

    {"evidence-inconclusive", "looked at, and it could not be said", Match::kYes, unknown, book(measured(unknown.key, Verdict::kUnproven, Scope::kNode))},
    {"evidence-inconclusive", "... because the other agent never came", Match::kYes, unknown, book(measured(unknown.key, Verdict::kUnproven, Scope::kContainer))},
    {"evidence-inconclusive", "of this strategy alone", Match::kYes, unknown, book(half_measured(unknown.key, Scope::kNode)), {}, Strategy::kRollback},
    {"evidence-inconclusive", "of another strategy", Match::kNo, unknown, book(half_measured(unknown.key, Scope::kNode))},
    {"evidence-inconclusive", "too long ago to tell", Match::kNo, unknown, book(measured(unknown.key, Verdict::kUnproven, Scope::kNode, 38 * kDay))},
    {"evidence-inconclusive", "measured since, less far", Match::kNo, unknown, book(measured(unknown.key, Verdict::kUnproven, Scope::kNode, 2 * kDay), passed(unknown.key, Scope::kPod))},
    {"evidence-inconclusive", "a pass that still counts stands", Match::kNo, unknown, book(passed(unknown.key, Scope::kNode, 2 * kDay), measured(unknown.key, Verdict::kUnproven, Scope::kNode))},
    {"evidence-inconclusive", "documented", Match::kNo, block_volume(), book(measured(block_volume().key, Verdict::kUnproven, Scope::kNode))},
    {"evidence-inconclusive", "what is unsafe by its kind need not be measured", Match::kNo, nfs_volume(), book(measured(nfs_volume().key, Verdict::kUnproven, Scope::kNode))},
    {"evidence-inconclusive", "nothing measured", Match::kNo, unknown},
    {"evidence-missing", "looked at: evidence-inconclusive says it better", Match::kNo, shared_volume(Transport::kClusterFilesystem), book(measured(shared_volume(Transport::kClusterFilesystem).key, Verdict::kUnproven, Scope::kCluster))},

    {"windows-node", "a Windows pod", Match::kYes, but(block_volume(), [](auto& f) { f.windows = true; })},
    {"windows-node", "on a disk of its own", Match::kYes, but(local_volume(), [](auto& f) { f.windows = true, f.scope = Scope::kContainer; })},
    {"windows-node", "whatever was measured on Linux", Match::kYes, but(block_volume(), [](auto& f) { f.windows = true; }), book(passed(block_volume().key, Scope::kNode))},
    {"windows-node", "a Linux pod", Match::kNo, block_volume()},
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

    {"read-only-consumer", "a reader beside the writer", Match::kYes, but(block_volume(), [](auto& f) { f.read_only_consumers = {"exporter"}; })},
    {"read-only-consumer", "readers alone", Match::kYes, but(block_volume(), [](auto& f) { f.read_only_consumers = {"a", "b"}; })},
    {"read-only-consumer", "all may write", Match::kNo, block_volume()},

    {"litestream-second-writer", "a replicator beside the app", Match::kYes, used([](auto& u) { u.replicator = "litestream"; })},
    {"litestream-second-writer", "a restorer beside it", Match::kYes, used([](auto& u) { u.restorer = "restore"; })},
    {"litestream-second-writer", "neither", Match::kNo, block_volume()},

    {"journal-mode-contradicted", "an app that sets WAL", Match::kYes, used([](auto& u) { u.journal_contradicted = "Litestream needs WAL"; })},
    {"journal-mode-contradicted", "an annotation that nothing contradicts", Match::kNo, block_volume()},

    {"risky-mount-option", "soft", Match::kYes, but(nfs_volume(), [](auto& f) { f.risky_option = "soft"; })},
    {"risky-mount-option", "none", Match::kNo, nfs_volume()},

    {"sqlite-wal-reset-bug", "the first that has it", Match::kYes, with_sqlite("3.7.0")},
    {"sqlite-wal-reset-bug", "one before there was WAL", Match::kNo, with_sqlite("3.6.23")},
    {"sqlite-wal-reset-bug", "the last that has it", Match::kYes, with_sqlite("3.51.2")},
    {"sqlite-wal-reset-bug", "the first without", Match::kNo, with_sqlite("3.51.3")},
    {"sqlite-wal-reset-bug", "numbers, not letters: 3.9 is older than 3.10", Match::kYes, with_sqlite("3.9.2")},
    {"sqlite-wal-reset-bug", "3.44 before it was mended", Match::kYes, with_sqlite("3.44.5")},
    {"sqlite-wal-reset-bug", "3.44 since", Match::kNo, with_sqlite("3.44.6")},
    {"sqlite-wal-reset-bug", "3.45 was never mended", Match::kYes, with_sqlite("3.45.9")},
    {"sqlite-wal-reset-bug", "3.50 before it was mended", Match::kYes, with_sqlite("3.50.6")},
    {"sqlite-wal-reset-bug", "3.50 since", Match::kNo, with_sqlite("3.50.7")},
    {"sqlite-wal-reset-bug", "3.50 since, by two digits", Match::kNo, with_sqlite("3.50.10")},
    {"sqlite-wal-reset-bug", "a release of 3.50 that does not say which", Match::kYes, with_sqlite("3.50")},
    {"sqlite-wal-reset-bug", "a build of 3.44.6", Match::kNo, with_sqlite("3.44.6.1")},
    {"sqlite-wal-reset-bug", "4", Match::kNo, with_sqlite("4.0.0")},
    {"sqlite-wal-reset-bug", "a version that is not in view", Match::kUnknown, block_volume()},
    {"sqlite-wal-reset-bug", "a version that cannot be read", Match::kUnknown, with_sqlite("latest")},
    {"sqlite-wal-reset-bug", "... nor this", Match::kUnknown, with_sqlite("3.x")},

    {"contention", "two containers write, every fifth was refused", Match::kYes, but(block_volume(), [](auto& f) { f.consumers_in_pod = 2; }), contended(0.2)},
    {"contention", "another pod writes", Match::kYes, but(block_volume(), [](auto& f) { f.other_pods = 1; }), contended(0.2)},
    {"contention", "three replicas write", Match::kYes, but(block_volume(), [](auto& f) { f.replicas = 3; }), contended(0.2)},
    {"contention", "a rolling update", Match::kYes, but(block_volume(), [](auto& f) { f.replaced_by_overlap = true; }), contended(0.2)},
    {"contention", "one writes", Match::kNo, block_volume(), contended(0.2)},
    {"contention", "one writes and one reads", Match::kNo, but(block_volume(), [](auto& f) { f.consumers_in_pod = 2, f.read_only_consumers = {"exporter"}; }), contended(0.2)},
    {"contention", "a claim for each replica", Match::kNo, but(block_volume(), [](auto& f) { f.replicas = 3, f.per_replica_claim = true; }), contended(0.2)},
    {"contention", "hardly any was refused", Match::kNo, but(block_volume(), [](auto& f) { f.consumers_in_pod = 2; }), contended(0.001)},
    {"contention", "nothing measured", Match::kUnknown, but(block_volume(), [](auto& f) { f.consumers_in_pod = 2; })},

    {"weak-durability", "NORMAL", Match::kYes, with_synchronous(Synchronous::kNormal)},
    {"weak-durability", "NORMAL, in exclusive mode", Match::kYes, with_synchronous(Synchronous::kNormal), {}, {}, Strategy::kWalExclusive},
    {"weak-durability", "NORMAL under a rollback journal, which is synced", Match::kNo, with_synchronous(Synchronous::kNormal), {}, {}, Strategy::kRollback},
    {"weak-durability", "OFF", Match::kYes, with_synchronous(Synchronous::kOff)},
    {"weak-durability", "OFF under a rollback journal", Match::kYes, with_synchronous(Synchronous::kOff), {}, {}, Strategy::kRollback},
    {"weak-durability", "FULL", Match::kNo, with_synchronous(Synchronous::kFull)},
    {"weak-durability", "NORMAL in memory", Match::kNo, but(with_synchronous(Synchronous::kNormal), [](auto& f) { f.transport = Transport::kMemory; })},
    {"weak-durability", "not in view", Match::kUnknown, block_volume()},

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
  nothing.usage.locks_off = "nolock=1";
  for (const Rule& rule : rules()) {
    if (rule.rule_class != Rule::Class::kUnsafe || rule.id == "preflight-failed") continue;
    EXPECT_NE(ask(rule, {.rule = rule.id, .sentence = "", .expected = Match::kUnknown, .facts = nothing}),
              Match::kNo)
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
  contains(reason("replicas-diverge", copies_on_one_claim(3)), "each replica of rqlite");
  contains(
      reason("replicas-diverge", but(copies_on_one_claim(1), [](auto& f) { f.replaced_by_overlap = true; })),
      "a rolling update");
  contains(reason("evidence-missing", block_volume()), "class=fast");
  const auto failure = book(failed(block_volume().key, Scope::kNode));
  contains(reason("preflight-failed", block_volume(), failure),
           "byte-range-locks: both were granted byte 120");
  contains(reason("preflight-failed", block_volume(), failure), "report-unsafe");
  const auto old = book(passed(unknown_volume().key, Scope::kNode, 38 * kDay));
  contains(reason("evidence-stale", unknown_volume(), old), "38 days");
  const auto open = book(but(measured(unknown_volume().key, Verdict::kUnproven, Scope::kNode),
                             [](auto& e) { e.reasons = {"wal-workload: too few commits"}; }));
  contains(reason("evidence-inconclusive", unknown_volume(), open), "wal-workload: too few commits");
  contains(reason("evidence-inconclusive", unknown_volume(), open), "no verdict for wal");
  contains(reason("sqlite-locks-off", with_locks_off(Scope::kNode)), "nolock=1");
  contains(
      reason("read-only-consumer", but(block_volume(), [](auto& f) { f.read_only_consumers = {"a", "b"}; })),
      "containers a, b mount");
  const auto replicated = used([](auto& u) { u.replicator = "litestream"; });
  contains(reason("litestream-second-writer", replicated), "litestream");
  contains(reason("litestream-second-writer", but(replicated, [](auto& f) { f.replicas = 2; })),
           "more than one pod");
  contains(reason("litestream-second-writer", used([](auto& u) { u.restorer = "restore"; })),
           "restore restores");
  contains(reason("journal-mode-contradicted",
                  used([](auto& u) { u.journal_contradicted = "Litestream needs WAL"; })),
           "judged as wal, whatever the annotation says: Litestream needs WAL");
  contains(reason("risky-mount-option", but(nfs_volume(), [](auto& f) { f.risky_option = "soft"; })), "soft");
  contains(reason("sqlite-wal-reset-bug", with_sqlite("3.46.1")), "3.46.1");
  contains(reason("contention", block_volume(), contended(0.2)), "20 % of transactions");
  contains(reason("contention", block_volume(), contended(0.2)), "250 ms");
  contains(reason("weak-durability", with_synchronous(Synchronous::kOff)), "OFF");
}

TEST(Rules, ANumberBeyondAllMeasureInAReportIsCut) {
  const auto waited = [](double longest) {
    const auto evidence = book(but(passed(block_volume().key, Scope::kNode), [&](auto& e) {
      e.contention = Contention{.refused = 0.2, .longest_wait = longest};
    }));
    return find_rule("contention")->reason(make_rule_input(block_volume(), evidence, {}, kNow));
  };
  EXPECT_TRUE(waited(1e300).ends_with(" 1000000000 ms")) << waited(1e300);
  EXPECT_TRUE(waited(-1e300).ends_with(" 0 ms")) << waited(-1e300);
  EXPECT_TRUE(waited(std::numeric_limits<double>::quiet_NaN()).ends_with(" 0 ms"));
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

/// Section 2 of the design, in its order; the ids are for ever.
struct Designed {
  std::string_view id;
  Rule::Class rule_class;
  StrategySet touches;
};

constexpr StrategySet kW = StrategySet::of(Strategy::kWal);
constexpr StrategySet kWr = kW | StrategySet::of(Strategy::kRollback);
constexpr StrategySet kWer = kWr | StrategySet::of(Strategy::kWalExclusive);

constexpr Designed kDesigned[] = {
    {"network-filesystem", Rule::Class::kUnsafe, kWer},
    {"object-store-fuse", Rule::Class::kUnsafe, kWer},
    {"vm-shared-filesystem", Rule::Class::kUnsafe, kWer},
    {"cross-node-sharing", Rule::Class::kUnsafe, kWer},
    {"sandboxed-kernel", Rule::Class::kUnsafe, kWer},
    {"mixed-kernels", Rule::Class::kUnsafe, kWer},
    {"locks-disabled", Rule::Class::kUnsafe, kWer},
    {"sqlite-locks-off", Rule::Class::kUnsafe, kWer},
    {"split-page-cache", Rule::Class::kUnsafe, kWr},
    {"split-database-files", Rule::Class::kUnsafe, kWer},
    {"replicas-diverge", Rule::Class::kUnsafe, kWer},
    {"preflight-failed", Rule::Class::kUnsafe, kWer},
    {"unknown-driver", Rule::Class::kUnproven, kWer},
    {"claim-unbound", Rule::Class::kUnproven, kWer},
    {"scope-unknown", Rule::Class::kUnproven, kWer},
    {"evidence-missing", Rule::Class::kUnproven, kWer},
    {"evidence-stale", Rule::Class::kUnproven, kWer},
    {"evidence-inconclusive", Rule::Class::kUnproven, kWer},
    {"windows-node", Rule::Class::kUnproven, kWer},
    {"rollout-overlap", Rule::Class::kWarning, kWer},
    {"scale-out", Rule::Class::kWarning, kWer},
    {"read-only-consumer", Rule::Class::kWarning, kWer},
    {"litestream-second-writer", Rule::Class::kWarning, kWer},
    {"journal-mode-contradicted", Rule::Class::kWarning, kWer},
    {"risky-mount-option", Rule::Class::kWarning, kWer},
    {"sqlite-wal-reset-bug", Rule::Class::kWarning, kW},
    {"contention", Rule::Class::kWarning, kW},
    {"weak-durability", Rule::Class::kWarning, kWer},
    {"one-kernel-local-filesystem", Rule::Class::kSafe, kWer},
    {"single-attach-block-filesystem", Rule::Class::kSafe, kWer},
    {"memory-filesystem", Rule::Class::kSafe, kWer},
    {"cluster-filesystem-proven", Rule::Class::kSafe, kWer},
    {"preflight-passed", Rule::Class::kSafe, kWer},
};

TEST(RuleTable, IsThatOfTheDesign) {
  ASSERT_EQ(rules().size(), std::size(kDesigned));
  for (std::size_t i = 0; i < std::size(kDesigned); ++i) {
    const Rule& rule = rules()[i];
    EXPECT_EQ(rule.id, kDesigned[i].id);
    EXPECT_EQ(rule.rule_class, kDesigned[i].rule_class) << rule.id;
    EXPECT_EQ(rule.touches, kDesigned[i].touches) << rule.id;
  }
}

/// Every mark that opens is closed: what is pasted out of a remedy is YAML.
bool brackets_match(std::string_view text) {
  std::vector<char> open;
  for (const char c : text) {
    if (c == '{' || c == '[' || c == '(') open.push_back(c);
    if (c != '}' && c != ']' && c != ')') continue;
    const char expected = c == '}' ? '{' : c == ']' ? '[' : '(';
    if (open.empty() || open.back() != expected) return false;
    open.pop_back();
  }
  return open.empty();
}

TEST(RuleTable, ARemedyCanBePasted) {
  for (const Rule& rule : rules()) {
    EXPECT_TRUE(brackets_match(rule.remedy)) << rule.id << ": " << rule.remedy;
  }
}

}  // namespace
}  // namespace walguard::core
