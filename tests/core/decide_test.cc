// From facts and evidence to a verdict: what may be called safe, and that nothing unknown ever is.
#include "operator/core/decide.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

std::string_view transport_of(const VolumeFacts& facts) {
  return facts.transport ? name(*facts.transport) : "no transport";
}

TEST(Decide, ABlockVolumeThatOneNodeHasAtATimeIsSafeByDocument) {
  const Judgement judgement = decide_now(block_volume());
  EXPECT_EQ(judgement.verdict, Verdict::kSafe);
  EXPECT_EQ(judgement.basis, Basis::kDocumented);
  EXPECT_EQ(rules_of(judgement), std::vector<std::string_view>{"single-attach-block-filesystem"});
  EXPECT_TRUE(judgement.evidence.empty());
  for (const Strategy strategy : kStrategies) EXPECT_EQ(judgement.verdicts[strategy], Verdict::kSafe);
}

TEST(Decide, WithNoFactAtAllTheVerdictIsUnproven) {
  const Judgement judgement = decide_now(VolumeFacts{});
  EXPECT_EQ(judgement.verdict, Verdict::kUnproven);
  EXPECT_EQ(judgement.basis, Basis::kNone);
}

TEST(Decide, WhereNothingAppliesTheVerdictIsUnprovenWithEvidenceMissing) {
  // Known, nothing wrong with it, and nobody says that it is right.
  const auto facts =
      but(shared_volume(Transport::kClusterFilesystem, Scope::kNode), [](auto& f) { f.replicas = 1; });
  const Judgement judgement = decide_now(facts);
  EXPECT_EQ(judgement.verdict, Verdict::kUnproven);
  EXPECT_EQ(rules_of(judgement), std::vector<std::string_view>{"evidence-missing"});
}

TEST(Decide, AnOpenQuestionIsNamed) {
  const Judgement judgement = decide_now(but(block_volume(), [](auto& f) { f.single_file_mount.reset(); }));
  EXPECT_EQ(judgement.verdict, Verdict::kUnproven);
  ASSERT_TRUE(says(judgement, "evidence-missing"));
  EXPECT_NE(judgement.findings.front().reason.find("split-database-files"), std::string::npos);
}

TEST(Decide, NfsVolumeSharedAcrossNodesIsUnsafeEvenWithAPassingSameNodePreflight) {
  const auto facts = nfs_volume();
  const Judgement judgement = decide_now(facts, book(passed(facts.key, Scope::kNode)));
  EXPECT_EQ(judgement.verdict, Verdict::kUnsafe);
  EXPECT_TRUE(says(judgement, "network-filesystem"));
  EXPECT_TRUE(says(judgement, "cross-node-sharing"));
}

TEST(Decide, NfsVolumeOnOneNodeIsUnsafeUnlessThePolicyAcceptsAMeasurement) {
  const auto facts = nfs_volume(Scope::kNode);
  const auto pass = book(passed(facts.key, Scope::kNode));
  const Policy accepts = but(Policy{}, [](auto& p) { p.accept_network_filesystem_on_one_node = true; });
  EXPECT_EQ(decide_now(facts, pass).verdict, Verdict::kUnsafe);
  EXPECT_EQ(decide_now(facts, {}, accepts).verdict, Verdict::kUnsafe);
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kNode, 38 * kDay)), accepts).verdict,
            Verdict::kUnsafe);
  const Judgement accepted = decide_now(facts, pass, accepts);
  EXPECT_EQ(accepted.verdict, Verdict::kSafe);
  EXPECT_EQ(accepted.basis, Basis::kMeasured);
}

TEST(Decide, APassDischargesAnUnknownDriver) {
  const auto facts = unknown_volume();
  EXPECT_EQ(rules_of(decide_now(facts)), std::vector<std::string_view>{"unknown-driver"});
  const Judgement judgement = decide_now(facts, book(passed(facts.key, Scope::kNode)));
  EXPECT_EQ(judgement.verdict, Verdict::kSafe);
  EXPECT_EQ(judgement.basis, Basis::kMeasured);
  EXPECT_EQ(judgement.evidence, "report-safe");
  EXPECT_EQ(rules_of(judgement), std::vector<std::string_view>{"preflight-passed"});
}

