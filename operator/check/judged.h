/// From a judgement to what is reported of it. Internal to `check`; pure, thread-safe.
#pragma once

#include "operator/check/report.h"
#include "operator/core/policy.h"
#include "operator/core/response.h"
#include "operator/core/workload.h"

namespace walguard::check {

/// With each finding whose risk somebody has taken marked so.
[[nodiscard]] CheckedVolume checked_volume(core::JudgedVolume volume, const core::Workload& workload,
                                           int line, const core::Policy& policy);

}  // namespace walguard::check
