#ifndef WALGUARD_PREFLIGHT_RENDER_TEXT_H_
#define WALGUARD_PREFLIGHT_RENDER_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "preflight/report/report.h"

namespace walguard::preflight {

struct TextStyle {
  bool colour = false;    ///< with terminal escapes
  std::size_t width = 0;  ///< columns after which lines are wrapped; 0: never
};

/// How a person reads a report in ten seconds: the verdict on each strategy asked for, why (worst first),
/// what to do now, then the checks. Pure and thread-safe.
[[nodiscard]] std::string report_text(const report::Report& report,
                                      const std::vector<report::Strategy>& asked, const TextStyle& style);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_TEXT_H_