TEST(Decide, APassDischargesNoUnsafeRuleThatApplies) {
  const std::vector<std::pair<std::string_view, VolumeFacts>> cases = {
      {"network-filesystem", nfs_volume(Scope::kNode)},
      {"object-store-fuse", shared_volume(Transport::kObjectFuse, Scope::kNode)},
      {"vm-shared-filesystem", shared_volume(Transport::kVmShare, Scope::kNode)},
      {"cross-node-sharing", but(block_volume(), [](auto& f) { f.scope = Scope::kCluster; })},
      {"sandboxed-kernel", but(block_volume(), [](auto& f) { f.kernel_domain = KernelDomain::kPerSandbox; })},
      {"mixed-kernels", but(block_volume(), [](auto& f) { f.kernel_domain = KernelDomain::kMixed; })},
      {"locks-disabled", but(unknown_volume(), [](auto& f) { f.locks_stay_local = true; })},
      {"split-page-cache", but(unknown_volume(), [](auto& f) { f.split_page_cache = true; })},
      {"split-database-files", but(block_volume(), [](auto& f) { f.single_file_mount = true; })},
      {"replicas-diverge", but(local_volume(), [](auto& f) { f.differs_per_node = true, f.replicas = 2; })},
  };
  for (const auto& [rule, facts] : cases) {
    const Judgement judgement = decide_now(facts, book(passed(facts.key, Scope::kCluster)));
    EXPECT_EQ(judgement.verdict, Verdict::kUnsafe) << rule;
    EXPECT_TRUE(says(judgement, rule)) << rule;
    EXPECT_EQ(judgement.basis, Basis::kNone) << rule;
  }
}

TEST(Decide, EveryUnsafeRuleIsAmongThoseThatNoPassDischarges) {
  // The list above is whole: a new unsafe rule must be put there. preflight-failed contradicts a pass.
  const auto unsafe = std::ranges::count(rules(), Rule::Class::kUnsafe, &Rule::rule_class);
  EXPECT_EQ(unsafe, 10 + 1);
}

TEST(Decide, AFailureSpeaksEvenAgainstADocument) {
  const auto facts = block_volume();
  const Judgement judgement = decide_now(facts, book(failed(facts.key, Scope::kNode)));
  EXPECT_EQ(judgement.verdict, Verdict::kUnsafe);
  EXPECT_TRUE(says(judgement, "preflight-failed"));
  EXPECT_FALSE(says(judgement, "single-attach-block-filesystem")) << "a safe rule beside an unsafe verdict";
  EXPECT_EQ(judgement.evidence, "report-unsafe");
}

TEST(Decide, ADocumentAndAMeasurementAreBothTheBasis) {
  const auto facts = block_volume();
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kNode))).basis, Basis::kBoth);
}

TEST(Decide, AnOldPassTakesNothingFromADocument) {
  // To have measured once must never leave a volume worse off than never to have measured.
  const auto facts = block_volume();
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kNode, 38 * kDay))).verdict, Verdict::kSafe);
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kNode, 38 * kDay))).basis, Basis::kDocumented);
}

TEST(Decide, AnOldPassWarnsInItsGraceAndProvesNothingAfterIt) {
  const auto facts = unknown_volume();
  const auto after = [&](UtcSeconds age) {
    return decide_now(facts, book(passed(facts.key, Scope::kNode, age)));
  };
  EXPECT_FALSE(says(after(30 * kDay), "evidence-stale"));
  EXPECT_EQ(after(30 * kDay + 1).verdict, Verdict::kSafe);
  EXPECT_TRUE(says(after(30 * kDay + 1), "evidence-stale"));
  EXPECT_EQ(after(30 * kDay + 1).findings.front().severity, Severity::kWarning);
  EXPECT_EQ(after(37 * kDay).verdict, Verdict::kSafe);
  EXPECT_EQ(after(37 * kDay + 1).verdict, Verdict::kUnproven);
  EXPECT_EQ(after(37 * kDay + 1).findings.front().severity, Severity::kUnproven);
}

