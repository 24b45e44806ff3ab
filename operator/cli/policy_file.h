/// --policy of the commands that have no cluster to ask: WalguardPolicy objects in a file.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "operator/core/policy.h"
#include "operator/core/policy_object.h"

namespace walguard::cli {

/// `defaults` where the file says nothing, and as they are where `path` is empty. The error begins with the
/// flag. Blocks on the file.
[[nodiscard]] tl::expected<core::MergedPolicy, std::string> read_policy_option(const std::string& path,
                                                                               const core::Policy& defaults);

}  // namespace walguard::cli
