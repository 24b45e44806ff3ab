/// Which preflight would settle what is not proven about a volume, or why none can.
///
/// Pure, thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// What a shell is able to measure. Standalone: the classes given by --storage-path. In a cluster: a fresh
/// claim of any class that provisions (`in_cluster`), which preflight pods mount as far as its access modes
/// let them.
struct ProbeReach {
  struct ClassReach {
    Scope widest = Scope::kNode;  ///< as far as a passing run can speak
    int views =
        1;  ///< two views of one directory stand for two nodes: a failure there settles scope `cluster` too
  };
  std::map<std::string, ClassReach, std::less<>> classes;
  bool in_cluster = false;           ///< `classes` is then not looked at
  bool default_runtime_only = true;  ///< child processes run on the host's kernel, whatever the RuntimeClass
};

/// A preflight that is worth running.
struct ProbeRequest {
  EvidenceKey key;
  Scope scope = Scope::kNode;
  Placement placement = {};  ///< where the workload may run, for a shell that can choose a node

  friend bool operator==(const ProbeRequest&, const ProbeRequest&) = default;
};

/// The preflight for this volume, or a sentence that says why none can settle it.
/// `evidence` in hand counts: what has been measured as far as `reach` goes is not worth measuring again.
[[nodiscard]] tl::expected<ProbeRequest, std::string> plan_probe(const VolumeFacts& facts,
                                                                 const EvidenceBook& evidence,
                                                                 const Policy& policy,
                                                                 const ProbeReach& reach, UtcSeconds now);

}  // namespace walguard::core
