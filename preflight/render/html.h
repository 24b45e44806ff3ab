#ifndef WALGUARD_PREFLIGHT_RENDER_HTML_H_
#define WALGUARD_PREFLIGHT_RENDER_HTML_H_

#include <string>
#include <vector>

#include "preflight/report/report.h"

namespace walguard::preflight {

/// The report as one page: verdicts, reasons, what to do, checks, plots, views and numbers.
///
/// It loads nothing and runs nothing, and says so to the browser by a Content-Security-Policy; light and dark
/// go by the reader's setting. Well-formed as XML too. All text of the report is escaped. Pure and
/// thread-safe.
[[nodiscard]] std::string report_html(const report::Report& report,
                                      const std::vector<report::Strategy>& asked);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_HTML_H_
