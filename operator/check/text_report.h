/// A check's report for people. Thread-safe; failures are the stream's.
#pragma once

#include <iosfwd>

#include "operator/check/report.h"
#include "preflight/text/terminal.h"

namespace walguard::check {

/// Each workload with a database: its verdict, then each volume with its findings, then each way out once.
/// Last a line that counts. Names are printed without what a terminal would obey.
void text_report(const CheckReport& report, const text::TextStyle& style, std::ostream& out);

}  // namespace walguard::check