TEST(Decide, EvidenceOfAnotherKeyOrANarrowerScopeSettlesNothing) {
  const auto facts = unknown_volume();
  const std::vector<std::pair<std::string_view, std::function<void(EvidenceKey&)>>> differences = {
      {"class", [](auto& k) { k.storage_class = "slow"; }},
      {"volume", [](auto& k) { k.volume = "pv-2"; }},
      {"driver", [](auto& k) { k.driver = "other.example.com"; }},
      {"parameters", [](auto& k) { k.parameters = "d2"; }},
      {"access mode", [](auto& k) { k.access_mode = AccessMode::kReadWriteMany; }},
      {"mount options", [](auto& k) { k.mount_options = {"nolock"}; }},
      {"filesystem type", [](auto& k) { k.fs_type = "xfs"; }},
      {"runtime", [](auto& k) { k.runtime_handler = "runsc"; }}};
  for (const auto& [field, change] : differences) {
    const Judgement judgement = decide_now(facts, book(passed(but(facts.key, change), Scope::kCluster)));
    EXPECT_EQ(judgement.verdict, Verdict::kUnproven) << "a pass with another " << field;
  }
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kPod))).verdict, Verdict::kUnproven);
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kCluster))).verdict, Verdict::kSafe);
}

TEST(Decide, AnUnknownScopeNeedsAPassAsFarAsTheCluster) {
  const auto facts = but(unknown_volume(), [](auto& f) { f.scope.reset(); });
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kNode))).verdict, Verdict::kUnproven);
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kCluster))).verdict, Verdict::kSafe);
}

TEST(Decide, FactsFromMemoryAloneNeverLeadToADocumentedSafe) {
  for (auto facts : {block_volume(), local_volume(), memory_volume()}) {
    facts.transport_verified = false;
    EXPECT_EQ(decide_now(facts).verdict, Verdict::kUnproven) << transport_of(facts);
    const Judgement measured_one = decide_now(facts, book(passed(facts.key, Scope::kCluster)));
    EXPECT_EQ(measured_one.verdict, Verdict::kSafe);
    EXPECT_EQ(measured_one.basis, Basis::kMeasured);
  }
}

TEST(Decide, OneRunMaySpeakDifferentlyOfEachStrategy) {
  const auto facts = unknown_volume();
  Evidence report = passed(facts.key, Scope::kNode);
  report.verdicts[Strategy::kWal] = Verdict::kUnsafe;
  report.verdicts[Strategy::kRollback] = Verdict::kUnproven;
  const Judgement judgement = decide_now(facts, book(report));
  EXPECT_EQ(judgement.verdicts[Strategy::kWal], Verdict::kUnsafe);
  EXPECT_EQ(judgement.verdicts[Strategy::kWalExclusive], Verdict::kSafe);
  EXPECT_EQ(judgement.verdicts[Strategy::kRollback], Verdict::kUnproven);
  EXPECT_EQ(judgement.verdict, Verdict::kUnsafe);
  const auto exclusive = but(facts, [](auto& f) { f.strategy = Strategy::kWalExclusive; });
  EXPECT_EQ(decide_now(exclusive, book(report)).verdict, Verdict::kSafe);
  EXPECT_FALSE(says(decide_now(exclusive, book(report)), "preflight-failed"));
}

TEST(Decide, ASplitPageCacheSparesTheStrategyWithoutSharedMemory) {
  const auto facts = but(unknown_volume(), [](auto& f) { f.split_page_cache = true; });
  const Judgement judgement = decide_now(facts, book(passed(facts.key, Scope::kNode)));
  EXPECT_EQ(judgement.verdicts[Strategy::kWal], Verdict::kUnsafe);
  EXPECT_EQ(judgement.verdicts[Strategy::kRollback], Verdict::kUnsafe);
  EXPECT_EQ(judgement.verdicts[Strategy::kWalExclusive], Verdict::kSafe);
}

TEST(Decide, AllFindingsAreReportedWorstFirstAndThenInTheOrderOfTheTable) {
  const auto facts = but(block_volume(), [](auto& f) {
    f.scope = Scope::kCluster;
    f.locks_stay_local = true;
    f.single_file_mount = true;
    f.replaced_by_overlap = true;
  });
  const Judgement judgement = decide_now(facts);
  EXPECT_EQ(rules_of(judgement),
            (std::vector<std::string_view>{"cross-node-sharing", "locks-disabled", "split-database-files",
                                           "evidence-missing", "rollout-overlap"}));
  EXPECT_TRUE(std::ranges::is_sorted(judgement.findings, std::greater{}, &Finding::severity));
}

