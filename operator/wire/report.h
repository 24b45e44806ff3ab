/// From a preflight's report to evidence that the core can weigh.
///
/// Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/core/evidence.h"

namespace walguard::wire {

/// Reads the JSON of `walguard-preflight` (schema walguard.dev/preflight-report/v1) as evidence about `key`.
///
/// The verdicts and the scope are the report's, which parse_report holds against its own checks.
/// `measured_at` is when the run ended, by the report. `digest` names the report: the first 12 hex digits of
/// its SHA-256. The error names the field and what is wrong with it.
[[nodiscard]] tl::expected<core::Evidence, std::string> evidence_from_report(std::string_view report_json,
                                                                             core::EvidenceKey key);

}  // namespace walguard::wire
