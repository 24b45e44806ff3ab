/// What an unquoted YAML word means. Internal to `wire`; pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace walguard::wire {

/// The JSON of a plain (unquoted) scalar: null, true, false, a number, or the word as a string. Follows
/// go-yaml v2, which kubectl reads YAML with: YAML 1.1 without times and base 60.
[[nodiscard]] std::string plain_scalar_to_json(std::string_view word);

}  // namespace walguard::wire
