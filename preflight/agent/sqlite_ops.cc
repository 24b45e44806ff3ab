#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/entries.h"
#include "preflight/agent/entry_schema.h"
#include "preflight/agent/ops.h"
#include "preflight/agent/sqlite.h"
#include "preflight/link/unique_fd.h"

// What one process of the SQLite workloads does. Every operation that may open the database is given
// {"database","busy_ms"}, and where it is not WAL shared by all, {"journal"} or {"exclusive"}; see
// OpenOptions.
//
// No connection here checkpoints by itself (see checks/wal_workload.cc on the WAL-reset bug), but the last
// one to close does, as SQLite always does, under an exclusive lock on the database.
namespace walguard::preflight {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostLatencies = 16384;  // in one answer, which must fit a line
constexpr int kSpillingCacheKibibytes = 32;

Clock::time_point in_seconds(const Json& arguments) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(arguments.at("seconds").get<double>()));
}

OpenOptions open_options(const Json& arguments) {
  OpenOptions options;
  options.name = arguments.at("database").get<std::string>();
  options.busy_milliseconds = arguments.at("busy_ms").get<int>();
  options.journal_mode = arguments.value("journal", options.journal_mode);
  options.exclusive = arguments.value("exclusive", false);
  return options;
}

class SqliteOps {
 public:
  explicit SqliteOps(std::shared_ptr<WorkerContext> context) : context_(std::move(context)) {}

  // {"entries","filler"}: makes the database, with so many commits in it. The journal mode is not always
  // granted; what it is then is the answer.
  OpResult create(const Json& arguments) {
    OpenOptions options = open_options(arguments);
    options.create = true;
    auto database = Database::open(options);
    if (!database) return tl::unexpected(database.error().as_op_error());
    const auto mode = database->journal_mode();
    if (!mode) return tl::unexpected(mode.error().as_op_error());
    const auto rows = make_tables(*database, arguments.at("entries").get<std::int64_t>(),
                                  arguments.at("filler").get<std::int64_t>());
    if (!rows) return tl::unexpected(rows.error().as_op_error());
    for (const Row& row : *rows) context_->note({{"commit", row}});
    return Json{{"journal_mode", *mode}};
  }

  // {"writer","seq","commits","seconds","reopen_every","filler","pause_ms"}: commits until done or out of
  // time, but tries once at least; tells of each commit before it begins the next, opens a new connection
  // every so many, and pauses after each attempt.
  OpResult write(const Json& arguments) {
    const auto give_up = in_seconds(arguments);
    const auto commits = arguments.at("commits").get<std::int64_t>();
    const auto reopen_every = arguments.at("reopen_every").get<std::int64_t>();
    const std::chrono::milliseconds pause(arguments.at("pause_ms").get<int>());
    EntryOrder order{.writer = arguments.at("writer").get<std::int64_t>(),
                     .seq = arguments.at("seq").get<std::int64_t>(),
                     .filler_bytes = arguments.at("filler").get<std::int64_t>()};
    std::int64_t done = 0;
    std::int64_t busy = 0;
    double longest_wait = 0;
    std::vector<std::int64_t> microseconds;
    do {
      const auto start = Clock::now();
      const auto entry = with_connection<CommittedEntry>(
          arguments, [&](Database& database) { return commit_entry(database, order); });
      if (!entry && !entry.error().busy()) return tl::unexpected(entry.error().as_op_error());
      if (entry) {
        context_->note({{"commit", entry->row}});
        ++order.seq;
        ++done;
        longest_wait = std::max(longest_wait, entry->wait_seconds);
        if (microseconds.size() < kMostLatencies) {
          microseconds.push_back(static_cast<std::int64_t>(entry->write_seconds * 1e6));
        }
        if (done % reopen_every == 0) database_.reset();
      } else {
        ++busy;
        longest_wait = std::max(longest_wait, std::chrono::duration<double>(Clock::now() - start).count());
      }
      if (pause.count() > 0) std::this_thread::sleep_for(pause);
    } while (done < commits && Clock::now() < give_up);
    return Json{{"seq", order.seq},
                {"commits", done},
                {"busy", busy},
                {"longest_wait", longest_wait},
                {"microseconds", microseconds}};
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
          arguments, [&](Database& database) { return find_violation(database, newest); });
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

  // Opens a snapshot, which stays open until "sqlite-close".
  OpResult begin_long_read(const Json& arguments) {
    const auto newest = with_connection<std::int64_t>(arguments, [](Database& database) {
      return database.run("BEGIN").and_then([&] { return newest_entry(database); });
    });
    if (!newest) return tl::unexpected(newest.error().as_op_error());
    long_read_newest_ = *newest;
    return Json{{"newest", *newest}};
  }

