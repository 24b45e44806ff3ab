#include "preflight/checks/ledger.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "preflight/agent/entry_schema.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kColumns = 4;

std::string first_broken_link(const std::vector<EntryRow>& rows) {
  EntryRow previous = {0, 0, 0, 0};
  for (const EntryRow& row : rows) {
    if (!follows(previous, row)) return "the chain of commits breaks at number " + std::to_string(row[0]);
    previous = row;
  }
  return {};
}

}  // namespace

void Ledger::acknowledge(const EntryRow& row) {
  if (row.size() != kColumns) return;
  const auto [found, is_new] = rows_.emplace(row[0], row);
  if (!is_new && found->second != row) {
    contradiction_ = "two commits were both acknowledged as number " + std::to_string(row[0]);
  }
  last_seq_[row[1]] = std::max(last_seq_[row[1]], row[2]);
}

void Ledger::may_have_one_more(std::int64_t writer) { killed_.insert(writer); }

bool Ledger::may_be_unacknowledged(const EntryRow& row) const {
  const auto last = last_seq_.find(row[1]);
  return killed_.contains(row[1]) && row[2] == (last == last_seq_.end() ? 0 : last->second) + 1;
}

Judgement Ledger::judge(const std::vector<EntryRow>& rows) const {
  Judgement judgement;
  const auto malformed = [](const EntryRow& row) { return row.size() != kColumns; };
  if (std::ranges::any_of(rows, malformed)) return {.lost = 0, .wrong = "rows of another shape came back"};

  const std::set<EntryRow> there(rows.begin(), rows.end());
  const auto is_lost = [&there](const auto& entry) { return !there.contains(entry.second); };
  judgement.lost = static_cast<std::size_t>(std::ranges::count_if(rows_, is_lost));
  if (judgement.lost > 0) {
    judgement.wrong = std::to_string(judgement.lost) + " of " + std::to_string(rows_.size()) +
                      " acknowledged commits are lost";
    return judgement;
  }
  for (const EntryRow& row : rows) {
    const auto known = rows_.find(row[0]);
    if ((known == rows_.end() || known->second != row) && !may_be_unacknowledged(row)) {
      judgement.wrong = "commit number " + std::to_string(row[0]) + " is there and nobody made it";
      return judgement;
    }
  }
  judgement.wrong = first_broken_link(rows);
  return judgement;
}

}  // namespace walguard::preflight
