#ifndef WALGUARD_PREFLIGHT_CLI_TEXT_H_
#define WALGUARD_PREFLIGHT_CLI_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"

namespace walguard::preflight {

/// How a person reads a report in ten seconds: the verdict, the checks, the reasons, what it means. Pure.
/// `colour`: with terminal escapes.
[[nodiscard]] std::string report_text(const report::Report& report,
                                      const std::vector<report::Strategy>& asked, bool colour);

/// The worst verdict of the strategies asked for.
[[nodiscard]] report::Verdict worst_verdict(const report::Report& report,
                                            const std::vector<report::Strategy>& asked);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_TEXT_H_
