#ifndef WALGUARD_PREFLIGHT_CONDUCTOR_OUTLINE_H_
#define WALGUARD_PREFLIGHT_CONDUCTOR_OUTLINE_H_

#include <string_view>

#include "preflight/conductor/run.h"
#include "preflight/report/report.h"

/// The parts of a report that hold whether or not anything was measured.
namespace walguard::preflight {

/// The detail of a check that no strategy asked for stands on.
inline constexpr const char* kNotNeeded = "not needed for what was asked";

[[nodiscard]] bool is_needed(std::string_view check, const RunOptions& options);

/// Versions, the time of day, and the two views as far as the options name them.
[[nodiscard]] report::Report new_report(const RunOptions& options);

/// Scope, verdict and reasons, from the checks and views in the report.
void conclude(report::Report& report, const RunOptions& options);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CONDUCTOR_OUTLINE_H_
