#include "operator/core/rules.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/rule_matches.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

constexpr StrategySet W = StrategySet::of(Strategy::kWal);
constexpr StrategySet E = StrategySet::of(Strategy::kWalExclusive);
constexpr StrategySet R = StrategySet::of(Strategy::kRollback);

using enum Rule::Class;

constexpr std::string_view kWalDoc = "https://sqlite.org/wal.html";
constexpr std::string_view kLockingDoc =
    "https://sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations";
constexpr std::string_view kAccessModesDoc =
    "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes";

// One text for the rules that end in "use another volume": access modes and classes cannot be changed in
// place.
constexpr std::string_view kMoveToBlock =
    "Make a new claim of a local or block StorageClass with accessModes: [ReadWriteOncePod], set strategy: "
    "{type: Recreate} and replicas: 1, copy the database over while the app is stopped, and point the volume "
    "at the new "
    "claim. For several replicas use a server: Litestream with a single writer, LiteFS, rqlite, dqlite, "
    "libSQL server or "
    "PostgreSQL.";

const Rule kTable[] = {
    // --- unsafe ---
    {"network-filesystem", kUnsafe, W | E | R, true, "the volume is a network filesystem",
     "SQLite in WAL mode keeps its index in shared memory that every opener maps. NFS, SMB and their kind "
     "give each "
     "client a page cache of its own, so a client reads an index that another one has long since changed. "
     "Rows that were "
     "acknowledged are lost, often while PRAGMA integrity_check still says ok. Rollback journals depend on "
     "file locks "
     "and on seeing a hot journal at once, which such filesystems promise only by option.",
     kMoveToBlock,
     "https://sqlite.org/wal.html#overview; nfs(5) \"Data and metadata coherence\"; mount.cifs(8) \"cache=\"",
     kNetworkFilesystem.match, kNetworkFilesystem.reason},
    {"object-store-fuse", kUnsafe, W | E | R, true, "the volume is an object store behind FUSE",
     "An object store has no partial writes and no byte-range locks. The FUSE daemon imitates them for one "
     "mount at best; "
     "SQLite writes pages in place and locks single bytes.",
     kMoveToBlock,
     "https://github.com/awslabs/mountpoint-s3/blob/main/doc/SEMANTICS.md; gcsfuse docs/semantics.md",
     kObjectStoreFuse.match, kObjectStoreFuse.reason},
    {"vm-shared-filesystem", kUnsafe, W | E | R, true,
     "the volume is shared between a host and its virtual machine",
     "virtiofs, gRPC-FUSE, osxfs and drvfs pass files through the boundary of a virtual machine. Locks stay "
     "on one side and "
     "caches differ; WAL databases on virtiofs were corrupted within a minute by writers inside one machine.",
     "Keep the database on a volume inside the virtual machine (a named volume, an ext4 path of WSL2, a "
     "block device), not "
     "on a folder of the host.",
     "https://sqlite.org/wal.html; virtiofsd README (remote locks are off by default)",
     kVmSharedFilesystem.match, kVmSharedFilesystem.reason},
    {"cross-node-sharing", kUnsafe, W | E | R, true, "two nodes may have the volume mounted at once",
     "Two nodes are two kernels with two page caches, and WAL's shared memory does not cross that border: "
     "\"all processes "
     "using a database must be on the same host computer\". Replica counts do not prevent it: a drained or "
     "deleted pod still "
     "writes on its old node while its replacement starts on another. A block device on two nodes loses the "
     "filesystem "
     "itself.",
     kMoveToBlock, kWalDoc, kCrossNodeSharing.match, kCrossNodeSharing.reason},
    {"sandboxed-kernel", kUnsafe, W | E | R, true, "consumers run in sandboxes with kernels of their own",
     "A gVisor sandbox answers byte-range locks inside itself, and a Kata pod has its own kernel. Two of "
     "them on one volume "
     "are each granted the same exclusive lock.",
     "Run every consumer of the database under the node's default runtime, or bind it to one pod with "
     "accessModes: "
     "[ReadWriteOncePod] and prove that runtime class with a preflight.",
     "https://gvisor.dev/docs/user_guide/filesystem/; kata-containers docs/design/virtualization.md",
     kSandboxedKernel.match, kSandboxedKernel.reason},
    {"mixed-kernels", kUnsafe, W | E | R, false, "consumers run under different kernels",
     "One consumer is on the node's kernel and another in a sandbox or a virtual machine. Locks that one "
     "takes the other "
     "does not see.",
     "Give every pod that mounts this claim the same runtimeClassName, or none.",
     "https://gvisor.dev/docs/user_guide/filesystem/", kMixedKernels.match, kMixedKernels.reason},
    {"locks-disabled", kUnsafe, W | E | R, true, "byte-range locks are kept from the other clients",
     "The volume is mounted so that fcntl(2) locks succeed locally and never reach the server (nolock, "
     "local_lock, nobrl, "
     "localflock, mfsnoposixlocks). Two clients both believe that they hold the exclusive lock.",
     "Remove the option from mountOptions of the StorageClass and of the PersistentVolume. That repairs "
     "locks, not the shared "
     "memory of WAL: on a network filesystem move the database to a local or block class.",
     "nfs(5) \"local_lock\"; mount.cifs(8) \"nobrl\"; https://sqlite.org/howtocorrupt.html",
     kLocksDisabled.match, kLocksDisabled.reason},
    {"split-page-cache", kUnsafe, W | R, true, "pods on one node do not share one page cache",
     "The volume is mounted anew for each pod (one FUSE daemon a pod, or nosharecache), so that two pods on "
     "one node read "
     "through two caches, as two nodes do.",
     "Mount the volume once per node, or bind it to one pod with accessModes: [ReadWriteOncePod].",
     "nfs(5) \"nosharecache\"; gcs-fuse-csi-driver docs (a sidecar mounts for its pod)",
     kSplitPageCache.match, kSplitPageCache.reason},
    {"split-database-files", kUnsafe, W | E | R, false, "the database file alone is mounted",
     "A SQLite database is up to four files in one folder: the database, -wal, -shm and -journal. A bind or "
     "subPath of the "
     "database file alone leaves the others in the container's own layer, where other consumers do not see "
     "them and a "
     "restart throws them away together with the commits they hold.",
     "Mount the folder that holds the database, not the file: volumeMounts mountPath: /data with the "
     "database at "
     "/data/app.db, and no subPath that names the file.",
     "https://sqlite.org/howtocorrupt.html#unlink; https://sqlite.org/tempfiles.html",
     kSplitDatabaseFiles.match, kSplitDatabaseFiles.reason},
    {"replicas-diverge", kUnsafe, W | E | R, false, "each node has a database of its own under one name",
     "The path is local to each node. Replicas on several nodes write to several databases that look like "
     "one; which one a "
     "user sees depends on the scheduler.",
     "Use replicas: 1 on a claim that is bound to one node, a StatefulSet with volumeClaimTemplates where a "
     "database per "
     "replica is meant, or a database server.",
     "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath", kReplicasDiverge.match,
     kReplicasDiverge.reason},
    {"preflight-failed", kUnsafe, W | E | R, false, "a preflight on this storage failed",
     "walguard ran its coherency probe and a real SQLite workload on this storage, and at least one check "
     "that the strategy "
     "needs failed. The report names the check.",
     kMoveToBlock, kLockingDoc, kPreflightFailed.match, kPreflightFailed.reason},

    // --- unproven ---
    {"unknown-driver", kUnproven, W | E | R, true, "nobody has told walguard how this driver stores bytes",
     "The driver is not in walguard's catalog, or its parameters in view do not decide between its variants. "
     "It may be "
     "safe; nothing says so.",
     "Let a preflight measure the class (label the namespace walguard/mode=gate), run walguard-preflight on "
     "the volume, or "
     "use a class whose driver is known.",
     "docs/knowledge.md", kUnknownDriver.match, kUnknownDriver.reason},
    {"claim-unbound", kUnproven, W | E | R, true,
     "the claim has no volume yet, and nothing decides what it will get",
     "The claim, its class or its PersistentVolume is not there (yet), so that any volume may end up behind "
     "it.",
     "Name a storageClassName with a provisioner in the claim, or create the PersistentVolume and the claim "
     "before the "
     "workload.",
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding", kClaimUnbound.match,
     kClaimUnbound.reason},
    {"scope-unknown", kUnproven, W | E | R, true, "how far the volume is shared cannot be told",
     "Kubernetes enforces ReadWriteOnce by attaching alone. Without the driver's CSIDriver object it is not "
     "known whether "
     "this driver attaches at all.",
     "Create the CSIDriver object of the driver, use accessModes: [ReadWriteOncePod], or pin the "
     "PersistentVolume to one "
     "node by nodeAffinity.",
     kAccessModesDoc, kScopeUnknown.match, kScopeUnknown.reason},
    {"evidence-missing", kUnproven, W | E | R, true,
     "nothing documents this volume as safe, and nobody has measured it",
     "The default of walguard. Neither a guarantee that can be cited nor a preflight speaks for this volume "
     "as far as it is "
     "shared.",
     "Let a preflight measure the class (label the namespace walguard/mode=gate), or run walguard-preflight "
     "run DIR on the "
     "volume.",
     "docs/rules.md", kEvidenceMissing.match, kEvidenceMissing.reason},
    {"evidence-stale", kUnproven, W | E | R, false, "the preflight that passed is too old",
     "Drivers, kernels and servers change. A pass counts for evidenceMaxAge, warns for staleGrace more, and "
     "then proves "
     "nothing.",
     "Run the preflight again; walguard does so by itself where automatic preflights are possible for the "
     "class.",
     "docs/rules.md", kEvidenceStale.match, kEvidenceStale.reason, still_in_grace},

    // --- warnings ---
    {"rollout-overlap", kWarning, W | E | R, false, "a rolling update runs two pods on the database at once",
     "A Deployment's default strategy starts the new pod before the old one has ended. Two versions of the "
     "app then write to "
     "one database; with locking_mode=EXCLUSIVE the new one cannot start at all.",
     "Set strategy: {type: Recreate} in the Deployment, or use a claim with accessModes: [ReadWriteOncePod] "
     "together with "
     "it.",
     "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy", kRolloutOverlap.match,
     kRolloutOverlap.reason},
    {"scale-out", kWarning, W | E | R, false, "several replicas are to share one database",
     "SQLite has one writer at a time, however many replicas there are: more of them wait for each other and "
     "add "
     "no speed. With locking_mode=EXCLUSIVE the second one cannot start at all. An autoscaler that may go "
     "above "
     "one counts as if it had.",
     "Set replicas: 1 and remove the autoscaler, or its maxReplicas: 1; or give each replica a database of "
     "its "
     "own by the volumeClaimTemplates of a StatefulSet. To serve more readers use Litestream with a single "
     "writer, LiteFS, rqlite, dqlite, libSQL server or PostgreSQL.",
     "https://sqlite.org/whentouse.html; "
     "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/",
     kScaleOut.match, kScaleOut.reason},

    // --- safe ---
    {"one-kernel-local-filesystem", kSafe, W | E | R, false, "one kernel over a local filesystem",
     "Containers that share a kernel share its page cache and its lock table, which is all that SQLite asks "
     "for. Durability "
     "on power loss is the disk's affair and is not measured.",
     "", "https://sqlite.org/wal.html; linux Documentation/filesystems/locks.rst; fcntl(2)",
     kOneKernelLocalFilesystem.match, kOneKernelLocalFilesystem.reason},
    {"single-attach-block-filesystem", kSafe, W | E | R, false,
     "a filesystem on a block device that one node has at a time",
     "The device is attached to one node, so that one kernel owns the filesystem on it. Kubernetes keeps it "
     "there by "
     "attaching (CSIDriver.attachRequired), by ReadWriteOncePod, or because the PersistentVolume names one "
     "node.",
     "", "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes; KEP-2485",
     kSingleAttachBlockFilesystem.match, kSingleAttachBlockFilesystem.reason},
    {"memory-filesystem", kSafe, W | E | R, false, "a filesystem in memory under one kernel",
     "tmpfs has one page cache and kernel locks. Its content ends with the pod.", "",
     "tmpfs(5); https://kubernetes.io/docs/concepts/storage/volumes/#emptydir", kMemoryFilesystem.match,
     kMemoryFilesystem.reason},
    {"cluster-filesystem-proven", kSafe, W | E | R, false,
     "a cluster filesystem that a preflight on two nodes has passed",
     "Some cluster filesystems keep caches and locks coherent between nodes. walguard believes it where it "
     "has measured it.",
     "", "the preflight's report", kClusterFilesystemProven.match, kClusterFilesystemProven.reason},
    {"preflight-passed", kSafe, W | E | R, false, "a preflight on this storage passed",
     "The coherency probe and a real SQLite workload passed on this storage, as far as the workload shares "
     "it.",
     "", "the preflight's report", kPreflightPassed.match, kPreflightPassed.reason},
};

