// From facts and evidence to a verdict: what may be called safe, and that nothing unknown ever is.
#include "operator/core/decide.h"

#include <algorithm>
#include <functional>
#include <optional>
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
      {"sqlite-locks-off", but(block_volume(), [](auto& f) { f.usage.locks_off = "nolock=1"; })},
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
  EXPECT_EQ(unsafe, 11 + 1);
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

}  // namespace
}  // namespace walguard::core
