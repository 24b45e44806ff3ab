// When a volume is unsafe by its storage. Every function answers kUnknown, not kNo, where the fact it needs
// was not learned.
#include <optional>
#include <string>
#include <string_view>

#include "operator/core/evidence.h"
#include "operator/core/rule_bodies.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

constexpr std::string_view kMoveToBlock =
    "Move the database to a claim of its own that one pod has at a time; the access modes of a claim "
    "cannot be changed. New claim: {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: "
    "app-data-2}, spec: {storageClassName: A-LOCAL-OR-BLOCK-CLASS, accessModes: [ReadWriteOncePod], "
    "resources: {requests: {storage: 10Gi}}}}. Stop the app (kubectl scale --replicas=0), and copy in a "
    "pod that mounts both claims: cp -a /old/. /new/. Then in the Deployment: spec: {replicas: 1, "
    "strategy: {type: Recreate}}, and in its pod template, with the name that the volume has there in place "
    "of data, volumes: [{name: data, persistentVolumeClaim: {claimName: app-data-2}}]. For several replicas "
    "use what copies between databases of their own, or a "
    "server: Litestream with a single writer, LiteFS, rqlite, dqlite, libSQL server or PostgreSQL.";

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

constinit const RuleBody kNetworkFilesystemRule = {
    .match = network_filesystem,
    .reason = network_filesystem_reason,
    .summary = "the volume is a network filesystem",
    .detail =
        "SQLite in WAL mode keeps its index in shared memory that every opener maps. NFS, SMB and their "
        "kind give each client a page cache of its own, so a client reads an index that another one has "
        "long since changed. Rows that were acknowledged are lost, often while PRAGMA integrity_check "
        "still says ok. Rollback journals depend on file locks and on seeing a hot journal at once, which "
        "such filesystems promise only by option.",
    .remedy = kMoveToBlock,
    .source =
        "https://sqlite.org/wal.html#overview; nfs(5) \"Data and metadata coherence\"; mount.cifs(8) "
        "\"cache=\"",
};

constinit const RuleBody kObjectStoreFuseRule = {
    .match = object_store_fuse,
    .reason = object_store_fuse_reason,
    .summary = "the volume is an object store behind FUSE",
    .detail =
        "An object store has no partial writes and no byte-range locks. The FUSE daemon imitates them for "
        "one mount at best; SQLite writes pages in place and locks single bytes.",
    .remedy = kMoveToBlock,
    .source =
        "https://github.com/awslabs/mountpoint-s3/blob/main/doc/SEMANTICS.md; "
        "https://github.com/GoogleCloudPlatform/gcsfuse/blob/master/docs/semantics.md",
};

constinit const RuleBody kVmSharedFilesystemRule = {
    .match = vm_shared_filesystem,
    .reason = vm_shared_filesystem_reason,
    .summary = "the volume is shared between a host and its virtual machine",
    .detail =
        "virtiofs, gRPC-FUSE, osxfs and drvfs pass files through the boundary of a virtual machine. Locks "
        "stay on one side and caches differ; WAL databases on virtiofs were corrupted within a minute by "
        "writers inside one machine.",
    .remedy =
        "Keep the database on a disk of the virtual machine itself, not on a folder of its host: in "
        "Kubernetes a claim of a class that makes disks, spec: {storageClassName: A-LOCAL-OR-BLOCK-CLASS, "
        "accessModes: [ReadWriteOncePod]}; in Docker a named volume, volumes: [app-data:/data] with "
        "volumes: {app-data: {}} at the top level; in WSL2 a path of its own ext4, as /home/NAME/data, not "
        "/mnt/c.",
    .source = "https://sqlite.org/wal.html; virtiofsd README (remote locks are off by default)",
};

constinit const RuleBody kLocksDisabledRule = {
    .match = locks_disabled,
    .reason = locks_disabled_reason,
    .summary = "byte-range locks are kept from the other clients",
    .detail =
        "The volume is mounted so that fcntl(2) locks succeed locally and never reach the server (nolock, "
        "local_lock, nobrl, localflock, mfsnoposixlocks). Two clients both believe that they hold the "
        "exclusive lock.",
    .remedy =
        "Remove the option from mountOptions of the StorageClass (delete it and create it anew: its fields "
        "cannot be changed) and of each PersistentVolume (kubectl edit pv), then start the pods again. "
        "That repairs locks, not the shared memory of WAL: on a network filesystem move the database to a "
        "new claim with spec: {storageClassName: A-LOCAL-OR-BLOCK-CLASS, accessModes: [ReadWriteOncePod]}.",
    .source = "nfs(5) \"local_lock\"; mount.cifs(8) \"nobrl\"; https://sqlite.org/howtocorrupt.html",
};

constinit const RuleBody kSplitPageCacheRule = {
    .match = split_page_cache,
    .reason = split_page_cache_reason,
    .summary = "pods on one node do not share one page cache",
    .detail =
        "The volume is mounted anew for each pod (one FUSE daemon a pod, or nosharecache), so that two "
        "pods on one node read through two caches, as two nodes do.",
    .remedy =
        "Remove nosharecache from mountOptions of the StorageClass and of the PersistentVolume; where the "
        "driver runs a daemon for each pod, keep the volume to one pod: a new claim with spec: "
        "{accessModes: [ReadWriteOncePod]}, and in the Deployment spec: {replicas: 1, strategy: {type: "
        "Recreate}}.",
    .source =
        "nfs(5) \"nosharecache\"; https://github.com/GoogleCloudPlatform/gcs-fuse-csi-driver (a sidecar "
        "mounts for its pod)",
};

constinit const RuleBody kCrossNodeSharingRule = {
    .match = cross_node_sharing,
    .reason = cross_node_sharing_reason,
    .summary = "two nodes may have the volume mounted at once",
    .detail =
        "Two nodes are two kernels with two page caches, and WAL's shared memory does not cross that "
        "border: \"all processes using a database must be on the same host computer\". Replica counts do "
        "not prevent it: a drained or deleted pod still writes on its old node while its replacement "
        "starts on another. A block device on two nodes loses the filesystem itself.",
    .remedy = kMoveToBlock,
    .source = "https://sqlite.org/wal.html",
};

constinit const RuleBody kPreflightFailedRule = {
    .match = preflight_failed,
    .reason = preflight_failed_reason,
    .summary = "a preflight on this storage failed",
    .detail =
        "walguard ran its coherency probe and a real SQLite workload on this storage, and at least one "
        "check that the strategy needs failed. The report names the check.",
    .remedy = kMoveToBlock,
    .source = "https://sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations",
};

}  // namespace walguard::core
