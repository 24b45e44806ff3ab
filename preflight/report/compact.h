#ifndef WALGUARD_PREFLIGHT_REPORT_COMPACT_H_
#define WALGUARD_PREFLIGHT_REPORT_COMPACT_H_

#include <cstddef>
#include <string>

#include "preflight/report/report.h"

namespace walguard::report {

/// What Kubernetes keeps of a container's termination message (its documentation: "Customizing the
/// termination message").
inline constexpr std::size_t kCompactBytes = 4096;

/// The report as one line of JSON that is never longer than kCompactBytes; parse_report reads it.
///
/// A report that fits is written whole. Else it loses, in this order and only as far as it must: the ends of
/// details and reasons (what was cut ends in "…"), the numbers, the last reasons, the ends of paths and
/// names, and at the very last checks that no verdict stands on. Verdicts, scope, and id and result of every
/// check that a verdict needs are always there, and so is what tells the views apart: a boot_id or device too
/// long to keep is cut and marked with a digest of the whole, so that two different ones stay different.
///
/// Pure and thread-safe.
[[nodiscard]] std::string encode_compact(const Report& report);

}  // namespace walguard::report

#endif  // WALGUARD_PREFLIGHT_REPORT_COMPACT_H_
