#include "operator/core/rules.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/rule_bodies.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

constexpr StrategySet W = StrategySet::of(Strategy::kWal);
constexpr StrategySet E = StrategySet::of(Strategy::kWalExclusive);
constexpr StrategySet R = StrategySet::of(Strategy::kRollback);

using enum Rule::Class;

const Rule kTable[] = {
    // --- unsafe ---
    {kNetworkFilesystemRule, "network-filesystem", kUnsafe, W | E | R, true},
    {kObjectStoreFuseRule, "object-store-fuse", kUnsafe, W | E | R, true},
    {kVmSharedFilesystemRule, "vm-shared-filesystem", kUnsafe, W | E | R, true},
    {kCrossNodeSharingRule, "cross-node-sharing", kUnsafe, W | E | R, true},
    {kSandboxedKernelRule, "sandboxed-kernel", kUnsafe, W | E | R, true},
    {kMixedKernelsRule, "mixed-kernels", kUnsafe, W | E | R, false},
    {kLocksDisabledRule, "locks-disabled", kUnsafe, W | E | R, true},
    {kSqliteLocksOffRule, "sqlite-locks-off", kUnsafe, W | E | R, false},
    {kSplitPageCacheRule, "split-page-cache", kUnsafe, W | R, true},
    {kSplitDatabaseFilesRule, "split-database-files", kUnsafe, W | E | R, false},
    {kReplicasDivergeRule, "replicas-diverge", kUnsafe, W | E | R, false},
    {kPreflightFailedRule, "preflight-failed", kUnsafe, W | E | R, false},
    // --- unproven ---
    {kUnknownDriverRule, "unknown-driver", kUnproven, W | E | R, true},
    {kClaimUnboundRule, "claim-unbound", kUnproven, W | E | R, true},
    {kScopeUnknownRule, "scope-unknown", kUnproven, W | E | R, true},
    {kEvidenceMissingRule, "evidence-missing", kUnproven, W | E | R, true},
    {kEvidenceStaleRule, "evidence-stale", kUnproven, W | E | R, false},
    {kEvidenceInconclusiveRule, "evidence-inconclusive", kUnproven, W | E | R, false},
    {kWindowsNodeRule, "windows-node", kUnproven, W | E | R, false},
    // --- warnings ---
    {kRolloutOverlapRule, "rollout-overlap", kWarning, W | E | R, false},
    {kScaleOutRule, "scale-out", kWarning, W | E | R, false},
    {kReadOnlyConsumerRule, "read-only-consumer", kWarning, W | E | R, false},
    {kLitestreamSecondWriterRule, "litestream-second-writer", kWarning, W | E | R, false},
    {kJournalModeContradictedRule, "journal-mode-contradicted", kWarning, W | E | R, false},
    {kRiskyMountOptionRule, "risky-mount-option", kWarning, W | E | R, false},
    {kSqliteWalResetBugRule, "sqlite-wal-reset-bug", kWarning, W, false},
    {kContentionRule, "contention", kWarning, W, false},
    {kWeakDurabilityRule, "weak-durability", kWarning, W | E | R, false},
    // --- safe ---
    {kOneKernelLocalFilesystemRule, "one-kernel-local-filesystem", kSafe, W | E | R, false},
    {kSingleAttachBlockFilesystemRule, "single-attach-block-filesystem", kSafe, W | E | R, false},
    {kMemoryFilesystemRule, "memory-filesystem", kSafe, W | E | R, false},
    {kClusterFilesystemProvenRule, "cluster-filesystem-proven", kSafe, W | E | R, false},
    {kPreflightPassedRule, "preflight-passed", kSafe, W | E | R, false},
};

/// Both speak of a volume that its class made. A failure of either stands; else a pass of either is enough,
/// and the newer one counts.
EvidenceAnswer that_counts(const EvidenceAnswer& of_class, const EvidenceAnswer& of_volume) {
  if (of_volume.verdict == Verdict::kUnsafe || of_class.evidence == nullptr) return of_volume;
  if (of_class.verdict == Verdict::kUnsafe || of_volume.verdict != Verdict::kSafe) return of_class;
  return of_volume.evidence->measured_at > of_class.evidence->measured_at ? of_volume : of_class;
}

EvidenceAnswer of_both(const EvidenceAnswer& of_class, const EvidenceAnswer& of_volume) {
  EvidenceAnswer answer = that_counts(of_class, of_volume);
  answer.inconclusive = of_volume.inconclusive != nullptr ? of_volume.inconclusive : of_class.inconclusive;
  return answer;
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
