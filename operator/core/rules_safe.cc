// What lets walguard say `safe`: a cited guarantee about verified facts, or a measurement.
#include <algorithm>
#include <string>

#include "operator/core/evidence.h"
#include "operator/core/rule_bodies.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

Match all_of(bool known, bool holds) {
  if (!known) return Match::kUnknown;
  return holds ? Match::kYes : Match::kNo;
}

/// One kernel under a mounted filesystem whose transport has a source.
bool one_kernel_filesystem(const VolumeFacts& facts, Transport transport) {
  return facts.transport == transport && facts.transport_verified &&
         facts.kernel_domain == KernelDomain::kShared && facts.volume_mode == VolumeMode::kFilesystem &&
         !facts.split_page_cache;
}

bool facts_known(const VolumeFacts& facts) {
  return facts.transport && facts.kernel_domain && facts.volume_mode;
}

Match one_kernel_local_filesystem(const RuleInput& input, Strategy) {
  const VolumeFacts& facts = input.facts;
  return all_of(facts_known(facts),
                one_kernel_filesystem(facts, Transport::kLocalDisk) && !facts.proven_only_by_preflight);
}

std::string one_kernel_local_filesystem_reason(const RuleInput& input) {
  return "one kernel over a local filesystem (" +
         (input.facts.driver.empty() ? "emptyDir" : input.facts.driver) + ")";
}

bool single_attach_modes(const VolumeFacts& facts) {
  return !facts.access_modes.empty() && std::ranges::all_of(facts.access_modes, [](AccessMode mode) {
    return mode == AccessMode::kReadWriteOnce || mode == AccessMode::kReadWriteOncePod;
  });
}

/// Scope at most node here means that Kubernetes itself keeps it there: attachRequired, ReadWriteOncePod, or
/// a PV of one hostname (sharing.cc). Access modes wider than that put the device on two nodes, which
/// destroys ext4 and xfs.
Match single_attach_block_filesystem(const RuleInput& input, Strategy) {
  const VolumeFacts& facts = input.facts;
  return all_of(facts_known(facts) && facts.scope, one_kernel_filesystem(facts, Transport::kNetworkBlock) &&
                                                       facts.scope <= Scope::kNode &&
                                                       single_attach_modes(facts));
}

std::string single_attach_block_filesystem_reason(const RuleInput& input) {
  return "a filesystem on a block device that is attached to one node at a time (" +
         driver_words(input.facts) + ")";
}

Match memory_filesystem(const RuleInput& input, Strategy) {
  const VolumeFacts& facts = input.facts;
  return all_of(facts_known(facts), one_kernel_filesystem(facts, Transport::kMemory));
}

std::string memory_filesystem_reason(const RuleInput&) {
  return "tmpfs under one kernel; its content ends with the pod";
}

Match passed_with(const RuleInput& input, Strategy strategy, bool cluster_filesystem) {
  if (!input.facts.transport && cluster_filesystem) return Match::kUnknown;
  if ((input.facts.transport == Transport::kClusterFilesystem) != cluster_filesystem) return Match::kNo;
  return input.evidence[strategy].verdict == Verdict::kSafe ? Match::kYes : Match::kNo;
}

Match cluster_filesystem_proven(const RuleInput& input, Strategy strategy) {
  return passed_with(input, strategy, true);
}

Match preflight_passed(const RuleInput& input, Strategy strategy) {
  return passed_with(input, strategy, false);
}

std::string preflight_passed_reason(const RuleInput& input) {
  const Evidence* evidence = input.evidence[input.facts.strategy].evidence;
  if (evidence == nullptr) return "a preflight passed";
  return "a preflight passed on " + evidence->filesystem + " as far as scope " +
         std::string(name(evidence->scope)) + " (report " + evidence->digest + ")";
}

}  // namespace

bool documented_safe(const RuleInput& input) {
  return one_kernel_local_filesystem(input, input.facts.strategy) == Match::kYes ||
         single_attach_block_filesystem(input, input.facts.strategy) == Match::kYes ||
         memory_filesystem(input, input.facts.strategy) == Match::kYes;
}

constinit const RuleBody kOneKernelLocalFilesystemRule = {
    .match = one_kernel_local_filesystem,
    .reason = one_kernel_local_filesystem_reason,
    .summary = "one kernel over a local filesystem",
    .detail =
        "Containers that share a kernel share its page cache and its lock table, which is all that SQLite "
        "asks for. Durability on power loss is the disk's affair and is not measured.",
    .remedy = "",
    .source = "https://sqlite.org/wal.html; linux Documentation/filesystems/locks.rst; fcntl(2)",
};

constinit const RuleBody kSingleAttachBlockFilesystemRule = {
    .match = single_attach_block_filesystem,
    .reason = single_attach_block_filesystem_reason,
    .summary = "a filesystem on a block device that one node has at a time",
    .detail =
        "The device is attached to one node, so that one kernel owns the filesystem on it. Kubernetes "
        "keeps it there by attaching (CSIDriver.attachRequired), by ReadWriteOncePod, or because the "
        "PersistentVolume names one node.",
    .remedy = "",
    .source = "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes; KEP-2485",
};

constinit const RuleBody kMemoryFilesystemRule = {
    .match = memory_filesystem,
    .reason = memory_filesystem_reason,
    .summary = "a filesystem in memory under one kernel",
    .detail = "tmpfs has one page cache and kernel locks. Its content ends with the pod.",
    .remedy = "",
    .source = "tmpfs(5); https://kubernetes.io/docs/concepts/storage/volumes/#emptydir",
};

constinit const RuleBody kClusterFilesystemProvenRule = {
    .match = cluster_filesystem_proven,
    .reason = preflight_passed_reason,
    .summary = "a cluster filesystem that a preflight on two nodes has passed",
    .detail =
        "Some cluster filesystems keep caches and locks coherent between nodes. walguard believes it where "
        "it has measured it.",
    .remedy = "",
    .source = "docs/preflight.md",
};

constinit const RuleBody kPreflightPassedRule = {
    .match = preflight_passed,
    .reason = preflight_passed_reason,
    .summary = "a preflight on this storage passed",
    .detail =
        "The coherency probe and a real SQLite workload passed on this storage, as far as the workload "
        "shares it.",
    .remedy = "",
    .source = "docs/preflight.md",
};

}  // namespace walguard::core
