/// Reads WalguardPolicy objects (walguard.dev/v1alpha1), as the API server has them and as files hold them.
/// The form is described in docs/policy.md and, for the API server, in the chart's walguardpolicies.yaml.
///
/// Strict: a field that is not known, a value of another type and a rule that does not exist are errors,
/// since a policy that is half understood protects half as much as its author thinks.
///
/// Pure, thread-safe. Errors are one line that names object, field, value and what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/catalog.h"
#include "operator/core/policy_object.h"

namespace walguard::wire {

/// Reads the list below the key `drivers`, in the form of operator/knowledge/data/drivers.yaml;
/// knowledge::load_drivers does.
using DriverReader =
    std::function<tl::expected<std::vector<core::Driver>, std::string>(std::string_view yaml)>;

[[nodiscard]] tl::expected<core::PolicyObject, std::string> read_policy(std::string_view json,
                                                                        const DriverReader& read_drivers);

/// Every document of a YAML file must be a WalguardPolicy or a List of them. `file` is for the errors.
[[nodiscard]] tl::expected<std::vector<core::PolicyObject>, std::string> read_policy_file(
    std::string_view yaml, std::string_view file, const DriverReader& read_drivers);

/// What the status of a WalguardPolicy says of its acceptance: the condition `Accepted`.
struct PolicyAcceptance {
  bool accepted = false;
  std::string message;
  std::int64_t generation = 0;  ///< metadata.generation that this speaks of

  friend bool operator==(const PolicyAcceptance&, const PolicyAcceptance&) = default;
};

struct PolicyStatus {
  std::int64_t generation = 0;  ///< of the object now
  std::optional<PolicyAcceptance> acceptance;
  std::string since;  ///< the condition's lastTransitionTime
};

[[nodiscard]] tl::expected<PolicyStatus, std::string> read_policy_status(std::string_view json);

/// A merge patch for the subresource `status`. `now`: RFC 3339; kept from `former` where the condition has
/// not turned.
[[nodiscard]] std::string policy_status_patch(const PolicyAcceptance& acceptance, const PolicyStatus& former,
                                              const std::string& now);

}  // namespace walguard::wire
