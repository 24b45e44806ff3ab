#ifndef WALGUARD_PREFLIGHT_AGENT_SQLITE_H_
#define WALGUARD_PREFLIGHT_AGENT_SQLITE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"

/// The little of SQLite that the workloads use. Calls block as SQLite does: on the storage, and up to the
/// busy timeout on a lock. One thread.
///
/// Every connection has the SQL function wg_pattern(SEED, LENGTH): the bytes of pattern.h, so that content
/// can be made and checked inside a statement.
namespace walguard::preflight {

struct SqlError {
  int code = SQLITE_OK;  ///< extended result code
  std::string what;      ///< "COMMIT: SQLITE_IOERR_WRITE (EIO)"
  std::string error;     ///< the errno's name where SQLite passed one on, else the result code's

  /// Somebody else holds a lock: to be tried again, and no fault.
  [[nodiscard]] bool busy() const { return (code & 0xff) == SQLITE_BUSY; }
  [[nodiscard]] OpError as_op_error() const { return {what, error}; }
};

template <typename T>
using SqlResult = tl::expected<T, SqlError>;
using Row = std::vector<std::int64_t>;

struct OpenOptions {
  std::string name;  ///< in the working directory
  bool create = false;
  int busy_milliseconds = 0;
  /// "DELETE", "TRUNCATE", "PERSIST" or "WAL". WAL is kept in the file: only create asks for it.
  std::string journal_mode = "WAL";
  bool exclusive = false;  ///< locking_mode=EXCLUSIVE, set before the first access
  /// So small by default that reads reach the storage.
  int cache_kibibytes = 128;
};

class Database {
 public:
  /// Opens with synchronous=NORMAL and mmap_size=0. Checkpoints only when told to: see sqlite_ops.cc.
  [[nodiscard]] static SqlResult<Database> open(const OpenOptions& options);

  /// The journal mode in force, in lower case: SQLite does not grant every one everywhere.
  [[nodiscard]] SqlResult<std::string> journal_mode();
  void set_busy_timeout(int milliseconds);
  /// Pages this connection has written to the database file so far, be it before their commit.
  [[nodiscard]] int pages_written() const;

  [[nodiscard]] SqlResult<void> run(const std::string& sql, const Row& parameters = {});
  [[nodiscard]] SqlResult<std::vector<Row>> query(const std::string& sql, const Row& parameters = {});
  /// The first column of every row, as text.
  [[nodiscard]] SqlResult<std::vector<std::string>> query_text(const std::string& sql);

  struct Checkpoint {
    int frames = 0;  ///< in the log
    int copied = 0;
  };
  [[nodiscard]] SqlResult<Checkpoint> checkpoint(int mode);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  explicit Database(sqlite3* handle) : handle_(handle) {}
  [[nodiscard]] SqlError error(std::string_view doing) const;
  [[nodiscard]] SqlResult<void> set_up(const OpenOptions& options);
  [[nodiscard]] SqlResult<Statement> prepare(const std::string& sql, const Row& parameters);

  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_SQLITE_H_
