#ifndef WALGUARD_PREFLIGHT_REPORT_REPORT_JSON_H_
#define WALGUARD_PREFLIGHT_REPORT_REPORT_JSON_H_

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "preflight/report/report.h"

/// The report as JSON, schema "walguard.dev/preflight-report/v1". Pure and thread-safe.
namespace walguard::report {

inline constexpr std::string_view kReportSchema = "walguard.dev/preflight-report/v1";

/// More than any real report by far; a longer input is refused unread.
inline constexpr std::size_t kMaxReportBytes = 256UL * 1024;

/// `indent` < 0 gives one line. Bytes that are no UTF-8 (a path may hold any) become U+FFFD.
[[nodiscard]] std::string encode_report(const Report& report, int indent = -1);

/// Reads a report that may come from anywhere.
///
/// Strict about the schema, about every field of v1 being there with its type, about duplicate keys and
/// sizes; unknown further fields are ignored. A report is also refused when it claims more than its own
/// content shows: `safe` with a needed check that did not pass, or scope `cluster` out of one boot_id.
///
/// The error names the field and what is wrong with it; it never quotes more than a few words of the input.
[[nodiscard]] tl::expected<Report, std::string> parse_report(std::string_view json);

}  // namespace walguard::report

#endif  // WALGUARD_PREFLIGHT_REPORT_REPORT_JSON_H_
