/// What each rule consists of beside its place in the table: when it applies, the sentence that it says about
/// one volume, and its documentation, remedy and sources. The table in rules.cc names them; nothing else
/// does. All pure.
#pragma once

#include <cstdint>
#include <string>

#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {

// rules_unsafe_storage.cc
extern const RuleBody kNetworkFilesystemRule;
extern const RuleBody kObjectStoreFuseRule;
extern const RuleBody kVmSharedFilesystemRule;
extern const RuleBody kCrossNodeSharingRule;
extern const RuleBody kLocksDisabledRule;
extern const RuleBody kSplitPageCacheRule;
extern const RuleBody kPreflightFailedRule;

// rules_unsafe_use.cc
extern const RuleBody kSandboxedKernelRule;
extern const RuleBody kMixedKernelsRule;
extern const RuleBody kSqliteLocksOffRule;
extern const RuleBody kSplitDatabaseFilesRule;
extern const RuleBody kReplicasDivergeRule;

// rules_unproven.cc
extern const RuleBody kUnknownDriverRule;
extern const RuleBody kClaimUnboundRule;
extern const RuleBody kScopeUnknownRule;
extern const RuleBody kEvidenceMissingRule;
extern const RuleBody kEvidenceStaleRule;
extern const RuleBody kEvidenceInconclusiveRule;
extern const RuleBody kWindowsNodeRule;

// rules_warnings.cc
extern const RuleBody kRolloutOverlapRule;
extern const RuleBody kScaleOutRule;
extern const RuleBody kReadOnlyConsumerRule;
extern const RuleBody kLitestreamSecondWriterRule;
extern const RuleBody kJournalModeContradictedRule;
extern const RuleBody kRiskyMountOptionRule;
extern const RuleBody kSqliteWalResetBugRule;
extern const RuleBody kContentionRule;
extern const RuleBody kWeakDurabilityRule;
/// As many as the workload asks for or an autoscaler in view may make of it; one where neither says.
[[nodiscard]] std::int64_t most_replicas(const VolumeFacts& facts);

// rules_safe.cc
extern const RuleBody kOneKernelLocalFilesystemRule;
extern const RuleBody kSingleAttachBlockFilesystemRule;
extern const RuleBody kMemoryFilesystemRule;
extern const RuleBody kClusterFilesystemProvenRule;
extern const RuleBody kPreflightPassedRule;
/// Whether one of the rules that cite a guarantee gives it for this volume.
[[nodiscard]] bool documented_safe(const RuleInput& input);

/// "driver nfs.csi.k8s.io", or "no driver in view", for the sentences.
[[nodiscard]] std::string driver_words(const VolumeFacts& facts);

}  // namespace walguard::core
