#ifndef WALGUARD_PREFLIGHT_SCAN_SQLITE_HEADER_H_
#define WALGUARD_PREFLIGHT_SCAN_SQLITE_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// The fixed beginnings of SQLite's files (sqlite.org/fileformat2.html). Pure: works on bytes that others
/// have read; thread-safe.
namespace walguard::preflight {

inline constexpr std::size_t kDatabaseHeaderBytes = 100;
inline constexpr std::size_t kWalHeaderBytes = 32;
/// No database is smaller: the smallest page there is.
inline constexpr std::size_t kLeastDatabaseBytes = 512;

/// As the database file has it: a value that was set in WAL mode and is not checkpointed yet is still in the
/// -wal.
struct DatabaseHeader {
  bool wal = false;                 ///< bytes 18 and 19 say WAL; else a rollback journal
  std::uint32_t page_size = 0;      ///< bytes
  std::int32_t user_version = 0;    ///< as PRAGMA user_version
  std::int32_t application_id = 0;  ///< as PRAGMA application_id

  bool operator==(const DatabaseHeader&) const = default;
};

/// Whether a file that begins with `bytes` says of itself that it is a SQLite database. Encrypted ones do
/// not.
[[nodiscard]] bool has_database_magic(std::string_view bytes);

/// Section 1.3. nullopt where SQLite itself would call it "not a database": the magic, the page size or the
/// version numbers are none it knows, or `bytes` are too few.
[[nodiscard]] std::optional<DatabaseHeader> parse_database_header(std::string_view bytes);

/// Section 4.1: whether a file that begins with `bytes` is a write-ahead log.
[[nodiscard]] bool has_wal_magic(std::string_view bytes);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_SCAN_SQLITE_HEADER_H_
