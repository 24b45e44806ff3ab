#include "preflight/agent/entries.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "preflight/agent/entry_schema.h"
#include "preflight/agent/sqlite.h"

namespace walguard::preflight {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kTail = 32;  // rows that a reader looks at closely

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct LastEntry {
  std::int64_t n = 0;
  std::uint64_t hash = 0;
};

SqlResult<LastEntry> last_entry(Database& database) {
  const auto rows = database.query("SELECT n, hash FROM entries ORDER BY n DESC LIMIT 1");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return LastEntry{};
  return LastEntry{(*rows)[0][0], static_cast<std::uint64_t>((*rows)[0][1])};
}

// Without the transfer that belongs to a commit.
SqlResult<Row> insert_entry(Database& database, const EntryOrder& order) {
  const auto last = last_entry(database);
  if (!last) return tl::unexpected(last.error());
  const auto hash = static_cast<std::int64_t>(chain_hash(last->hash, order.writer, order.seq));
  Row row = {last->n + 1, order.writer, order.seq, hash};
  Row parameters = row;
  parameters.push_back(order.filler_bytes);
  const auto inserted = database.run(
      "INSERT INTO entries(n, writer, seq, hash, filler) VALUES(?1, ?2, ?3, ?4, wg_pattern(?4, ?5))",
      parameters);
  if (!inserted) return tl::unexpected(inserted.error());
  return row;
}

SqlResult<Row> insert_and_transfer(Database& database, const EntryOrder& order) {
  auto row = insert_entry(database, order);
  if (!row) return row;
  const std::int64_t from = row->at(0) % kAccounts;
  const std::int64_t to = (from + 1 + order.seq % (kAccounts - 1)) % kAccounts;
  const auto taken = database.run("UPDATE accounts SET balance = balance - 1 WHERE id = ?", {from});
  if (!taken) return tl::unexpected(taken.error());
  const auto given = database.run("UPDATE accounts SET balance = balance + 1 WHERE id = ?", {to});
  if (!given) return tl::unexpected(given.error());
  return row;
}

SqlResult<std::vector<Row>> fill_tables(Database& database, std::int64_t count, std::int64_t filler_bytes) {
  for (const char* const sql : {"CREATE TABLE entries(n INTEGER PRIMARY KEY, writer INTEGER, seq INTEGER, "
                                "hash INTEGER, filler BLOB)",
                                "CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER)"}) {
    if (const auto made = database.run(sql); !made) return tl::unexpected(made.error());
  }
  for (std::int64_t id = 0; id < kAccounts; ++id) {
    const auto made = database.run("INSERT INTO accounts VALUES(?, ?)", {id, kOpeningBalance});
    if (!made) return tl::unexpected(made.error());
  }
  std::vector<Row> rows;
  for (std::int64_t seq = 1; seq <= count; ++seq) {
    auto row = insert_entry(database, {.writer = 0, .seq = seq, .filler_bytes = filler_bytes});
    if (!row) return tl::unexpected(row.error());
    rows.push_back(std::move(*row));
  }
  return rows;
}

// Runs `work` between BEGIN IMMEDIATE and COMMIT.
template <typename Work>
auto in_transaction(Database& database, const Work& work) -> decltype(work()) {
  auto result = work();
  if (result) {
    const auto committed = database.run("COMMIT");
    if (!committed) result = tl::unexpected(committed.error());
  }
  if (!result) (void)database.run("ROLLBACK");
  return result;
}

SqlResult<std::string> find_damage(Database& database, std::int64_t from) {
  const auto damaged = database.query(
      "SELECT n FROM entries WHERE n > ? AND filler IS NOT wg_pattern(hash, length(filler)) LIMIT 1", {from});
  if (!damaged) return tl::unexpected(damaged.error());
  if (damaged->empty()) return std::string();
  return "a reader saw other content than was written, in commit " + std::to_string(damaged->at(0).at(0));
}

}  // namespace

SqlResult<std::vector<Row>> make_tables(Database& database, std::int64_t count, std::int64_t filler_bytes) {
  if (const auto begun = database.run("BEGIN IMMEDIATE"); !begun) return tl::unexpected(begun.error());
  return in_transaction(database, [&] { return fill_tables(database, count, filler_bytes); });
}

SqlResult<CommittedEntry> commit_entry(Database& database, const EntryOrder& order) {
  const auto asked = Clock::now();
  if (const auto begun = database.run("BEGIN IMMEDIATE"); !begun) return tl::unexpected(begun.error());
  const double waited = seconds_since(asked);
  auto row = in_transaction(database, [&] { return insert_and_transfer(database, order); });
  if (!row) return tl::unexpected(std::move(row.error()));
  return CommittedEntry{std::move(*row), waited, seconds_since(asked) - waited};
}

SqlResult<std::string> find_violation_in_snapshot(Database& database, std::int64_t& newest) {
  const auto state = database.query(
      "SELECT (SELECT count(*) FROM entries), (SELECT coalesce(max(n), 0) FROM entries), "
      "(SELECT sum(balance) FROM accounts)");
  if (!state) return tl::unexpected(state.error());
  const Row& row = state->at(0);
  const std::int64_t max_n = row[1];
  if (row[0] != max_n) {
    return "a reader saw " + std::to_string(row[0]) + " rows of " + std::to_string(max_n);
  }
  if (row[2] != kAccounts * kOpeningBalance) return std::string("a reader saw half a transfer");
  if (max_n < newest) {
    return "a reader was at commit " + std::to_string(newest) + " and then saw " + std::to_string(max_n);
  }
  newest = max_n;

  const auto tail =
      database.query("SELECT n, writer, seq, hash FROM entries WHERE n > ? ORDER BY n", {max_n - kTail});
  if (!tail) return tl::unexpected(tail.error());
  for (std::size_t i = 1; i < tail->size(); ++i) {
    if (!follows((*tail)[i - 1], (*tail)[i])) return std::string("a reader saw a broken chain of commits");
  }
  auto damage = find_damage(database, max_n - kTail);
  if (!damage || !damage->empty()) return damage;
  const auto again = last_entry(database);
  if (!again) return tl::unexpected(again.error());
  if (again->n != max_n) return std::string("a reader's snapshot changed under it");
  return std::string();
}

SqlResult<std::string> find_violation(Database& database, std::int64_t& newest) {
  if (const auto begun = database.run("BEGIN"); !begun) return tl::unexpected(begun.error());
  SqlResult<std::string> violation = find_violation_in_snapshot(database, newest);
  (void)database.run("ROLLBACK");
  return violation;
}

}  // namespace walguard::preflight
