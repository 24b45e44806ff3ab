#ifndef WALGUARD_TEXT_TERMINAL_H_
#define WALGUARD_TEXT_TERMINAL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Text for a person at a terminal. All but style_for() is pure; thread-safe.
namespace walguard::text {

struct TextStyle {
  bool colour = false;    ///< with terminal escapes
  std::size_t width = 0;  ///< columns after which lines are wrapped; 0: never
};

/// How to write for people on this descriptor: with colours and wrapped to its width where it is a terminal,
/// without colours where NO_COLOR is set (no-color.org).
[[nodiscard]] TextStyle style_for(int fd);

enum class Paint : std::uint8_t { kGreen, kRed, kYellow, kBold };

/// `text` as it is where the style has no colours.
[[nodiscard]] std::string painted(std::string_view text, Paint paint, const TextStyle& style);

/// Columns that `text` takes, as far as one column a character goes.
[[nodiscard]] std::size_t columns(std::string_view text);

/// `words` as the rest of a line of which `indent` columns are taken, and of as many lines, indented alike,
/// as they need. Ends in a line feed.
[[nodiscard]] std::string wrapped(std::string_view words, std::size_t indent, std::size_t width);

}  // namespace walguard::text

#endif  // WALGUARD_TEXT_TERMINAL_H_