TEST(Decide, AWarningLeavesTheVerdictAlone) {
  const Judgement judgement = decide_now(but(block_volume(), [](auto& f) { f.replaced_by_overlap = true; }));
  EXPECT_EQ(judgement.verdict, Verdict::kSafe);
  EXPECT_TRUE(says(judgement, "rollout-overlap"));
}

TEST(Decide, TheSameQuestionHasTheSameAnswer) {
  const auto facts = nfs_volume();
  const auto evidence = book(failed(facts.key, Scope::kNode));
  EXPECT_EQ(rules_of(decide_now(facts, evidence)), rules_of(decide_now(facts, evidence)));
}

// ---- properties ----

/// Forgets one fact.
using Forget = std::pair<std::string_view, std::function<void(VolumeFacts&)>>;
const std::vector<Forget> kForgets = {
    {"scope", [](auto& f) { f.scope.reset(); }},
    {"kernel domain", [](auto& f) { f.kernel_domain.reset(); }},
    {"transport", [](auto& f) { f.transport.reset(); }},
    {"that the transport is verified", [](auto& f) { f.transport_verified = false; }},
    {"volume mode", [](auto& f) { f.volume_mode.reset(); }},
    {"access modes", [](auto& f) { f.access_modes.clear(); }},
    {"whether the file itself is mounted", [](auto& f) { f.single_file_mount.reset(); }},
};

/// What a local or memory filesystem does not depend on: another node has other files, whatever the scope and
/// modes.
bool is_needed(std::string_view fact, const VolumeFacts& facts) {
  const bool shared_by_attaching = facts.transport == Transport::kNetworkBlock;
  return shared_by_attaching || (fact != "scope" && fact != "access modes");
}

TEST(DecideProperty, AForgottenFactIsNeverSafeUnlessEvidenceSaysSo) {
  for (const auto& safe : {block_volume(), local_volume(), memory_volume()}) {
    ASSERT_EQ(decide_now(safe).verdict, Verdict::kSafe);
    for (const auto& [fact, forget] : kForgets) {
      if (!is_needed(fact, safe)) continue;
      const VolumeFacts facts = but(safe, forget);
      const Judgement judgement = decide_now(facts);
      for (const Strategy strategy : kStrategies) {
        EXPECT_EQ(judgement.verdicts[strategy], Verdict::kUnproven)
            << transport_of(safe) << " without " << fact << ", " << name(strategy);
      }
      const Judgement proven = decide_now(facts, book(passed(facts.key, Scope::kCluster)));
      EXPECT_NE(proven.basis, Basis::kDocumented) << fact;
    }
  }
}

TEST(DecideProperty, AForgottenReplicaCountKeepsDivergingFilesFromBeingSafe) {
  const auto facts = but(local_volume(), [](auto& f) { f.differs_per_node = true, f.replicas.reset(); });
  EXPECT_EQ(decide_now(facts).verdict, Verdict::kUnproven);
  EXPECT_EQ(decide_now(facts, book(passed(facts.key, Scope::kCluster))).verdict, Verdict::kUnproven);
}

/// One thing the judgement depends on, with its values from harmless to dangerous.
struct Dimension {
  std::string_view name;
  std::vector<std::function<void(VolumeFacts&)>> steps;
};

