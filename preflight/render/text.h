#ifndef WALGUARD_PREFLIGHT_RENDER_TEXT_H_
#define WALGUARD_PREFLIGHT_RENDER_TEXT_H_

#include <string>
#include <vector>

#include "preflight/report/report.h"
#include "preflight/text/terminal.h"

namespace walguard::preflight {

using text::TextStyle;

/// How a person reads a report in ten seconds: the verdict on each strategy asked for, why (worst first),
/// what to do now, then the checks. Pure and thread-safe.
[[nodiscard]] std::string report_text(const report::Report& report,
                                      const std::vector<report::Strategy>& asked, const TextStyle& style);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_TEXT_H_
