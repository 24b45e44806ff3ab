#ifndef WALGUARD_PREFLIGHT_LINK_BOUNDED_JSON_H_
#define WALGUARD_PREFLIGHT_LINK_BOUNDED_JSON_H_

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace walguard::preflight {

/// The deepest nesting read. Nothing we say is deeper than a report in its envelope, at 6.
inline constexpr int kMaxJsonDepth = 16;

/// The greatest number read that is not written as an integer of at most 64 bits. What we say in fractions
/// are durations and counts; up to here (2^53) a double also holds every whole number.
inline constexpr double kMaxJsonFraction = 9007199254740992.0;

/// Reads JSON that the other side of a link sent, who may be anybody. nullopt where it is none, or
/// - is nested deeper than kMaxJsonDepth: nlohmann-json copies and prints by recursion, and would end at the
///   stack's end;
/// - holds a fraction that is negative or beyond kMaxJsonFraction: nlohmann-json converts it unasked where a
///   64-bit integer is read, and that is undefined. Read integers as 64 bits wide, for the same reason.
[[nodiscard]] std::optional<nlohmann::json> parse_bounded_json(std::string_view text);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_BOUNDED_JSON_H_
