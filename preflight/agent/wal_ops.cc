#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/agent/sqlite.h"
#include "preflight/agent/wal_schema.h"

// What one process of the WAL workload does. What every commit leaves behind can be checked from outside:
//
//   entries(n, writer, seq, hash)   n counts all commits; hash chains each row to the one before it, so that
//   a lost,
//                                   doubled or reordered commit shows
//   accounts(id, balance)           each commit moves 1 from one to another; the sum never changes
//
// No connection here checkpoints by itself (see checks/wal_workload.cc on the WAL-reset bug), but the last
// one to close does, as SQLite always does, under an exclusive lock on the database.
namespace walguard::preflight {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point in_seconds(const Json& arguments) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(arguments.at("seconds").get<double>()));
}

// Every operation that may open the database is given {"database","busy_ms"}.
SqlResult<Database> open_database(const Json& arguments, bool create) {
  return Database::open(arguments.at("database").get<std::string>(), create,
                        arguments.at("busy_ms").get<int>());
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

// One transfer. On an error nothing of it stays open.
SqlResult<LastEntry> commit_one(Database& database, std::int64_t writer, std::int64_t seq) {
  const auto work = [&]() -> SqlResult<LastEntry> {
    const auto last = last_entry(database);
    if (!last) return tl::unexpected(last.error());
    const LastEntry next{last->n + 1, chain_hash(last->hash, writer, seq)};
    const std::int64_t from = next.n % kAccounts;
    const std::int64_t to = (from + 1 + seq % (kAccounts - 1)) % kAccounts;
    const auto inserted =
        database.run("INSERT INTO entries(n, writer, seq, hash, filler) VALUES(?, ?, ?, ?, zeroblob(200))",
                     {next.n, writer, seq, static_cast<std::int64_t>(next.hash)});
    if (!inserted) return tl::unexpected(inserted.error());
    const auto taken = database.run("UPDATE accounts SET balance = balance - 1 WHERE id = ?", {from});
    if (!taken) return tl::unexpected(taken.error());
    const auto given = database.run("UPDATE accounts SET balance = balance + 1 WHERE id = ?", {to});
    if (!given) return tl::unexpected(given.error());
    const auto committed = database.run("COMMIT");
    if (!committed) return tl::unexpected(committed.error());
    return next;
  };
  if (const auto begun = database.run("BEGIN IMMEDIATE"); !begun) return tl::unexpected(begun.error());
  SqlResult<LastEntry> result = work();
  if (!result) (void)database.run("ROLLBACK");
  return result;
}

// What a reader may never see, or an empty text.
SqlResult<std::string> find_violation(Database& database, std::int64_t& newest) {
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
      database.query("SELECT n, writer, seq, hash FROM entries WHERE n > ? ORDER BY n", {max_n - 32});
  if (!tail) return tl::unexpected(tail.error());
  for (std::size_t i = 1; i < tail->size(); ++i) {
    if (!follows((*tail)[i - 1], (*tail)[i])) return std::string("a reader saw a broken chain of commits");
  }
  const auto again = last_entry(database);
  if (!again) return tl::unexpected(again.error());
  if (again->n != max_n) return std::string("a reader's snapshot changed under it");
  return std::string();
}

class WalOps {
 public:
  explicit WalOps(std::shared_ptr<WorkerContext> context) : context_(std::move(context)) {}

  // Makes the database. The mode is not always granted; what it is then is the answer.
  static OpResult create(const Json& arguments) {
    auto database = open_database(arguments, /*create=*/true);
    if (!database) return tl::unexpected(database.error().as_op_error());
    const auto mode = database->query_text("PRAGMA journal_mode=WAL");
    if (!mode) return tl::unexpected(mode.error().as_op_error());
    if (const auto made = make_tables(*database); !made) return tl::unexpected(made.error().as_op_error());
    return Json{{"journal_mode", mode->empty() ? "" : mode->front()}, {"sqlite", sqlite3_libversion()}};
  }

  // {"writer","seq","commits","seconds","reopen_every"}: commits until done or out of time, tells of each
  // commit before it begins the next, and opens a new connection every so many.
  OpResult write(const Json& arguments) {
    const auto give_up = in_seconds(arguments);
    const auto writer = arguments.at("writer").get<std::int64_t>();
    const auto commits = arguments.at("commits").get<std::int64_t>();
    const auto reopen_every = arguments.at("reopen_every").get<std::int64_t>();
    auto seq = arguments.at("seq").get<std::int64_t>();
    std::int64_t done = 0;
    std::int64_t busy = 0;
    double longest = 0;
    while (done < commits && Clock::now() < give_up) {
      const auto start = Clock::now();
      const auto entry = with_connection<LastEntry>(
          arguments, [&](Database& database) { return commit_one(database, writer, seq); });
      if (!entry && !entry.error().busy()) return tl::unexpected(entry.error().as_op_error());
      if (!entry) {
        ++busy;
        continue;
      }
      context_->note({{"commit", {entry->n, writer, seq, entry->hash}}});
      longest = std::max(longest, std::chrono::duration<double>(Clock::now() - start).count());
      ++seq;
      if (++done % reopen_every == 0) database_.reset();
    }
    return Json{{"seq", seq}, {"commits", done}, {"busy", busy}, {"longest", longest}};
  }

  // {"seconds","at_least","reopen_every"}: reads snapshots until out of time, at least one. `at_least` is a
  // commit acknowledged before this began.
  OpResult read(const Json& arguments) {
    const auto give_up = in_seconds(arguments);
    const auto reopen_every = arguments.at("reopen_every").get<std::int64_t>();
    auto newest = arguments.at("at_least").get<std::int64_t>();
    std::int64_t reads = 0;
    std::int64_t busy = 0;
    do {
      const auto violation = with_connection<std::string>(
          arguments, [&](Database& database) { return read_snapshot(database, newest); });
      if (!violation && !violation.error().busy()) return tl::unexpected(violation.error().as_op_error());
      if (!violation) {
        ++busy;
        continue;
      }
      if (!violation->empty()) return Json{{"violation", *violation}};
      if (++reads % reopen_every == 0) database_.reset();
    } while (Clock::now() < give_up);
    return Json{{"reads", reads}, {"busy", busy}};
  }

  // {"mode":"passive|full|restart|truncate"}
  OpResult checkpoint(const Json& arguments) {
    static const std::map<std::string, int> modes = {{"passive", SQLITE_CHECKPOINT_PASSIVE},
                                                     {"full", SQLITE_CHECKPOINT_FULL},
                                                     {"restart", SQLITE_CHECKPOINT_RESTART},
                                                     {"truncate", SQLITE_CHECKPOINT_TRUNCATE}};
    const int mode = modes.at(arguments.at("mode").get<std::string>());
    const auto done = with_connection<Database::Checkpoint>(
        arguments, [&](Database& database) { return database.checkpoint(mode); });
    if (!done && done.error().busy()) return Json{{"busy", true}};
    if (!done) return tl::unexpected(done.error().as_op_error());
    return Json{{"busy", false}, {"frames", done->frames}, {"copied", done->copied}};
  }

  OpResult close() {
    database_.reset();
    return Json::object();
  }

  // Everything there is, in notes {"rows":[[n,writer,seq,hash],...]}, then what SQLite thinks of it.
  OpResult dump(const Json& arguments) {
    auto database = open_database(arguments, /*create=*/false);
    if (!database) return tl::unexpected(database.error().as_op_error());
    constexpr std::int64_t kBatch = 256;
    std::int64_t from = 0;
    while (true) {
      const auto rows = database->query(
          "SELECT n, writer, seq, hash FROM entries WHERE n > ? ORDER BY n LIMIT " + std::to_string(kBatch),
          {from});
      if (!rows) return tl::unexpected(rows.error().as_op_error());
      if (rows->empty()) break;
      from = rows->back()[0];
      context_->note({{"rows", *rows}});
    }
    const auto sum = database->query("SELECT sum(balance) FROM accounts");
    if (!sum) return tl::unexpected(sum.error().as_op_error());
    const auto integrity = database->query_text("PRAGMA integrity_check(1)");
    if (!integrity) return tl::unexpected(integrity.error().as_op_error());
    return Json{{"sum_kept", sum->at(0).at(0) == kAccounts * kOpeningBalance},
                {"integrity", integrity->empty() ? "" : integrity->front()}};
  }

 private:
  static SqlResult<void> make_tables(Database& database) {
    for (const char* const sql : {"CREATE TABLE entries(n INTEGER PRIMARY KEY, writer INTEGER, seq INTEGER, "
                                  "hash INTEGER, filler BLOB)",
                                  "CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER)"}) {
      if (auto made = database.run(sql); !made) return made;
    }
    for (std::int64_t id = 0; id < kAccounts; ++id) {
      auto made = database.run("INSERT INTO accounts VALUES(?, ?)", {id, kOpeningBalance});
      if (!made) return made;
    }
    return {};
  }

  static SqlResult<std::string> read_snapshot(Database& database, std::int64_t& newest) {
    if (const auto begun = database.run("BEGIN"); !begun) return tl::unexpected(begun.error());
    SqlResult<std::string> violation = find_violation(database, newest);
    (void)database.run("ROLLBACK");
    return violation;
  }

  // Opens the connection if there is none. After an error it is closed: whatever comes next starts anew.
  template <typename T, typename Work>
  SqlResult<T> with_connection(const Json& arguments, const Work& work) {
    if (!database_) {
      auto opened = open_database(arguments, /*create=*/false);
      if (!opened) return tl::unexpected(opened.error());
      database_ = std::move(*opened);
    }
    SqlResult<T> result = work(*database_);
    if (!result) database_.reset();
    return result;
  }

  std::shared_ptr<WorkerContext> context_;
  std::optional<Database> database_;
};

}  // namespace

void add_wal_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  const auto ops = std::make_shared<WalOps>(context);
  table["wal-create"] = &WalOps::create;
  table["wal-write"] = [ops](const Json& arguments) { return ops->write(arguments); };
  table["wal-read"] = [ops](const Json& arguments) { return ops->read(arguments); };
  table["wal-checkpoint"] = [ops](const Json& arguments) { return ops->checkpoint(arguments); };
  table["wal-close"] = [ops](const Json&) { return ops->close(); };
  table["wal-dump"] = [ops](const Json& arguments) { return ops->dump(arguments); };
}

}  // namespace walguard::preflight
