/// Encodes answers as AdmissionReview admission.k8s.io/v1, ready to send with HTTP 200.
///
/// Pure, thread-safe. Format:
/// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
#pragma once

#include <string>
#include <string_view>

#include "operator/core/response.h"
#include "operator/wire/admission_review.h"

namespace walguard::wire {

/// `allowed` is false for kDeny alone, with status code 403 and the answer's message. Carries the answer's
/// warnings, its verdict and rules as audit annotations (not where there was nothing to judge), and a JSON
/// Patch where the answer asks for annotations or a gate that the object does not have.
[[nodiscard]] std::string encode_response(const Request& request, const core::Answer& answer);

/// allowed=false with `code` and `message`: for an object that could not be read.
[[nodiscard]] std::string encode_refusal(std::string_view uid, int code, std::string_view message);

/// allowed=true with one warning, cut to the 255 characters that the API server passes on: for a kind that
/// is not judged.
[[nodiscard]] std::string encode_warning(std::string_view uid, std::string_view warning);

}  // namespace walguard::wire
