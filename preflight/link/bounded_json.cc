#include "preflight/link/bounded_json.h"

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace walguard::preflight {

using nlohmann::json;

std::optional<json> parse_bounded_json(std::string_view text) {
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, json::parse_event_t /*event*/, const json& /*parsed*/) {
    too_deep = too_deep || depth > kMaxJsonDepth;
    return !too_deep;
  };
  json document = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (too_deep || document.is_discarded()) return std::nullopt;
  return document;
}

}  // namespace walguard::preflight
