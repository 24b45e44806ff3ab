/// VolumePreflight and ClaimPreflight (walguard.dev/v1alpha1) as JSON; charts/walguard/files/crds holds their
/// schema.
///
/// Pure, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/core/preflight_resource.h"
#include "operator/core/probe_plan.h"

namespace walguard::wire {

inline constexpr std::string_view kPreflightApiVersion = "walguard.dev/v1alpha1";
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedBy = "walguard";

/// What a status is that this version cannot read, of another version or tampered with.
enum class BadStatus : std::uint8_t {
  kIsAsNone,   ///< the preflight is run again
  kIsAnError,  ///< somebody counts on what it says
};

/// Reads an object as the API server gives it. The error names the field: "status.run: type must be number,
/// but is string".
[[nodiscard]] tl::expected<core::Preflight, std::string> read_preflight(std::string_view json,
                                                                        BadStatus bad = BadStatus::kIsAsNone);

/// A JSON patch (RFC 6902) for the status subresource: it replaces the status as a whole, and fails where the
/// object is no longer the one that was read, so that two writers cannot mix.
[[nodiscard]] std::string status_patch(const core::Preflight& preflight, const core::PreflightStatus& status);

/// What the gates are waiting for, as a VolumePreflight to create. The same request always has the same name.
[[nodiscard]] core::Preflight preflight_for(const core::ProbeRequest& request, std::string runtime_class);
[[nodiscard]] std::string manifest_of(const core::Preflight& preflight);

}  // namespace walguard::wire