/// Both speak of a volume that its class made. A failure of either stands; else a pass of either is enough,
/// and the newer one counts.
EvidenceAnswer of_both(const EvidenceAnswer& of_class, const EvidenceAnswer& of_volume) {
  if (of_volume.verdict == Verdict::kUnsafe || of_class.evidence == nullptr) return of_volume;
  if (of_class.verdict == Verdict::kUnsafe || of_volume.verdict != Verdict::kSafe) return of_class;
  return of_volume.evidence->measured_at > of_class.evidence->measured_at ? of_volume : of_class;
}

}  // namespace

std::span<const Rule> rules() { return kTable; }

const Rule* find_rule(std::string_view id) {
  const auto* it = std::ranges::find(kTable, id, &Rule::id);
  return it == std::end(kTable) ? nullptr : it;
}

RuleInput make_rule_input(const VolumeFacts& facts, const EvidenceBook& evidence, const Policy& policy,
                          UtcSeconds now) {
  RuleInput input{.facts = facts, .policy = policy, .evidence = {}, .now = now};
  for (const Strategy strategy : kStrategies) {
    const auto ask = [&](const EvidenceKey& key) {
      return evidence.ask(key, strategy, facts.scope, now, policy.evidence_max_age, policy.stale_grace);
    };
    input.evidence[strategy] = ask(facts.key);
    if (facts.own_key) input.evidence[strategy] = of_both(input.evidence[strategy], ask(*facts.own_key));
  }
  return input;
}

}  // namespace walguard::core
