// When a volume is unsafe by how it is used. Every function answers kUnknown, not kNo, where the fact it
// needs was not learned.
#include <optional>
#include <string>

#include "operator/core/evidence.h"
#include "operator/core/rule_bodies.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

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

/// Whether a lone container opens the database once or more often (a pool, a backup, a shell) is in no spec.
Match sqlite_locks_off(const RuleInput& input, Strategy) {
  if (input.facts.usage.locks_off.empty()) return Match::kNo;
  if (input.facts.scope != Scope::kContainer) return Match::kYes;
  return input.facts.only_read_in_pod ? Match::kNo : Match::kUnknown;
}

std::string sqlite_locks_off_reason(const RuleInput& input) {
  return "the app opens its database with " + input.facts.usage.locks_off +
         ", and others can have the volume mounted too";
}

Match split_database_files(const RuleInput& input, Strategy) {
  if (!input.facts.single_file_mount) return Match::kUnknown;
  return *input.facts.single_file_mount ? Match::kYes : Match::kNo;
}

std::string split_database_files_reason(const RuleInput&) {
  return "the mount is the database file itself: its -wal, -shm and -journal are left behind in the "
         "container";
}

/// An app that keeps a copy for each replica takes the files on its volume for its own alone. A second pod on
/// them may be a replica, another workload's, or the one that a rolling update starts.
Match copies_share_a_volume(const VolumeFacts& facts) {
  if (facts.usage.copies_per_replica.empty() || facts.per_replica_claim) return Match::kNo;
  if (facts.scope && *facts.scope <= Scope::kPod) return Match::kNo;
  const bool one_on_each_node = facts.workload == WorkloadKind::kDaemonSet;
  if (one_on_each_node && facts.differs_per_node) return Match::kNo;
  if (one_on_each_node && !facts.pinned_to_node) return Match::kYes;
  if (most_replicas(facts) > 1 || facts.other_pods > 0 || facts.replaced_by_overlap) return Match::kYes;
  return facts.replicas ? Match::kNo : Match::kUnknown;
}

Match replicas_diverge(const RuleInput& input, Strategy) {
  const VolumeFacts& facts = input.facts;
  const Match copies = copies_share_a_volume(facts);
  if (copies != Match::kNo) return copies;
  const bool one_each_by_design = facts.workload == WorkloadKind::kDaemonSet || facts.per_replica_claim;
  if (!facts.differs_per_node || facts.pinned_to_node || one_each_by_design) return Match::kNo;
  if (most_replicas(facts) > 1) return Match::kYes;
  return facts.replicas ? Match::kNo : Match::kUnknown;
}

std::string copies_reason(const VolumeFacts& facts) {
  const std::string& app = facts.usage.copies_per_replica;
  if (most_replicas(facts) > 1 || facts.workload == WorkloadKind::kDaemonSet) {
    return "each replica of " + app + " keeps a copy of its own, and they have one volume between them";
  }
  const std::string alone = app + " takes the files of its copy for its own alone, and ";
  if (facts.other_pods > 0) return alone + "another pod has them too";
  return alone + "a rolling update starts the new pod on them while the old one still runs";
}

std::string replicas_diverge_reason(const RuleInput& input) {
  if (copies_share_a_volume(input.facts) == Match::kYes) return copies_reason(input.facts);
  return std::to_string(most_replicas(input.facts)) +
         " replicas on several nodes each get a database of their own under the same path";
}

}  // namespace

constinit const RuleBody kSandboxedKernelRule = {
    .match = sandboxed_kernel,
    .reason = sandboxed_kernel_reason,
    .summary = "consumers run in sandboxes with kernels of their own",
    .detail =
        "A gVisor sandbox answers byte-range locks inside itself, and a Kata pod has its own kernel. Two "
        "of them on one volume are each granted the same exclusive lock.",
    .remedy =
        "Run every consumer of the database under the node's default runtime: remove runtimeClassName from "
        "the pod template. Or keep the volume to one pod, by a new claim with spec: {accessModes: "
        "[ReadWriteOncePod]} and in the Deployment spec: {replicas: 1, strategy: {type: Recreate}}, and "
        "prove the runtime: {apiVersion: walguard.dev/v1alpha1, kind: VolumePreflight, metadata: {name: "
        "fast-gvisor}, spec: {storageClassName: fast, accessMode: ReadWriteOncePod, scope: pod, "
        "runtimeClassName: gvisor}}.",
    .source = "https://gvisor.dev/docs/user_guide/filesystem/; kata-containers docs/design/virtualization.md",
};

