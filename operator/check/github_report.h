/// A check's report as workflow commands, which GitHub shows beside the lines of a pull request.
/// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
///
/// Thread-safe; failures are the stream's.
#pragma once

#include <iosfwd>

#include "operator/check/report.h"

namespace walguard::check {

/// A line for each finding that stands: an error where it fails by `fail_on`, else a warning; a notice for an
/// accepted one. What could not be read is an error.
void github_report(const CheckReport& report, FailOn fail_on, std::ostream& out);

}  // namespace walguard::check
