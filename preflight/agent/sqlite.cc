#include "preflight/agent/sqlite.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sqlite3.h>
#include <tl/expected.hpp>

#include "preflight/agent/pattern.h"
#include "preflight/link/errno_name.h"

namespace walguard::preflight {
namespace {

struct CodeName {
  int code;
  std::string_view name;
};

// The codes storage can cause. SQLite has no public function for the names.
constexpr std::array<CodeName, 31> kCodeNames = {{
    {SQLITE_ERROR, "SQLITE_ERROR"},
    {SQLITE_PERM, "SQLITE_PERM"},
    {SQLITE_BUSY, "SQLITE_BUSY"},
    {SQLITE_LOCKED, "SQLITE_LOCKED"},
    {SQLITE_NOMEM, "SQLITE_NOMEM"},
    {SQLITE_READONLY, "SQLITE_READONLY"},
    {SQLITE_READONLY_DBMOVED, "SQLITE_READONLY_DBMOVED"},
    {SQLITE_READONLY_CANTINIT, "SQLITE_READONLY_CANTINIT"},
    {SQLITE_IOERR, "SQLITE_IOERR"},
    {SQLITE_IOERR_READ, "SQLITE_IOERR_READ"},
    {SQLITE_IOERR_SHORT_READ, "SQLITE_IOERR_SHORT_READ"},
    {SQLITE_IOERR_WRITE, "SQLITE_IOERR_WRITE"},
    {SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"},
    {SQLITE_IOERR_TRUNCATE, "SQLITE_IOERR_TRUNCATE"},
    {SQLITE_IOERR_FSTAT, "SQLITE_IOERR_FSTAT"},
    {SQLITE_IOERR_UNLOCK, "SQLITE_IOERR_UNLOCK"},
    {SQLITE_IOERR_RDLOCK, "SQLITE_IOERR_RDLOCK"},
    {SQLITE_IOERR_LOCK, "SQLITE_IOERR_LOCK"},
    {SQLITE_IOERR_DELETE, "SQLITE_IOERR_DELETE"},
    {SQLITE_IOERR_DELETE_NOENT, "SQLITE_IOERR_DELETE_NOENT"},
    {SQLITE_IOERR_SHMOPEN, "SQLITE_IOERR_SHMOPEN"},
    {SQLITE_IOERR_SHMSIZE, "SQLITE_IOERR_SHMSIZE"},
    {SQLITE_IOERR_SHMLOCK, "SQLITE_IOERR_SHMLOCK"},
    {SQLITE_IOERR_SHMMAP, "SQLITE_IOERR_SHMMAP"},
    {SQLITE_IOERR_DIR_FSYNC, "SQLITE_IOERR_DIR_FSYNC"},
    {SQLITE_CORRUPT, "SQLITE_CORRUPT"},
    {SQLITE_FULL, "SQLITE_FULL"},
    {SQLITE_CANTOPEN, "SQLITE_CANTOPEN"},
    {SQLITE_PROTOCOL, "SQLITE_PROTOCOL"},
    {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT"},
    {SQLITE_NOTADB, "SQLITE_NOTADB"},
}};

std::string code_name(int code) {
  for (const int wanted : {code, code & 0xff}) {
    const auto* const found = std::ranges::find(kCodeNames, wanted, &CodeName::code);
    if (found != kCodeNames.end()) return std::string(found->name);
  }
  return "SQLite error " + std::to_string(code);
}

void sql_pattern(sqlite3_context* context, int /*count*/, sqlite3_value** arguments) {
  const auto seed = static_cast<std::uint64_t>(sqlite3_value_int64(arguments[0]));
  const auto length = static_cast<std::size_t>(std::max(0, sqlite3_value_int(arguments[1])));
  const std::vector<std::uint8_t> bytes = pattern(seed, length);
  sqlite3_result_blob64(context, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

}  // namespace

SqlError Database::error(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(handle_.get());
  const int primary = code & 0xff;
  // Only these come from a system call; for others the number would be left over from an earlier one.
  const bool from_system = (primary == SQLITE_IOERR && code != SQLITE_IOERR_SHORT_READ) ||
                           primary == SQLITE_CANTOPEN || primary == SQLITE_FULL;
  const int system_error = from_system ? sqlite3_system_errno(handle_.get()) : 0;
  SqlError failure{
      .code = code, .what = std::string(doing) + ": " + code_name(code), .error = code_name(code)};
  if (system_error != 0) {
    failure.error = errno_name(system_error);
    failure.what += " (" + failure.error + ")";
  } else if (primary == SQLITE_FULL) {
    failure.error = "ENOSPC";
  }
  return failure;
}

SqlResult<Database> Database::open(const OpenOptions& options) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                    (options.create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(options.name.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (handle == nullptr) return tl::unexpected(SqlError{SQLITE_NOMEM, "open: SQLITE_NOMEM", "SQLITE_NOMEM"});
  sqlite3_extended_result_codes(handle, 1);
  if (code != SQLITE_OK) return tl::unexpected(database.error("open"));
  if (auto done = database.set_up(options); !done) return tl::unexpected(std::move(done.error()));
  return database;
}

SqlResult<void> Database::set_up(const OpenOptions& options) {
  set_busy_timeout(options.busy_milliseconds);
  sqlite3_wal_autocheckpoint(handle_.get(), 0);
  sqlite3_create_function_v2(handle_.get(), "wg_pattern", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                             sql_pattern, nullptr, nullptr, nullptr);
  // The locking mode first: most other settings read the schema, and that is the first access.
  std::vector<std::string> settings;
  if (options.exclusive) settings.emplace_back("PRAGMA locking_mode=EXCLUSIVE");
  settings.insert(settings.end(),
                  {"PRAGMA synchronous=NORMAL", "PRAGMA mmap_size=0", "PRAGMA temp_store=MEMORY",
                   "PRAGMA cache_size=-" + std::to_string(options.cache_kibibytes)});
  if (options.create || options.journal_mode != "WAL") {
    settings.push_back("PRAGMA journal_mode=" + options.journal_mode);
  }
  for (const std::string& setting : settings) {
    if (auto done = run(setting); !done) return done;
  }
  return {};
}

SqlResult<std::string> Database::journal_mode() {
  const auto mode = query_text("PRAGMA journal_mode");
  if (!mode) return tl::unexpected(mode.error());
  return mode->empty() ? std::string() : mode->front();
}

void Database::set_busy_timeout(int milliseconds) { sqlite3_busy_timeout(handle_.get(), milliseconds); }

int Database::pages_written() const {
  int pages = 0;
  int highest = 0;
  sqlite3_db_status(handle_.get(), SQLITE_DBSTATUS_CACHE_WRITE, &pages, &highest, /*resetFlg=*/0);
  return pages;
}

SqlResult<Database::Statement> Database::prepare(const std::string& sql, const Row& parameters) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &raw, nullptr);
  Statement statement(raw);
  if (code != SQLITE_OK) return tl::unexpected(error(sql));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    sqlite3_bind_int64(raw, static_cast<int>(i + 1), parameters[i]);
  }
  return statement;
}

SqlResult<void> Database::run(const std::string& sql, const Row& parameters) {
  auto rows = query(sql, parameters);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return {};
}

SqlResult<std::vector<Row>> Database::query(const std::string& sql, const Row& parameters) {
  const auto statement = prepare(sql, parameters);
  if (!statement) return tl::unexpected(statement.error());
  std::vector<Row> rows;
  int code = SQLITE_OK;
  while ((code = sqlite3_step(statement->get())) == SQLITE_ROW) {
    Row row;
    for (int column = 0; column < sqlite3_column_count(statement->get()); ++column) {
      row.push_back(sqlite3_column_int64(statement->get(), column));
    }
    rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return tl::unexpected(error(sql));
  return rows;
}

SqlResult<std::vector<std::string>> Database::query_text(const std::string& sql) {
  const auto statement = prepare(sql, {});
  if (!statement) return tl::unexpected(statement.error());
  std::vector<std::string> texts;
  int code = SQLITE_OK;
  while ((code = sqlite3_step(statement->get())) == SQLITE_ROW) {
    const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement->get(), 0));
    texts.emplace_back(text != nullptr ? text : "");
  }
  if (code != SQLITE_DONE) return tl::unexpected(error(sql));
  return texts;
}

SqlResult<Database::Checkpoint> Database::checkpoint(int mode) {
  Checkpoint done;
  if (sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, mode, &done.frames, &done.copied) != SQLITE_OK) {
    return tl::unexpected(error("checkpoint"));
  }
  return done;
}

}  // namespace walguard::preflight
