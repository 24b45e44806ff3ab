/// The objects of a preflight's run as the API server gives them, for core::PreflightWorld.
///
/// Pure, thread-safe. The error of each function names what is wrong with the object.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/core/preflight_world.h"

namespace walguard::wire {

/// What tells whose an object is.
struct RunLabels {
  std::string namespace_name;
  std::string name;
  std::string preflight_uid;
  std::string run;
};
[[nodiscard]] tl::expected<RunLabels, std::string> read_run_labels(std::string_view json);

[[nodiscard]] tl::expected<core::ObservedJob, std::string> read_job(std::string_view json);
[[nodiscard]] tl::expected<core::ObservedClaim, std::string> read_claim(std::string_view json);
[[nodiscard]] tl::expected<core::ObservedVolume, std::string> read_volume(std::string_view json);
[[nodiscard]] tl::expected<core::ObservedNode, std::string> read_node(std::string_view json);

/// A termination message that is no report becomes a `problem` of its container, never an error.
[[nodiscard]] tl::expected<core::ObservedPod, std::string> read_pod(std::string_view json);

/// A Warning Event; nullopt for a Normal one.
[[nodiscard]] tl::expected<std::optional<core::ObservedWarning>, std::string> read_warning(
    std::string_view json);

/// The JSON of a termination message; the error is a sentence.
[[nodiscard]] tl::expected<core::ProbeReport, std::string> read_probe_report(std::string_view json);

}  // namespace walguard::wire
