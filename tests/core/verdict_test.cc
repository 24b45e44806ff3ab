// Every word has one spelling, which reads back as itself.
#include "operator/core/verdict.h"

#include <cstddef>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace walguard::core {
namespace {

template <typename Enum, std::size_t N>
void expect_round_trip() {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < N; ++i) {
    const auto value = static_cast<Enum>(i);
    EXPECT_TRUE(seen.insert(name(value)).second) << name(value) << " stands for two values";
    EXPECT_EQ(parse<Enum>(name(value)), value);
  }
  EXPECT_EQ(name(static_cast<Enum>(N)), "invalid") << "a value was added: count it here";
  for (const std::string_view wrong : {"", "invalid", "WAL", "Safe", "safe ", "readwriteonce", "0"}) {
    EXPECT_FALSE(parse<Enum>(wrong)) << wrong;
  }
}

TEST(Words, ReadBackAsThemselvesAndNothingElseDoes) {
  expect_round_trip<Verdict, 4>();
  expect_round_trip<Strategy, kStrategyCount>();
  expect_round_trip<Scope, 4>();
  expect_round_trip<Transport, 7>();
  expect_round_trip<AccessMode, 4>();
  expect_round_trip<Mode, 5>();
}

TEST(Words, AreThoseOfTheReportsAndAnnotations) {
  EXPECT_EQ(name(Verdict::kNotApplicable), "not-applicable");
  EXPECT_EQ(name(Strategy::kWalExclusive), "wal-exclusive");
  EXPECT_EQ(name(Basis::kBoth), "both");
  EXPECT_EQ(name(Severity::kUnsafe), "unsafe");
  EXPECT_EQ(name(Scope::kCluster), "cluster");
  EXPECT_EQ(name(KernelDomain::kPerSandbox), "per-sandbox");
  EXPECT_EQ(name(Transport::kObjectFuse), "object-fuse");
  EXPECT_EQ(name(AccessMode::kReadWriteOncePod), "ReadWriteOncePod");
  EXPECT_EQ(name(Mode::kEnforce), "enforce");
  EXPECT_EQ(name(Decision::kGate), "gate");
  EXPECT_EQ(name(Certainty::kRecognised), "recognised");
}

TEST(Words, AWorseVerdictAWiderScopeAndAStricterModeCompareGreater) {
  EXPECT_LT(Verdict::kNotApplicable, Verdict::kSafe);
  EXPECT_LT(Verdict::kSafe, Verdict::kUnproven);
  EXPECT_LT(Verdict::kUnproven, Verdict::kUnsafe);
  EXPECT_LT(Scope::kContainer, Scope::kPod);
  EXPECT_LT(Scope::kNode, Scope::kCluster);
  EXPECT_LT(Mode::kWarn, Mode::kGate);
  EXPECT_LT(Mode::kGate, Mode::kEnforce);
  EXPECT_LT(Severity::kWarning, Severity::kUnproven);
}

TEST(StrategySets, HoldWhatWasPutInAndNothingElse) {
  constexpr StrategySet set = StrategySet::of(Strategy::kWal) | StrategySet::of(Strategy::kRollback);
  EXPECT_TRUE(set.contains(Strategy::kWal));
  EXPECT_TRUE(set.contains(Strategy::kRollback));
  EXPECT_FALSE(set.contains(Strategy::kWalExclusive));
  EXPECT_FALSE(StrategySet{}.contains(Strategy::kWal));
}

}  // namespace
}  // namespace walguard::core
