/// What libyaml's complaints mean to the person who wrote the file. Internal to `wire`; pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace walguard::wire {

/// Whether what is wrong is where the quotes or the key that libyaml was reading began, not where it gave up.
[[nodiscard]] bool lies_where_it_began(std::string_view complaint);

/// One line that says what was expected at the place; libyaml's own words where it says no more. `line`: the
/// text of the line that is complained about.
[[nodiscard]] std::string explain_yaml_trouble(std::string_view complaint, std::string_view line);

}  // namespace walguard::wire
