#include "preflight/checks/ledger.h"

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/agent/entry_schema.h"

namespace walguard::preflight {
namespace {

using ::testing::HasSubstr;

// Commits by writers 1 and 2 in turn, as a faultless database would hold them.
std::vector<EntryRow> history(std::int64_t length) {
  std::vector<EntryRow> rows;
  std::uint64_t hash = 0;
  for (std::int64_t n = 1; n <= length; ++n) {
    const std::int64_t writer = 1 + n % 2;
    const std::int64_t seq = (n + 1) / 2;
    hash = chain_hash(hash, writer, seq);
    rows.push_back({n, writer, seq, static_cast<std::int64_t>(hash)});
  }
  return rows;
}

Ledger ledger_of(const std::vector<EntryRow>& rows) {
  Ledger ledger;
  for (const EntryRow& row : rows) ledger.acknowledge(row);
  return ledger;
}

TEST(Ledger, FindsNothingWrongWithWhatWasAcknowledged) {
  const std::vector<EntryRow> rows = history(10);
  const Judgement judgement = ledger_of(rows).judge(rows);
  EXPECT_EQ(judgement.lost, 0U);
  EXPECT_EQ(judgement.wrong, "");
}

TEST(Ledger, CountsAcknowledgedCommitsThatAreNotThere) {
  std::vector<EntryRow> rows = history(10);
  const Ledger ledger = ledger_of(rows);
  rows.erase(rows.end() - 3, rows.end());
  const Judgement judgement = ledger.judge(rows);
  EXPECT_EQ(judgement.lost, 3U);
  EXPECT_EQ(judgement.wrong, "3 of 10 acknowledged commits are lost");
  EXPECT_EQ(ledger.judge({}).lost, 10U);
}

TEST(Ledger, TakesARowThatCameBackChangedForLost) {
  std::vector<EntryRow> rows = history(10);
  const Ledger ledger = ledger_of(rows);
  rows[4][2] += 1;
  EXPECT_EQ(ledger.judge(rows).lost, 1U);
}

TEST(Ledger, LetsTheOneCommitOfAKilledWriterBeThereOrNot) {
  const std::vector<EntryRow> rows = history(10);
  Ledger ledger = ledger_of({rows.begin(), rows.end() - 1});
  EXPECT_THAT(ledger.judge(rows).wrong, HasSubstr("commit number 10 is there and nobody made it"));
  ledger.may_have_one_more(rows.back()[1]);
  EXPECT_EQ(ledger.judge(rows).wrong, "");
  EXPECT_EQ(ledger.judge({rows.begin(), rows.end() - 1}).wrong, "");
}

TEST(Ledger, LetsAKilledWriterHaveNoMoreThanOne) {
  const std::vector<EntryRow> rows = history(10);
  Ledger ledger = ledger_of({rows.begin(), rows.end() - 4});
  ledger.may_have_one_more(1);
  ledger.may_have_one_more(2);
  EXPECT_THAT(ledger.judge(rows).wrong, HasSubstr("nobody made it"));
}

TEST(Ledger, NoticesAChainThatDoesNotHold) {
  std::vector<EntryRow> rows = history(10);
  rows[6][3] += 1;
  const Ledger ledger = ledger_of(rows);  // acknowledged so: nothing is lost, and yet it cannot be
  EXPECT_THAT(ledger.judge(rows).wrong, HasSubstr("chain of commits breaks at number 7"));
}

TEST(Ledger, NoticesTwoCommitsAcknowledgedUnderOneNumber) {
  Ledger ledger = ledger_of(history(3));
  EXPECT_EQ(ledger.contradiction(), "");
  ledger.acknowledge({3, 9, 1, 77});
  EXPECT_THAT(ledger.contradiction(), HasSubstr("two commits were both acknowledged as number 3"));
}

TEST(Ledger, SurvivesRowsOfAnotherShape) {
  EXPECT_THAT(ledger_of(history(3)).judge({{1, 2}}).wrong, HasSubstr("another shape"));
}

}  // namespace
}  // namespace walguard::preflight
