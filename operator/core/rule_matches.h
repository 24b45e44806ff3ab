/// When each rule applies, and the sentence it says about one volume. The table in rules.cc names them;
/// nothing else does. All pure.
#pragma once

#include <cstdint>
#include <string>

#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {

/// A rule's two functions: whether it applies for a strategy, and what it says when it does.
struct RuleLogic {
  Match (*match)(const RuleInput&, Strategy);
  std::string (*reason)(const RuleInput&);
};

// rules_unsafe.cc
extern const RuleLogic kNetworkFilesystem;
extern const RuleLogic kObjectStoreFuse;
extern const RuleLogic kVmSharedFilesystem;
extern const RuleLogic kCrossNodeSharing;
extern const RuleLogic kSandboxedKernel;
extern const RuleLogic kMixedKernels;
extern const RuleLogic kLocksDisabled;
extern const RuleLogic kSplitPageCache;
extern const RuleLogic kSplitDatabaseFiles;
extern const RuleLogic kReplicasDiverge;
extern const RuleLogic kPreflightFailed;

// rules_unproven.cc
extern const RuleLogic kUnknownDriver;
extern const RuleLogic kClaimUnbound;
extern const RuleLogic kScopeUnknown;
extern const RuleLogic kEvidenceMissing;
extern const RuleLogic kEvidenceStale;
extern const RuleLogic kRolloutOverlap;
extern const RuleLogic kScaleOut;
/// As many as the workload asks for or an autoscaler in view may make of it; one where neither says.
[[nodiscard]] std::int64_t most_replicas(const VolumeFacts& facts);
[[nodiscard]] bool still_in_grace(const RuleInput& input);

// rules_safe.cc
extern const RuleLogic kOneKernelLocalFilesystem;
extern const RuleLogic kSingleAttachBlockFilesystem;
extern const RuleLogic kMemoryFilesystem;
extern const RuleLogic kClusterFilesystemProven;
extern const RuleLogic kPreflightPassed;
/// Whether one of the rules that cite a guarantee gives it for this volume.
[[nodiscard]] bool documented_safe(const RuleInput& input);

/// "driver nfs.csi.k8s.io", or "no driver in view", for the sentences.
[[nodiscard]] std::string driver_words(const VolumeFacts& facts);

}  // namespace walguard::core
