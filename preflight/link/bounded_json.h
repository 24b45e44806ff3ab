#ifndef WALGUARD_PREFLIGHT_LINK_BOUNDED_JSON_H_
#define WALGUARD_PREFLIGHT_LINK_BOUNDED_JSON_H_

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace walguard::preflight {

/// The deepest nesting read. Nothing we say is deeper than a report in its envelope, at 6.
inline constexpr int kMaxJsonDepth = 16;

/// Reads JSON that the other side of a link sent, who may be anybody. nullopt where it is none, or is nested
/// deeper than kMaxJsonDepth: nlohmann-json copies and prints by recursion, and would end at the stack's end.
[[nodiscard]] std::optional<nlohmann::json> parse_bounded_json(std::string_view text);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_BOUNDED_JSON_H_
