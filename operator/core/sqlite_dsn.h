/// What a piece of text says about a SQLite database: a connection string, a URI or a path.
///
/// Pure, thread-safe. Total: whatever the text, there is an answer, in time linear to its length. Of the text
/// only the path is taken over. Where something else may stand in it (a password behind a separator that the
/// reader does not know), it says so, and the path must never be shown.
/// Sources: https://sqlite.org/uri.html (file: and its parameters), docs.sqlalchemy.org/dialects/sqlite
/// (sqlite:///relative, sqlite:////absolute), github.com/mattn/go-sqlite3 README (_journal_mode, _sync),
/// pkg.go.dev/modernc.org/sqlite (_pragma), learn.microsoft.com/dotnet/standard/data/sqlite (Data Source).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "operator/core/verdict.h"

namespace walguard::core {

struct SqliteDsn {
  enum class Says : std::uint8_t {
    kNothing,      ///< neither a connection string nor a path, or one that is better not repeated
    kSqlite,       ///< `path` is a database, where the reader expects one
    kInMemory,     ///< SQLite without a file
    kOtherEngine,  ///< postgres://..., mysql://...
  };
  Says says = Says::kNothing;
  /// It can be nothing else, whoever reads it: by its scheme, SQLite's own parameters or the file's ending.
  bool sure = false;
  /// kSqlite: without "." and ".."; relative where it does not begin with /. * stands for any text within one
  /// component: what was not known, or from the first character on that paths seldom have.
  std::string path;
  bool can_be_shown = false;  ///< the path is certain to be nothing but a path

  std::string locks_off;             ///< "nolock=1", "immutable=1", "vfs=unix-none", "vfs=unix-dotfile"
  std::optional<Strategy> journal;   ///< kWal or kRollback, where a parameter sets it
  bool locking_mode_normal = false;  ///< a parameter says locking_mode=NORMAL
  std::optional<Synchronous> synchronous;
};

/// sqlite:///data/x.db is read as the absolute path, as most do; to SQLAlchemy it is a relative one.
[[nodiscard]] SqliteDsn read_sqlite_dsn(std::string_view text);

}  // namespace walguard::core
