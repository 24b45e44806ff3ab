/// A check's report for programs, schema walguard.dev/check/v1 (docs/check.schema.json). Thread-safe;
/// failures are the stream's.
#pragma once

#include <iosfwd>

#include "operator/check/report.h"

namespace walguard::check {

/// Ends in a line feed. A fact that is not known is null.
void json_report(const CheckReport& report, std::ostream& out);

}  // namespace walguard::check