// Each next step knows less, or knows worse. Transports follow each other only where the later one is never
// better.
const std::vector<Dimension> kDimensions = {
    {"scope",
     {[](auto& f) { f.scope = Scope::kContainer; }, [](auto& f) { f.scope = Scope::kPod; },
      [](auto& f) { f.scope = Scope::kNode; }, [](auto& f) { f.scope = Scope::kCluster; }}},
    {"kernels",
     {[](auto& f) { f.kernel_domain = KernelDomain::kShared; }, [](auto& f) { f.kernel_domain.reset(); },
      [](auto& f) { f.kernel_domain = KernelDomain::kMixed; }}},
    {"transport verified",
     {[](auto& f) { f.transport_verified = true; }, [](auto& f) { f.transport_verified = false; }}},
    {"locks",
     {[](auto& f) { f.locks_stay_local = false; }, [](auto& f) { f.locks_stay_local.reset(); },
      [](auto& f) { f.locks_stay_local = true; }}},
    {"single file",
     {[](auto& f) { f.single_file_mount = false; }, [](auto& f) { f.single_file_mount.reset(); },
      [](auto& f) { f.single_file_mount = true; }}},
    {"page cache", {[](auto& f) { f.split_page_cache = false; }, [](auto& f) { f.split_page_cache = true; }}},
    {"per node", {[](auto& f) { f.differs_per_node = false; }, [](auto& f) { f.differs_per_node = true; }}},
    {"replicas",
     {[](auto& f) { f.replicas = 1; }, [](auto& f) { f.replicas.reset(); }, [](auto& f) { f.replicas = 3; }}},
    {"path-based",
     {[](auto& f) { f.proven_only_by_preflight = false; },
      [](auto& f) { f.proven_only_by_preflight = true; }}},
    {"pinned", {[](auto& f) { f.pinned_to_node = true; }, [](auto& f) { f.pinned_to_node = false; }}},
    {"claim per replica",
     {[](auto& f) { f.per_replica_claim = true; }, [](auto& f) { f.per_replica_claim = false; }}},
    {"volume mode",
     {[](auto& f) { f.volume_mode = VolumeMode::kFilesystem; }, [](auto& f) { f.volume_mode.reset(); },
      [](auto& f) { f.volume_mode = VolumeMode::kBlock; }}},
    {"access modes",
     {[](auto& f) { f.access_modes = kRwop; }, [](auto& f) { f.access_modes = kRwo; },
      [](auto& f) { f.access_modes.clear(); }, [](auto& f) { f.access_modes = kRwx; }}},
    {"binding",
     {[](auto& f) { f.binding = Binding::kBound; }, [](auto& f) { f.binding = Binding::kUndecided; }}},
};

const std::vector<std::vector<std::optional<Transport>>> kTransportChains = {
    {Transport::kLocalDisk, std::nullopt, Transport::kObjectFuse},
    {Transport::kMemory, std::nullopt, Transport::kVmShare},
    {Transport::kNetworkBlock, Transport::kNetworkFilesystem},
    {Transport::kClusterFilesystem, Transport::kNetworkFilesystem},
};

/// From what speaks best for a volume to what speaks worst. Keys are those of block_volume.
std::vector<EvidenceBook> evidence_chain() {
  const EvidenceKey key = block_volume().key;
  std::vector<EvidenceBook> chain;
  chain.push_back(book(passed(key, Scope::kCluster)));
  chain.push_back(book(passed(key, Scope::kNode)));
  chain.push_back(book(passed(key, Scope::kNode, 31 * kDay)));  // in grace
  chain.push_back(book(passed(key, Scope::kContainer, 31 * kDay)));
  chain.push_back(book(passed(key, Scope::kCluster, 100 * kDay)));  // stale
  chain.push_back(book(measured(key, Verdict::kUnproven, Scope::kCluster)));
  chain.push_back(book());
  chain.push_back(book(failed(key, Scope::kCluster)));
  chain.push_back(book(failed(key, Scope::kNode)));
  chain.push_back(book(failed(key, Scope::kContainer, 100 * kDay)));
  return chain;
}

class DangerGrid : public ::testing::Test {
 protected:
  using Point = std::vector<std::size_t>;  // a step of every dimension

  Point random_point() {
    Point point;
    for (const Dimension& dimension : kDimensions) point.push_back(pick(dimension.steps.size()));
    return point;
  }
  /// Mostly harmless: among random points nearly all are unsafe, and nothing could get worse.
  Point nearly_safe_point() {
    Point point(kDimensions.size(), 0);
    for (int i = 0; i < 1; ++i) {
      const std::size_t at = pick(point.size());
      point[at] = pick(kDimensions[at].steps.size());
    }
    return point;
  }
  static VolumeFacts facts_at(const Point& point, std::optional<Transport> transport) {
    VolumeFacts facts = block_volume();
    facts.transport = transport;
    for (std::size_t i = 0; i < point.size(); ++i) kDimensions[i].steps[point[i]](facts);
    return facts;
  }
  std::size_t pick(std::size_t choices) {
    return std::uniform_int_distribution<std::size_t>{0, choices - 1}(random_);
  }
  static void expect_no_better(const Judgement& before, const Judgement& after, std::string_view change) {
    for (const Strategy strategy : kStrategies) {
      EXPECT_LE(before.verdicts[strategy], after.verdicts[strategy])
          << change << ", " << name(strategy) << ": " << name(before.verdicts[strategy]) << " became "
          << name(after.verdicts[strategy]);
    }
  }

