#ifndef WALGUARD_PREFLIGHT_RENDER_SCAN_FORMAT_H_
#define WALGUARD_PREFLIGHT_RENDER_SCAN_FORMAT_H_

#include <memory>
#include <string>

#include "preflight/scan/scan.h"

/// The words in which a scan is told, piece by piece, so that none of it has to be kept. Pure but for what a
/// writer remembers; a writer serves one scan and one thread.
namespace walguard::preflight {

class ScanFormat {
 public:
  ScanFormat() = default;
  ScanFormat(const ScanFormat&) = delete;
  ScanFormat& operator=(const ScanFormat&) = delete;
  virtual ~ScanFormat() = default;

  virtual std::string begin(const std::string& dir) = 0;
  virtual std::string database(const FoundDatabase& database) = 0;
  virtual std::string end(const ScanSummary& summary) = 0;
};

/// Schema "walguard.dev/scan/v1", docs/scan.schema.json. A path that is no UTF-8 has U+FFFD in place of each
/// byte that is none, and its exact bytes, in hexadecimal, in "path_hex" beside it; other paths have no
/// "path_hex".
[[nodiscard]] std::unique_ptr<ScanFormat> make_scan_json();

/// A table for people. Control characters, and bytes that are no UTF-8, are written as \xHH.
[[nodiscard]] std::unique_ptr<ScanFormat> make_scan_table();

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_SCAN_FORMAT_H_
