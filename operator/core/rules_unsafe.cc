// When a volume is unsafe. Every function answers kUnknown, not kNo, where the fact it needs was not learned.
#include <optional>
#include <string>

#include "operator/core/evidence.h"
#include "operator/core/rule_matches.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

Match transport_is(const VolumeFacts& facts, Transport transport) {
  if (!facts.transport) return Match::kUnknown;
  return *facts.transport == transport ? Match::kYes : Match::kNo;
}

bool passed(const RuleInput& input, Strategy strategy) {
  return input.evidence[strategy].verdict == Verdict::kSafe;
}

Match network_filesystem(const RuleInput& input, Strategy strategy) {
  const Match is = transport_is(input.facts, Transport::kNetworkFilesystem);
  const bool on_one_node = input.facts.scope && *input.facts.scope <= Scope::kNode;
  if (is == Match::kYes && on_one_node && input.policy.accept_network_filesystem_on_one_node) {
    return passed(input, strategy) ? Match::kNo : Match::kYes;
  }
  return is;
}

std::string network_filesystem_reason(const RuleInput& input) {
  return driver_words(input.facts) + " is a network filesystem: its clients do not share one page cache";
}

Match object_store_fuse(const RuleInput& input, Strategy) {
  return transport_is(input.facts, Transport::kObjectFuse);
}

std::string object_store_fuse_reason(const RuleInput& input) {
  return driver_words(input.facts) + " mounts an object store through FUSE";
}

Match vm_shared_filesystem(const RuleInput& input, Strategy) {
  return transport_is(input.facts, Transport::kVmShare);
}

std::string vm_shared_filesystem_reason(const RuleInput& input) {
  return driver_words(input.facts) + " is shared between a host and its virtual machine";
}

/// Scope cluster on anything but a cluster filesystem that a cross-node preflight has passed. Local and
/// memory filesystems are never the same files on two nodes.
Match cross_node_sharing(const RuleInput& input, Strategy) {
  const auto& transport = input.facts.transport;
  if (transport == Transport::kLocalDisk || transport == Transport::kMemory) {
    const bool stays_on_a_node = input.facts.scope && *input.facts.scope <= Scope::kNode;
    return input.facts.proven_only_by_preflight && !stays_on_a_node ? Match::kUnknown : Match::kNo;
  }
  if (!input.facts.scope) return Match::kUnknown;
  if (*input.facts.scope != Scope::kCluster) return Match::kNo;
  // Unknown or a cluster filesystem: only a preflight on two nodes can tell, and a pass discharges this.
  if (!transport || transport == Transport::kClusterFilesystem) return Match::kUnknown;
  return Match::kYes;
}

std::string cross_node_sharing_reason(const RuleInput& input) {
  return "pods on two nodes can have it mounted at once (" + driver_words(input.facts) + ")";
}

Match sandboxed_kernel(const RuleInput& input, Strategy) {
  const auto& domain = input.facts.kernel_domain;
  if (!domain) return Match::kUnknown;
  if (*domain == KernelDomain::kShared || *domain == KernelDomain::kMixed) return Match::kNo;
  if (!input.facts.scope) return Match::kUnknown;
  if (*input.facts.scope > Scope::kPod) return Match::kYes;
  // Several containers in one sandbox: only a measurement under that runtime tells.
  return *input.facts.scope == Scope::kPod ? Match::kUnknown : Match::kNo;
}

std::string sandboxed_kernel_reason(const RuleInput& input) {
  return "more than one sandbox can have it mounted, each with a kernel of its own (runtime " +
         (input.facts.key.runtime_handler.empty() ? std::string{"of the node"}
                                                  : input.facts.key.runtime_handler) +
         ")";
}

/// A measurement under this pod's runtime says nothing of a pod beside it under another one; this pod's own
/// kernel is sandboxed-kernel's question.
Match mixed_kernels(const RuleInput& input, Strategy) {
  if (input.facts.kernel_domain == KernelDomain::kMixed) return Match::kYes;
  return input.facts.other_kernels_known == true ? Match::kNo : Match::kUnknown;
}

std::string mixed_kernels_reason(const RuleInput&) {
  return "pods under different runtimes have it mounted: their kernels do not share locks";
}

