/// Objects whose databases lie on storage of every sort, shared in every way.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace walguard::cluster::testing {

/// A List of them, storage first, for the namespace `space`. Its pods never run: each waits at a gate of its
/// own. What has no namespace is named NAME.SPACE.example, but for the CSIDriver of Amazon's EBS.
[[nodiscard]] nlohmann::json varied_objects(const std::string& space);

}  // namespace walguard::cluster::testing