  std::mt19937 random_{20260101};  // fixed: the same points in every run
  std::vector<EvidenceBook> evidence_ = evidence_chain();
};

TEST_F(DangerGrid, OneStepTowardsDangerNeverMovesTheVerdictTowardsSafe) {
  std::size_t safe_points = 0;
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    const Point point = i % 2 == 0 ? nearly_safe_point() : random_point();
    const auto& chain = kTransportChains[pick(kTransportChains.size())];
    const std::size_t at = pick(chain.size());
    const std::size_t reports = pick(evidence_.size());
    const VolumeFacts facts = facts_at(point, chain[at]);
    const Judgement here = decide_now(facts, evidence_[reports]);
    safe_points += here.verdict == Verdict::kSafe ? 1 : 0;

    for (std::size_t d = 0; d < point.size(); ++d) {
      if (point[d] + 1 == kDimensions[d].steps.size()) continue;
      Point worse = point;
      ++worse[d];
      expect_no_better(here, decide_now(facts_at(worse, chain[at]), evidence_[reports]), kDimensions[d].name);
    }
    if (at + 1 < chain.size()) {
      expect_no_better(here, decide_now(facts_at(point, chain[at + 1]), evidence_[reports]), "transport");
    }
    if (reports + 1 < evidence_.size()) {
      expect_no_better(here, decide_now(facts, evidence_[reports + 1]),
                       "evidence " + std::to_string(reports));
    }
  }
  EXPECT_GT(safe_points, 100U) << "the grid hardly touches what could get worse";
}

TEST_F(DangerGrid, ForgettingAFactNeverMakesSafeWhatWasNot) {
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    const Point point = i % 2 == 0 ? nearly_safe_point() : random_point();
    const auto& chain = kTransportChains[pick(kTransportChains.size())];
    const VolumeFacts facts = facts_at(point, chain[pick(chain.size())]);
    for (const auto& [fact, forget] : kForgets) {
      // Without a pass: a measurement may answer what is not known, but not what is known to be wrong.
      const EvidenceBook& evidence = evidence_[4 + pick(evidence_.size() - 4)];
      const Judgement before = decide_now(facts, evidence);
      const Judgement after = decide_now(but(facts, forget), evidence);
      const bool became_safe = before.verdict != Verdict::kSafe && after.verdict == Verdict::kSafe;
      EXPECT_FALSE(became_safe) << fact;
    }
  }
}

TEST_F(DangerGrid, SafeAlwaysHasABasisAndNeverAnOpenUnsafeRule) {
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    const Point point = i % 2 == 0 ? nearly_safe_point() : random_point();
    const auto& chain = kTransportChains[pick(kTransportChains.size())];
    const VolumeFacts facts = facts_at(point, chain[pick(chain.size())]);
    const EvidenceBook& evidence = evidence_[pick(evidence_.size())];
    const Judgement judgement = decide_now(facts, evidence);
    EXPECT_EQ(judgement.verdict == Verdict::kSafe, judgement.basis != Basis::kNone);
    EXPECT_FALSE(judgement.findings.empty()) << "a verdict without a word";
    if (judgement.verdict != Verdict::kSafe) continue;
    const RuleInput input = make_rule_input(facts, evidence, {}, kNow);
    for (const Rule& rule : rules()) {
      if (rule.rule_class != Rule::Class::kUnsafe) continue;
      const Match match = rule.match(input, facts.strategy);
      EXPECT_NE(match, Match::kYes) << rule.id;
      const bool open = match == Match::kUnknown;
      EXPECT_FALSE(open && judgement.basis == Basis::kDocumented) << rule.id << " is open";
    }
  }
}

}  // namespace
}  // namespace walguard::core