constinit const RuleBody kMixedKernelsRule = {
    .match = mixed_kernels,
    .reason = mixed_kernels_reason,
    .summary = "consumers run under different kernels",
    .detail =
        "One consumer is on the node's kernel and another in a sandbox or a virtual machine, or one is on "
        "Linux and another on Windows. Locks that one takes the other does not see.",
    .remedy =
        "Give every pod that mounts this volume the same runtime: set the same runtimeClassName in all "
        "their pod templates, or remove it from all; and keep pods with os: {name: windows} on volumes of "
        "their own.",
    .source =
        "https://gvisor.dev/docs/user_guide/filesystem/; "
        "https://kubernetes.io/docs/concepts/containers/runtime-class/",
};

constinit const RuleBody kSqliteLocksOffRule = {
    .match = sqlite_locks_off,
    .reason = sqlite_locks_off_reason,
    .summary = "the app opens the database without SQLite's locks",
    .detail =
        "nolock=1 and vfs=unix-none take no locks at all, immutable=1 also ignores a journal and every "
        "change that another connection makes, and vfs=unix-dotfile locks by a file that no ordinary "
        "opener looks at and that does not go away with a process that dies. One connection more and both "
        "write at once. A second program need not be another workload: a rolling update, a backup or a "
        "shell in the container opens the same file.",
    .remedy =
        "Take the parameter out of the DSN: file:/data/app.db instead of file:/data/app.db?nolock=1, and "
        "no vfs=unix-none or vfs=unix-dotfile. Where it was set because locks failed (database is locked, "
        "ENOLCK), the volume is the cause: move the database to a new claim with spec: {storageClassName: "
        "A-LOCAL-OR-BLOCK-CLASS, accessModes: [ReadWriteOncePod]}. To read a copy that never changes, "
        "mount it with readOnly: true from a volume of its own.",
    .source =
        "https://sqlite.org/uri.html \"nolock\", \"immutable\"; https://sqlite.org/vfs.html \"Standard "
        "Unix VFSes\"; https://sqlite.org/howtocorrupt.html",
};

constinit const RuleBody kSplitDatabaseFilesRule = {
    .match = split_database_files,
    .reason = split_database_files_reason,
    .summary = "the database file alone is mounted",
    .detail =
        "A SQLite database is up to four files in one folder: the database, -wal, -shm and -journal. A "
        "bind or subPath of the database file alone leaves the others in the container's own layer, where "
        "other consumers do not see them and a restart throws them away together with the commits they "
        "hold.",
    .remedy =
        "Mount the folder that holds the database, not the file: volumeMounts: [{name: data, mountPath: "
        "/data}] with the database at /data/app.db, and no subPath that names the file; a subPath of the "
        "folder is fine: {name: data, mountPath: /data, subPath: app}. For a hostPath name the folder: "
        "hostPath: {path: /srv/app, type: Directory}.",
    .source = "https://sqlite.org/howtocorrupt.html#unlink; https://sqlite.org/tempfiles.html",
};

constinit const RuleBody kReplicasDivergeRule = {
    .match = replicas_diverge,
    .reason = replicas_diverge_reason,
    .summary = "replicas do not have the databases that they are meant to have",
    .detail =
        "The path is local to each node. Replicas on several nodes write to several databases that look "
        "like one; which one a user sees depends on the scheduler. The other way round, rqlite, dqlite, "
        "libSQL server and LiteFS keep a copy for each replica: pods that have one volume between them "
        "write over each other's, and so do the old and the new pod of a rolling update.",
    .remedy =
        "For one database: spec: {replicas: 1} on a claim of a class that makes volumes, storageClassName: "
        "A-LOCAL-OR-BLOCK-CLASS, accessModes: [ReadWriteOncePod], and in a Deployment strategy: {type: "
        "Recreate}. Where a database for each replica is meant, a StatefulSet with "
        "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOncePod], "
        "resources: {requests: {storage: 10Gi}}}}]. Else a database server.",
    .source = "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath",
};

}  // namespace walguard::core
