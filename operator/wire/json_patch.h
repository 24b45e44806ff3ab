/// The JSON Patch (RFC 6902) of /mutate. Internal to `wire`; pure, thread-safe.
#pragma once

#include <string>

#include "operator/core/response.h"
#include "operator/wire/admission_review.h"

namespace walguard::wire {

/// What makes the object carry the answer's annotations and gate: a JSON array of operations, "" when it
/// already does. Applied, and asked for again, it is "": the API server may call /mutate twice. Only
/// pods have gates.
[[nodiscard]] std::string make_json_patch(const Request& request, const core::Answer& answer);

}  // namespace walguard::wire