  // Looks again at the snapshot that is open: {"violation"} where it is not what it was.
  OpResult check_long_read(const Json& arguments) {
    std::int64_t newest = long_read_newest_;
    const auto violation = with_connection<std::string>(
        arguments, [&](Database& database) { return find_violation_in_snapshot(database, newest); });
    if (!violation) return tl::unexpected(violation.error().as_op_error());
    if (!violation->empty()) return Json{{"violation", *violation}};
    if (newest != long_read_newest_) return Json{{"violation", "a reader's snapshot changed under it"}};
    return Json::object();
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

  // Changes every row in a transaction that is never committed, through a cache too small for it: the pages
  // reach the database file, and only a rollback by the journal can bring back what was there. How many did
  // is the answer. The transaction stays open.
  OpResult spill(const Json& arguments) {
    OpenOptions options = open_options(arguments);
    options.cache_kibibytes = kSpillingCacheKibibytes;
    auto database = Database::open(options);
    if (!database) return tl::unexpected(database.error().as_op_error());
    for (const char* const sql :
         {"PRAGMA cache_spill=1", "BEGIN IMMEDIATE", "UPDATE accounts SET balance = balance + 1",
          "UPDATE entries SET seq = seq + 1, filler = zeroblob(length(filler))"}) {
      if (const auto done = database->run(sql); !done) return tl::unexpected(done.error().as_op_error());
    }
    const int pages = database->pages_written();
    database_ = std::move(*database);
    return Json{{"pages_written", pages}};
  }

  OpResult close() {
    database_.reset();
    return Json::object();
  }

  // Everything there is, in notes {"rows":[[n,writer,seq,hash],...]}, then what SQLite thinks of it. On the
  // connection this process has, or a new one.
  OpResult dump(const Json& arguments) {
    const auto answer =
        with_connection<Json>(arguments, [&](Database& database) { return dump_snapshot(database); });
    if (!answer) return tl::unexpected(answer.error().as_op_error());
    return *answer;
  }

  // {"database"}: has the kernel forget what it holds of the files, so that the next to read must fetch it
  // from the storage. Pages still to be written are written first. Not for a process that has the database
  // open: closing any descriptor of a file gives up all its POSIX locks on it.
  static OpResult drop_caches(const Json& arguments) {
    const auto database = arguments.at("database").get<std::string>();
    for (const char* const suffix : {"", "-wal", "-journal"}) {
      const std::string name = database + suffix;
      const UniqueFd fd(::open(name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
      if (!fd.valid() && errno == ENOENT) continue;
      if (!fd.valid()) return tl::unexpected(errno_error("open(" + name + ")"));
      if (::fsync(fd.get()) != 0) return tl::unexpected(errno_error("fsync(" + name + ")"));
      (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);  // advice: no harm where it is not taken
    }
    return Json::object();
  }

 private:
  static SqlResult<std::int64_t> newest_entry(Database& database) {
    const auto newest = database.query("SELECT coalesce(max(n), 0) FROM entries");
    if (!newest) return tl::unexpected(newest.error());
    return newest->at(0).at(0);
  }

  SqlResult<Json> dump_snapshot(Database& database) {
    constexpr std::int64_t kBatch = 256;
    std::int64_t from = 0;
    while (true) {
      const auto rows = database.query(
          "SELECT n, writer, seq, hash FROM entries WHERE n > ? ORDER BY n LIMIT " + std::to_string(kBatch),
          {from});
      if (!rows) return tl::unexpected(rows.error());
      if (rows->empty()) break;
      from = rows->back()[0];
      context_->note({{"rows", *rows}});
    }
    const auto damaged =
        database.query("SELECT count(*) FROM entries WHERE filler IS NOT wg_pattern(hash, length(filler))");
    if (!damaged) return tl::unexpected(damaged.error());
    const auto sum = database.query("SELECT sum(balance) FROM accounts");
    if (!sum) return tl::unexpected(sum.error());
    const auto integrity = database.query_text("PRAGMA integrity_check(1)");
    if (!integrity) return tl::unexpected(integrity.error());
    return Json{{"damaged", damaged->at(0).at(0)},
                {"sum_kept", sum->at(0).at(0) == kAccounts * kOpeningBalance},
                {"integrity", integrity->empty() ? "" : integrity->front()}};
  }

  // Opens the connection if there is none. After an error other than BUSY it is closed: whatever comes next
  // starts anew.
  template <typename T, typename Work>
  SqlResult<T> with_connection(const Json& arguments, const Work& work) {
    if (!database_) {
      auto opened = Database::open(open_options(arguments));
      if (!opened) return tl::unexpected(opened.error());
      database_ = std::move(*opened);
    }
    database_->set_busy_timeout(arguments.at("busy_ms").get<int>());
    SqlResult<T> result = work(*database_);
    if (!result && !result.error().busy()) database_.reset();
    return result;
  }

  std::shared_ptr<WorkerContext> context_;
  std::optional<Database> database_;
  std::int64_t long_read_newest_ = 0;
};

}  // namespace

void add_sqlite_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  const auto ops = std::make_shared<SqliteOps>(context);
  table["sqlite-create"] = [ops](const Json& arguments) { return ops->create(arguments); };
  table["sqlite-write"] = [ops](const Json& arguments) { return ops->write(arguments); };
  table["sqlite-read"] = [ops](const Json& arguments) { return ops->read(arguments); };
  table["sqlite-begin-long-read"] = [ops](const Json& arguments) { return ops->begin_long_read(arguments); };
  table["sqlite-check-long-read"] = [ops](const Json& arguments) { return ops->check_long_read(arguments); };
  table["sqlite-checkpoint"] = [ops](const Json& arguments) { return ops->checkpoint(arguments); };
  table["sqlite-spill"] = [ops](const Json& arguments) { return ops->spill(arguments); };
  table["sqlite-close"] = [ops](const Json&) { return ops->close(); };
  table["sqlite-dump"] = [ops](const Json& arguments) { return ops->dump(arguments); };
  table["sqlite-drop-caches"] = &SqliteOps::drop_caches;
}

}  // namespace walguard::preflight
