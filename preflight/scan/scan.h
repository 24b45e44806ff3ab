#ifndef WALGUARD_PREFLIGHT_SCAN_SCAN_H_
#define WALGUARD_PREFLIGHT_SCAN_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "preflight/scan/sqlite_header.h"

/// Finds SQLite databases below a directory by their header, and leaves everything as it was.
namespace walguard::preflight {

/// A regular file beside a database, under the database's name and a suffix.
struct Sidecar {
  std::uint64_t bytes = 0;
};

struct FoundDatabase {
  std::string path;  ///< any bytes but NUL
  DatabaseHeader header;
  std::uint64_t bytes = 0;
  std::optional<Sidecar> wal;      ///< "-wal"
  std::optional<Sidecar> shm;      ///< "-shm"
  std::optional<Sidecar> journal;  ///< "-journal"
  /// Whether the -wal begins as a write-ahead log does; nullopt where there is none or it cannot be read. One
  /// of 0 bytes is no log yet.
  std::optional<bool> wal_header_valid;
};

struct SkippedPath {
  std::string path;
  std::string reason;  ///< the name of an errno, or words
};

struct ScanSummary {
  static constexpr std::size_t kMaxExamples = 20;

  std::uint64_t folders = 0;
  std::uint64_t files = 0;                 ///< regular files looked at
  std::uint64_t skipped = 0;               ///< files and folders passed over: what they hold is not known
  std::vector<SkippedPath> skipped_first;  ///< the first kMaxExamples of them
};

/// Walks `dir` (see walk()) and calls `found` for each database, as it comes to it.
///
/// Reads the first 100 bytes of each regular file of 512 bytes or more, and 32 of a -wal; opens read-only and
/// without blocking, takes no lock, and changes nothing, not even access times where the kernel allows that.
/// A database under way is read as it is at that moment. Encrypted databases have no header and are not
/// found.
///
/// Memory does not grow with the number of files. Blocks for as long as the storage does. The error is about
/// `dir`: one sentence with a remedy. Whatever `found` throws passes through.
[[nodiscard]] tl::expected<ScanSummary, std::string> scan(
    const std::string& dir, const std::function<void(const FoundDatabase&)>& found);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_SCAN_SCAN_H_
