/// Risks that somebody has taken: by `walguard/accept-risk` on the object, or by an exemption of the policy.
///
/// Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/policy.h"
#include "operator/core/workload.h"

namespace walguard::core {

struct AcceptedRisk {
  enum class By : std::uint8_t { kAnnotation, kPolicy } by = By::kAnnotation;
  std::string_view reason;  ///< points into the workload or the policy
};

/// Who has taken the risk of `rule` for this workload; nullopt: nobody. The annotation holds "RULE: reason",
/// one on each line, and counts where the policy lets the namespace accept risks.
[[nodiscard]] std::optional<AcceptedRisk> accepted_risk(const Workload& workload, const Policy& policy,
                                                        std::string_view rule);

/// Sentences about lines of the annotation that have no effect.
[[nodiscard]] std::vector<std::string> accept_risk_complaints(const Workload& workload, const Policy& policy);

}  // namespace walguard::core
