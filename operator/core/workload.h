/// A pod, or a workload that makes pods, reduced to what the judgement needs.
///
/// Plain data, filled by `wire` from JSON or YAML and read by `resolve`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/verdict.h"

namespace walguard::core {

/// Names and options that are compared and printed; sorted so that equal maps have equal text.
using StringMap = std::map<std::string, std::string, std::less<>>;

enum class WorkloadKind : std::uint8_t {
  kPod,
  kDeployment,
  kStatefulSet,
  kDaemonSet,
  kReplicaSet,
  kJob,
  kCronJob,
};

/// A plain init container ends before the app starts; a restartable one (restartPolicy: Always, KEP-753) runs
/// beside it and so is a consumer. An ephemeral container joins a running pod.
enum class ContainerRole : std::uint8_t { kApp, kInit, kSidecar, kEphemeral };

struct VolumeMount {
  std::string volume;
  std::string path;      ///< in the container, as normalised_path makes it
  std::string sub_path;  ///< subPath or subPathExpr; empty when neither is set
  bool read_only = false;
  bool sub_path_is_expanded = false;  ///< subPathExpr: which folder it is, the node works out
};

/// A variable of a container's environment, or a source of several (envFrom). Of two with one name the later
/// counts.
struct EnvironmentVariable {
  std::string name;   ///< of a source: what it puts before each name
  std::string value;  ///< where `in_view`
  /// False: the value stands in a Secret, in the pod's own fields, or in a ConfigMap that is not in view.
  bool in_view = true;
  bool is_source = false;  ///< envFrom, env_file: nobody can say which variables it sets
  std::string config_map;  ///< of the namespace; where the value stands, or stood
  std::string config_key;  ///< in it
};

/// How a container is started, which tells what databases it opens. Values here may be secret: `recognise`
/// alone reads them, and takes out of them container paths, names of apps and of SQLite's own parameters,
/// nothing else. What comes from a Secret is never read at all.
struct Launch {
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<EnvironmentVariable> environment;
};

struct Container {
  std::string name;
  ContainerRole role = ContainerRole::kApp;
  std::vector<VolumeMount> mounts;
  Launch launch = {};
};

/// The spec of a claim: of a PersistentVolumeClaim, a StatefulSet's claim template or a generic ephemeral
/// volume.
struct ClaimSpec {
  std::optional<std::string>
      storage_class;  ///< nullopt: the cluster's default class; "": no class, static only
  std::vector<AccessMode> access_modes;
  VolumeMode volume_mode = VolumeMode::kFilesystem;
  std::string volume_name;  ///< the bound or wanted PersistentVolume; empty when none
};

enum class VolumeKind : std::uint8_t {
  kClaim,             ///< persistentVolumeClaim, or a StatefulSet's claim template of that name
  kGenericEphemeral,  ///< ephemeral.volumeClaimTemplate: a claim that one pod owns
  kEmptyDir,
  kEmptyDirMemory,
  kHostPath,
  kInline,      ///< a driver named in the pod: csi, nfs, iscsi, ... (`driver` is its catalog name)
  kProjection,  ///< configMap, secret, projected, downwardAPI, image: read-only, never a database
  kUnknown,     ///< a source this version does not know
};

struct Volume {
  std::string name;
  VolumeKind kind = VolumeKind::kUnknown;
  bool read_only = false;
  std::string claim;           ///< kClaim: claimName
  ClaimSpec claim_spec;        ///< kGenericEphemeral, and kClaim made by a template (`from_template`)
  bool from_template = false;  ///< kClaim: each replica has a claim of its own
  std::string host_path;       ///< kHostPath
  std::string host_path_type;  ///< kHostPath: "", "File", "Directory", ...
  std::string driver;    ///< kInline: CSI driver name, or the in-tree source's key ("nfs", "iscsi", ...)
  StringMap attributes;  ///< kInline: csi.volumeAttributes
  std::string fs_type;   ///< kInline
};

/// The annotations of design section 4 that people set. nullopt: not set.
struct Annotations {
  std::optional<bool> require_local;  ///< anything but "false" counts as true
  std::optional<std::string> databases;
  std::optional<std::string> journal_mode;
  std::optional<std::string> mode;
  std::optional<std::string> accept_risk;
  std::optional<std::string> sqlite_version = {};  ///< "3.46.1": that of the app, whatever its image
};

/// The scheduling gate that holds an unproven pod.
inline constexpr std::string_view kGateName = "walguard/preflight";

/// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/; all empty: every taint.
struct Toleration {
  std::string key;
  std::string op;  ///< "Exists" or "Equal"
  std::string value;
  std::string effect;

  friend bool operator==(const Toleration&, const Toleration&) = default;
};

/// One requirement on a node's labels or fields, of a node selector:
/// https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity
struct NodeRequirement {
  std::string key;
  std::string op;  ///< "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"
  std::vector<std::string> values;

  friend bool operator==(const NodeRequirement&, const NodeRequirement&) = default;
};

/// A node has to meet every requirement of it, of which there is at least one.
struct NodeSelectorTerm {
  std::vector<NodeRequirement> match_expressions;  ///< on labels
  std::vector<NodeRequirement> match_fields;       ///< on "metadata.name"

  friend bool operator==(const NodeSelectorTerm&, const NodeSelectorTerm&) = default;
};

/// Which nodes a pod may go to. Without what Kubernetes itself adds to every pod.
struct Placement {
  StringMap node_selector;
  std::vector<NodeSelectorTerm> node_terms;  ///< required node affinity: one of them; empty: every node
  std::vector<Toleration> tolerations;

  friend bool operator==(const Placement&, const Placement&) = default;
};

struct PodSpec {
  std::vector<Container> containers;
  std::vector<Volume> volumes;
  std::string node_name;
  std::optional<std::string> pinned_hostname;  ///< nodeSelector or required nodeAffinity leaves just this one
  std::string runtime_class;                   ///< empty: the node's default runtime
  std::vector<std::string> scheduling_gates;
  bool windows = false;  ///< spec.os.name: windows
  Placement placement = {};
};

struct Workload {
  WorkloadKind kind = WorkloadKind::kPod;
  std::string namespace_name;
  std::string name;  ///< empty for a pod that still has only a generateName
  Annotations annotations;
  PodSpec pod;
  std::string owner_kind;  ///< pods: kind of the controlling owner, "" when none
  std::optional<std::int64_t>
      replicas;                    ///< Deployment, StatefulSet, ReplicaSet; nullopt: not said (the API's 1)
  bool recreate_strategy = false;  ///< Deployment strategy Recreate: old pods end before new ones start
  bool mirror_pod = false;         ///< a static pod's mirror: denying it changes nothing on the node
  bool being_deleted = false;      ///< metadata.deletionTimestamp is set
};

}  // namespace walguard::core
