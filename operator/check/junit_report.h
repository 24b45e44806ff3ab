/// A check's report as JUnit's XML, for the test pages of CI servers. Thread-safe; failures are the stream's.
#pragma once

#include <iosfwd>

#include "operator/check/report.h"

namespace walguard::check {

/// A suite for each file, in it a case for each volume with a database, or for the workload where it has
/// none. A case fails by what `fail_on` says, so that page and exit code agree; one that only an accepted
/// risk keeps from failing is skipped; what could not be read is an error.
void junit_report(const CheckReport& report, FailOn fail_on, std::ostream& out);

}  // namespace walguard::check
