/// A WalguardPolicy under review by the API server: what its schema cannot tell is refused before it is
/// stored.
///
/// Pure, thread-safe. A policy is changed by people, seldom: this is no hot path.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/wire/policy.h"

namespace walguard::wire {

/// The answer to an AdmissionReview admission.k8s.io/v1 of a WalguardPolicy, ready to send with HTTP 200:
/// allowed, or refused with 422 and the field, its value and the remedy. A request without an object (a
/// deletion) is allowed. The error tells what is no such review: HTTP 400.
[[nodiscard]] tl::expected<std::string, std::string> review_policy(std::string_view body,
                                                                   const DriverReader& read_drivers);

}  // namespace walguard::wire
