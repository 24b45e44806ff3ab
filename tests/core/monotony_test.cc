// One fact towards danger never moves the verdict towards safe, and one towards safety never towards danger:
// the same inequality, read both ways. Here of the facts of one volume; of whole workloads in clusters in
// monotony_scene_test.cc.
//
// What is more dangerous is said for each fact by itself, all else being equal:
//   - kDimensions and kTransportChains order the values that can be compared: each next one is worse, or
//   knows
//     less in a way that is never better. The values of one fact that are not in such a row are not compared.
//   - A fact that becomes unknown is not always worse than the worst it could have been: a network filesystem
//   whose
//     driver goes out of view is unproven, no longer unsafe. What holds of every fact is that it never turns
//     into `safe` (kForgets).
//   - Evidence goes from a pass as far as the cluster to a failure in one container; a report that gives no
//   verdict
//     stands where none does.
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

std::string_view words_of_transport(const VolumeFacts& facts) {
  return facts.transport ? name(*facts.transport) : "no transport";
}

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

TEST(Monotony, AForgottenFactIsNeverSafeUnlessEvidenceSaysSo) {
  for (const auto& safe : {block_volume(), local_volume(), memory_volume()}) {
    ASSERT_EQ(decide_now(safe).verdict, Verdict::kSafe);
    for (const auto& [fact, forget] : kForgets) {
      if (!is_needed(fact, safe)) continue;
      const VolumeFacts facts = but(safe, forget);
      const Judgement judgement = decide_now(facts);
      for (const Strategy strategy : kStrategies) {
        EXPECT_EQ(judgement.verdicts[strategy], Verdict::kUnproven)
            << words_of_transport(safe) << " without " << fact << ", " << name(strategy);
      }
      const Judgement proven = decide_now(facts, book(passed(facts.key, Scope::kCluster)));
      EXPECT_NE(proven.basis, Basis::kDocumented) << fact;
    }
  }
}

TEST(Monotony, AForgottenReplicaCountKeepsDivergingFilesFromBeingSafe) {
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
      [](auto& f) { f.kernel_domain = KernelDomain::kPerSandbox; },
      [](auto& f) { f.kernel_domain = KernelDomain::kMixed; }}},
    {"other kernels",
     {[](auto& f) { f.other_kernels_known = true; }, [](auto& f) { f.other_kernels_known.reset(); }}},
    {"windows", {[](auto& f) { f.windows = false; }, [](auto& f) { f.windows = true; }}},
    {"copies",
     {[](auto& f) { f.usage.copies_per_replica.clear(); },
      [](auto& f) { f.usage.copies_per_replica = "rqlite"; }}},
    {"SQLite's locks",
     {[](auto& f) { f.usage.locks_off.clear(); }, [](auto& f) { f.usage.locks_off = "nolock=1"; }}},
    {"writers", {[](auto& f) { f.only_read_in_pod = true; }, [](auto& f) { f.only_read_in_pod = false; }}},
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
    {"other pods", {[](auto& f) { f.other_pods = 0; }, [](auto& f) { f.other_pods = 2; }}},
    {"rollout",
     {[](auto& f) { f.replaced_by_overlap = false; }, [](auto& f) { f.replaced_by_overlap = true; }}},
    {"autoscaler", {[](auto& f) { f.autoscaled_to.reset(); }, [](auto& f) { f.autoscaled_to = 3; }}},
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
    const std::size_t at = pick(point.size());
    point[at] = pick(kDimensions[at].steps.size());
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
  std::size_t worse_points = 0;
  for (int i = 0; i < 4000 && !HasFailure(); ++i) {
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
      const Judgement there = decide_now(facts_at(worse, chain[at]), evidence_[reports]);
      expect_no_better(here, there, kDimensions[d].name);
      worse_points += there.verdict > here.verdict ? 1 : 0;
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
  EXPECT_GT(worse_points, 500U) << "hardly a step makes a difference";
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

/// What only warns, by itself and with all the rest; but an app that takes the files for its own alone is
/// harmed by a second pod.
const std::vector<Forget> kWarnings = {
    {"a reader", [](auto& f) { f.read_only_consumers = {"exporter"}; }},
    {"Litestream", [](auto& f) { f.usage.replicator = "litestream"; }},
    {"a restore", [](auto& f) { f.usage.restorer = "restore"; }},
    {"a contradiction", [](auto& f) { f.usage.journal_contradicted = "Litestream needs WAL"; }},
    {"soft", [](auto& f) { f.risky_option = "soft"; }},
    {"an old SQLite", [](auto& f) { f.usage.sqlite_version = "3.40.1"; }},
    {"synchronous=OFF", [](auto& f) { f.usage.synchronous = Synchronous::kOff; }},
    {"a rolling update", [](auto& f) { f.replaced_by_overlap = true; }},
    {"other pods", [](auto& f) { f.other_pods = 3; }},
};

TEST_F(DangerGrid, AWarningLeavesTheVerdict) {
  for (int i = 0; i < 500 && !HasFailure(); ++i) {
    const auto& chain = kTransportChains[pick(kTransportChains.size())];
    const VolumeFacts facts = facts_at(nearly_safe_point(), chain[pick(chain.size())]);
    const EvidenceBook& evidence = evidence_[pick(evidence_.size())];
    const Judgement before = decide_now(facts, evidence);
    for (const auto& [what, add] : kWarnings) {
      const bool second_pod = what == "a rolling update" || what == "other pods";
      if (second_pod && !facts.usage.copies_per_replica.empty()) continue;
      const Judgement after = decide_now(but(facts, add), evidence);
      EXPECT_EQ(after.verdicts, before.verdicts) << what;
      EXPECT_EQ(after.basis, before.basis) << what;
    }
  }
}

}  // namespace
}  // namespace walguard::core
