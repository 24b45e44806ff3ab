/// What `walguard-preflight scan DIR -o json` printed (docs/scan.schema.json). Pure, thread-safe; the caller
/// bounds the size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace walguard::wire {

struct ScannedDatabase {
  std::string path;  ///< any bytes but NUL: strangers name files, so print it through text::printable
  bool wal = false;  ///< its header says WAL; else a rollback journal
};

struct Scan {
  std::vector<ScannedDatabase> databases;
  std::uint64_t skipped = 0;  ///< files and folders that were not looked into: what they hold is not known
};

/// The error is one line. A scan that was cut off is an error: half a list would pass for a whole one.
[[nodiscard]] tl::expected<Scan, std::string> read_scan(std::string_view json);

}  // namespace walguard::wire
