/// A check's report as SARIF 2.1.0, for code scanning.
/// https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
///
/// Thread-safe; failures are the stream's.
#pragma once

#include <iosfwd>

#include "operator/check/report.h"

namespace walguard::check {

/// One run: every rule with its texts, a result for each finding (a safe volume has none), an accepted one as
/// suppressed, and what could not be read as notifications. Ends in a line feed.
void sarif_report(const CheckReport& report, std::ostream& out);

}  // namespace walguard::check
