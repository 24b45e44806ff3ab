/// Everything `decide` needs to know of one volume of one workload.
///
/// Filled by `resolve`. A nullopt field means "could not be learned", never "absent".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// How far a claim is from a volume that can be judged.
enum class Binding : std::uint8_t {
  kNotAClaim,
  kBound,          ///< its PersistentVolume is in view
  kByClass,        ///< not bound, but its class and provisioner decide what it will be
  kUndecided,      ///< not bound, and no class decides: anything may be bound to it
  kMissing,        ///< the claim, or the class that would decide, is not in view
  kVolumeMissing,  ///< bound to a PersistentVolume that is not in view and that no class need have made
};

/// How its programs open the databases of one volume, as far as that is in view. Holds nothing of a value
/// that could be secret: names of apps, of containers and of SQLite's own parameters, and versions.
struct DatabaseUsage {
  std::vector<std::string> apps;  ///< for people: "Vaultwarden"; each once
  /// The parameter that takes SQLite's own locks away, as "nolock=1" or "vfs=unix-none"; empty: none in view.
  std::string locks_off;
  /// Why the databases are judged by another journal than the annotation walguard/journal-mode says, as
  /// "Litestream needs WAL"; empty: nothing contradicts it.
  std::string journal_contradicted;
  std::optional<Synchronous> synchronous;
  std::string sqlite_version;  ///< "3.46.1"; empty: not known
  /// The container that replicates the databases of another (Litestream, LiteFS); empty: none.
  std::string replicator;
  /// The container that restores databases while others may have them open; empty: none.
  std::string restorer;
  /// The app that keeps a copy for each replica (rqlite): one volume for each is right, one for all is not.
  /// Empty: none.
  std::string copies_per_replica;
  /// What told of a database and is in view of `walguard check` alone: "ConfigMap shop/env". The webhook sees
  /// no ConfigMaps.
  std::vector<std::string> seen_in;
};

struct VolumeFacts {
  std::string volume;  ///< the volume's name in the pod spec
  std::string claim;   ///< claim name, empty when it is none
  Certainty certainty = Certainty::kNone;
  std::vector<std::string> databases;  ///< container paths, as declared and as recognised
  Strategy strategy = Strategy::kWal;
  DatabaseUsage usage;

  /// False: what is known of the cluster may be old or incomplete, so nobody can say who shares the volume.
  bool cluster_is_current = true;
  std::optional<Scope> scope;
  std::optional<KernelDomain> kernel_domain;
  std::optional<bool> other_kernels_known;  ///< of every other pod on it, whose kernel it runs on
  std::optional<Transport> transport;
  bool transport_verified = false;  ///< the fact behind `transport` has a source: enough for `safe`

  std::string driver;  ///< for people: CSI driver, in-tree source or provisioner; empty when unknown
  std::string source;  ///< of the driver fact
  Binding binding = Binding::kNotAClaim;
  std::string storage_class;

  /// Kubernetes itself keeps the volume on one node at a time, or one pod (design section 2). nullopt: not
  /// known.
  std::optional<bool> single_attach;
  std::optional<VolumeMode> volume_mode;
  std::vector<AccessMode> access_modes;  ///< of the PV; of the claim where that is not in view

  std::optional<bool> locks_stay_local;  ///< by mount option or by the driver itself
  std::string locks_because;             ///< the option or driver that does it
  bool split_page_cache = false;         ///< two pods on one node do not see one page cache
  std::string split_because;             ///< the option or driver that does it
  std::string risky_option;       ///< a mount option that gives errors or stale data; empty: none in view
  bool differs_per_node = false;  ///< another node has other files under the same volume
  bool proven_only_by_preflight = false;
  bool costly_to_probe = false;
  std::optional<bool> single_file_mount;  ///< the database itself is the mount: its -wal and -shm stay behind
  std::vector<std::string> read_only_consumers;  ///< containers that have it mounted read-only alone

  bool only_read_in_pod = false;  ///< it is mounted beside the app, and nowhere for writing

  bool windows = false;  ///< the pod is for a Windows node
  int consumers_in_pod = 0;
  int other_pods = 0;  ///< in view on the same storage, those of this workload not among them
  WorkloadKind workload = WorkloadKind::kPod;
  std::optional<std::int64_t> replicas;  ///< nullopt: not known (a pod does not tell its siblings)
  /// An autoscaler in view may go as far as this; nullopt: none in view.
  std::optional<std::int64_t> autoscaled_to;
  bool replaced_by_overlap = false;  ///< a rolling update runs the old and the new pod at once
  bool per_replica_claim = false;
  bool pinned_to_node = false;

  EvidenceKey key;
  /// Set where `key` is that of its class and the volume is there: what was measured on itself stands under
  /// this one.
  std::optional<EvidenceKey> own_key;
  /// What a volume of a class has other than the class makes it now, as "fsType ext4 instead of xfs": `key`
  /// is then its own, and no preflight of the class speaks for it.
  std::string differs_from_class;
};

}  // namespace walguard::core
