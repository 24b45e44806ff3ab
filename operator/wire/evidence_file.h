/// Reads evidence from files: what `kubectl get volumepreflights,claimpreflights -A -o yaml` prints, or a
/// report of `walguard-preflight run DIR`, which speaks of the path DIR on the machine it was made on.
///
/// Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/evidence.h"

namespace walguard::wire {

/// Of every VolumePreflight and ClaimPreflight that has a report, what it measured; one without says nothing.
/// `file` is for the error, one line that names file, line, object and what to do.
[[nodiscard]] tl::expected<std::vector<core::Evidence>, std::string> read_evidence_file(
    std::string_view text, std::string_view file);

}  // namespace walguard::wire
