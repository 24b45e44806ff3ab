#ifndef WALGUARD_PREFLIGHT_CHECKS_LEDGER_H_
#define WALGUARD_PREFLIGHT_CHECKS_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

/// What the conductor remembers of the workload's commits, and the comparison with what a database holds in
/// the end. Pure; one thread.
namespace walguard::preflight {

/// {n, writer, seq, hash}: see agent/entry_schema.h.
using EntryRow = std::vector<std::int64_t>;

struct Judgement {
  std::size_t lost = 0;  ///< acknowledged commits that are not there
  std::string wrong;     ///< one line, empty where all is as it must be
};

class Ledger {
 public:
  /// SQLite has said that this commit is done. Two different commits under one number contradict each other.
  void acknowledge(const EntryRow& row);

  /// This writer was killed: its next commit after the last acknowledged may be there or not.
  void may_have_one_more(std::int64_t writer);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  /// The highest number acknowledged.
  [[nodiscard]] std::int64_t newest() const { return rows_.empty() ? 0 : rows_.rbegin()->first; }
  [[nodiscard]] const std::string& contradiction() const { return contradiction_; }

  /// `rows`: everything the database holds, in its order of n.
  [[nodiscard]] Judgement judge(const std::vector<EntryRow>& rows) const;

 private:
  [[nodiscard]] bool may_be_unacknowledged(const EntryRow& row) const;

  std::map<std::int64_t, EntryRow> rows_;          // by n
  std::map<std::int64_t, std::int64_t> last_seq_;  // by writer
  std::set<std::int64_t> killed_;
  std::string contradiction_;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_LEDGER_H_