/// Options that take locks away belong to network and FUSE mounts; a disk under the node's own kernel has
/// none.
Match locks_disabled(const RuleInput& input, Strategy) {
  if (input.facts.locks_stay_local) return *input.facts.locks_stay_local ? Match::kYes : Match::kNo;
  const auto& transport = input.facts.transport;
  const bool kernel_locks = transport == Transport::kLocalDisk || transport == Transport::kNetworkBlock ||
                            transport == Transport::kMemory;
  return kernel_locks ? Match::kNo : Match::kUnknown;
}

std::string locks_disabled_reason(const RuleInput& input) {
  return "byte-range locks do not reach other clients: " + input.facts.locks_because;
}

Match split_page_cache(const RuleInput& input, Strategy) {
  if (!input.facts.split_page_cache) return Match::kNo;
  if (!input.facts.scope) return Match::kUnknown;
  return *input.facts.scope > Scope::kPod ? Match::kYes : Match::kNo;
}

std::string split_page_cache_reason(const RuleInput& input) {
  return "two pods do not see one page cache, even on one node: " + input.facts.split_because;
}

Match split_database_files(const RuleInput& input, Strategy) {
  if (!input.facts.single_file_mount) return Match::kUnknown;
  return *input.facts.single_file_mount ? Match::kYes : Match::kNo;
}

std::string split_database_files_reason(const RuleInput&) {
  return "the mount is the database file itself: its -wal, -shm and -journal are left behind in the "
         "container";
}

Match replicas_diverge(const RuleInput& input, Strategy) {
  const VolumeFacts& facts = input.facts;
  const bool one_each_by_design = facts.workload == WorkloadKind::kDaemonSet || facts.per_replica_claim;
  if (!facts.differs_per_node || facts.pinned_to_node || one_each_by_design) return Match::kNo;
  if (most_replicas(facts) > 1) return Match::kYes;
  return facts.replicas ? Match::kNo : Match::kUnknown;
}

std::string replicas_diverge_reason(const RuleInput& input) {
  return std::to_string(most_replicas(input.facts)) +
         " replicas on several nodes each get a database of their own under the same path";
}

Match preflight_failed(const RuleInput& input, Strategy strategy) {
  return input.evidence[strategy].verdict == Verdict::kUnsafe ? Match::kYes : Match::kNo;
}

std::string preflight_failed_reason(const RuleInput& input) {
  const Evidence* evidence = input.evidence[input.facts.strategy].evidence;
  std::string text = "a preflight on this storage failed";
  if (evidence == nullptr) return text;
  for (const std::string& reason : evidence->reasons)
    text += (&reason == evidence->reasons.data() ? ": " : "; ") + reason;
  return text + " (report " + evidence->digest + ")";
}

}  // namespace

std::string driver_words(const VolumeFacts& facts) {
  return facts.driver.empty() ? std::string{"no driver in view"} : "driver " + facts.driver;
}

constinit const RuleLogic kNetworkFilesystem = {network_filesystem, network_filesystem_reason};
constinit const RuleLogic kObjectStoreFuse = {object_store_fuse, object_store_fuse_reason};
constinit const RuleLogic kVmSharedFilesystem = {vm_shared_filesystem, vm_shared_filesystem_reason};
constinit const RuleLogic kCrossNodeSharing = {cross_node_sharing, cross_node_sharing_reason};
constinit const RuleLogic kSandboxedKernel = {sandboxed_kernel, sandboxed_kernel_reason};
constinit const RuleLogic kMixedKernels = {mixed_kernels, mixed_kernels_reason};
constinit const RuleLogic kLocksDisabled = {locks_disabled, locks_disabled_reason};
constinit const RuleLogic kSplitPageCache = {split_page_cache, split_page_cache_reason};
constinit const RuleLogic kSplitDatabaseFiles = {split_database_files, split_database_files_reason};
constinit const RuleLogic kReplicasDiverge = {replicas_diverge, replicas_diverge_reason};
constinit const RuleLogic kPreflightFailed = {preflight_failed, preflight_failed_reason};

}  // namespace walguard::core
