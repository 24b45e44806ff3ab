/// Looks into JSON that comes from an engine of whatever version: what is missing or of another type than
/// expected is absent. Internal to `wire`; pure, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"

namespace walguard::wire {

/// A discarded value where it is no JSON, or nested deeper than json::kMaxDepth.
[[nodiscard]] nlohmann::json parse_leniently(std::string_view text);

/// Null where it is absent, or `object` is none.
[[nodiscard]] const nlohmann::json& value_in(const nlohmann::json& object, std::string_view key);
[[nodiscard]] std::string text_in(const nlohmann::json& object, std::string_view key);
[[nodiscard]] bool flag_in(const nlohmann::json& object, std::string_view key);
/// The texts of a list, or one text alone.
[[nodiscard]] std::vector<std::string> texts_in(const nlohmann::json& object, std::string_view key);
[[nodiscard]] core::StringMap text_map_in(const nlohmann::json& object, std::string_view key);

}  // namespace walguard::wire
