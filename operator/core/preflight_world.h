/// What a shell observed of the preflights in a cluster and of the objects that their runs are made of.
///
/// Plain values, thread-safe. Every time is the API server's, in UTC seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/verdict.h"

namespace walguard::core {

/// A report as it came out of a pod's termination message. What it claims is checked against its own checks
/// by then.
struct ProbeReport {
  Evidence evidence;  ///< its key is empty
  UtcSeconds started = 0;
  struct View {
    std::string path;
    std::string node;
  };
  std::vector<View> views;       ///< agent A's, and agent B's where the two have met
  bool peer_never_came = false;  ///< the agents did not find each other
  std::vector<ProbeCheck> checks;
  std::string sqlite_version;
};

struct ObservedContainer {
  std::string name;
  std::optional<int> exit_code;       ///< set when it has ended
  std::optional<ProbeReport> report;  ///< of its termination message
  std::string problem;         ///< why there is none though it has ended, with the beginning of the message
  std::string waiting_reason;  ///< "ImagePullBackOff", "ContainerCreating", ...; "" when it does not wait
  std::string waiting_message;
};

struct ObservedPod {
  std::string name;
  std::string uid;
  std::string job_uid;  ///< of the owner
  std::string run;      ///< label walguard.dev/run
  int rank = 0;         ///< completion index
  std::string node;     ///< "" before it is scheduled
  bool deleting = false;
  bool ended = false;         ///< Succeeded or Failed
  std::string reason;         ///< status.reason, as "Evicted"
  std::string message;        ///< status.message
  std::string unschedulable;  ///< what the scheduler said last; "" when it is scheduled
  std::vector<ObservedContainer> containers;
};

struct ObservedJob {
  std::string name;  ///< of the run
  std::string uid;
  bool suspended = false;
  bool deleting = false;
  std::optional<UtcSeconds> started;  ///< when it was last resumed
  std::string failure;  ///< "DeadlineExceeded: ..." of its condition Failed; "" while it has none
};

struct ObservedClaim {
  std::string name;
  std::string uid;
  UtcSeconds created = 0;
  bool deleting = false;
  bool bound = false;
  std::string volume;  ///< "" while it has none
  std::vector<AccessMode> access_modes;
};

struct ObservedVolume {
  std::string name;
  UtcSeconds created = 0;
  bool deleting = false;
  std::string policy;  ///< persistentVolumeReclaimPolicy: "Delete", "Retain", "Recycle"
  std::string
      protected_policy;  ///< the one it had before we protected it (kProtectVolume); "" where we did not
  std::string provisioned_by;  ///< annotation pv.kubernetes.io/provisioned-by
  std::string driver;
  std::vector<std::string> mount_options;
  std::string claim_namespace;  ///< of its claimRef
  std::string claim_name;
  std::string claim_uid;
};

/// A Warning Event about one of our objects.
struct ObservedWarning {
  std::string object;  ///< "Job/walguard-pf-1a2b3c4d-1"
  std::string reason;
  std::string message;
};

/// What the API server said to an action that it refused, since the last one that it took.
struct Refusal {
  std::string action;  ///< "create the claim"
  int code = 0;        ///< HTTP status; 0 where there was none
  std::string message;
};

/// The objects of runs: of one preflight's, or of preflights that are gone.
struct RunObjects {
  std::vector<ObservedJob> jobs;
  std::vector<ObservedPod> pods;
  std::vector<ObservedClaim> claims;    ///< made by us
  std::vector<ObservedVolume> volumes;  ///< those our claims are or were bound to, as far as they are in view

  [[nodiscard]] bool empty() const {
    return jobs.empty() && pods.empty() && claims.empty() && volumes.empty();
  }
};

struct ObservedPreflight {
  Preflight object;
  RunObjects objects;
  std::optional<StorageClass> storage_class;  ///< nullopt: there is none of this name in view
  bool class_is_gone = false;                 ///< the API server itself has none of this name
  /// Seconds since a gated pod last asked for it, or it was worth keeping, or this leader first saw it.
  UtcSeconds unneeded_for = 0;
  std::optional<std::string>
      runtime_handler;                   ///< of spec.runtime_class; nullopt: there is no such RuntimeClass
  bool costly = false;                   ///< the smallest volume of this class is large or dear
  std::optional<ObservedClaim> subject;  ///< ClaimPreflight: the claim to measure
  std::optional<ObservedVolume> subject_volume;  ///< what it is bound to
  bool subject_differs_per_node = false;         ///< path-based: other files under that name on another node
  std::vector<ObservedWarning> warnings;
  std::vector<Refusal> refusals;
  std::vector<std::string> network_policies;  ///< in the namespace of the run
};

struct ObservedNode {
  std::string name;
  std::string hostname;
  bool ready = false;
  std::string kernel;
};

/// Of time; how many may run is the Policy's.
struct PreflightLimits {
  UtcSeconds start_patience = 120;      ///< seconds for a claim to bind, and again for the pods to start
  UtcSeconds quick_deadline = 300;      ///< seconds for a run of that profile once its pods have started
  UtcSeconds standard_deadline = 1200;  ///< seconds
  UtcSeconds soak_deadline = 21600;     ///< seconds
  UtcSeconds first_backoff = 30;  ///< seconds after a run without a verdict; doubles with each further one
  UtcSeconds longest_backoff = 3600;  ///< seconds
  /// Seconds after which a person is told that something does not go away; a volume that its provisioner has
  /// to delete is then waited for no longer.
  UtcSeconds cleanup_patience = 300;
  UtcSeconds unneeded_patience =
      600;                  ///< seconds after which what walguard made on need goes, being needless
  double reprove_at = 0.8;  ///< of Policy::evidence_max_age: evidence is renewed ahead of its end
};

struct PreflightWorld {
  std::vector<ObservedPreflight> preflights;
  RunObjects orphans;               ///< of preflights that are gone
  std::vector<ObservedNode> nodes;  ///< those that our pods are on; all of them where `all_nodes`
  bool all_nodes = false;
  std::string own_namespace;
  std::string operator_version;
  Policy policy;
  PreflightLimits limits;
};

}  // namespace walguard::core
