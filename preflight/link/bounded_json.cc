#include "preflight/link/bounded_json.h"

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace walguard::preflight {

using Json = nlohmann::json;

namespace {

// Outside of it a conversion to a 64-bit integer, signed or not, is undefined (C++20 [conv.fpint]).
bool fits_any_integer(double number) { return number >= 0 && number <= kMaxJsonFraction; }

}  // namespace

std::optional<Json> parse_bounded_json(std::string_view text) {
  bool refused = false;
  const auto watch = [&refused](int depth, Json::parse_event_t event, const Json& parsed) {
    refused = refused || depth > kMaxJsonDepth ||
              (event == Json::parse_event_t::value && parsed.is_number_float() &&
               !fits_any_integer(parsed.get<double>()));
    return !refused;
  };
  Json document = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (refused || document.is_discarded()) return std::nullopt;
  return document;
}

}  // namespace walguard::preflight
