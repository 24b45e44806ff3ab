/// The short forms of a compose file, texts with rules of their own: variables and mounts.
///
/// Pure, thread-safe.
/// https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md, 05-services.md#short-syntax-5
#pragma once

#include <string>
#include <string_view>

#include "operator/wire/compose.h"

namespace walguard::wire {

/// A text with its variables filled in as far as the file tells them.
struct Filled {
  std::string text;
  bool has_variables = false;  ///< the shell or .env may make it another
  bool is_complete = true;     ///< each variable has a default
};

/// Fills in ${NAME:-default} and ${NAME-default}; $$ is a dollar. In linear time.
[[nodiscard]] Filled fill_in(std::string_view text);
[[nodiscard]] inline std::string with_defaults(std::string_view text) { return fill_in(text).text; }

/// "SOURCE:TARGET:MODE", "SOURCE:TARGET" or "TARGET".
[[nodiscard]] ComposeMount parse_short_mount(std::string_view written);

}  // namespace walguard::wire
