#include "preflight/text/printable.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "preflight/text/utf8.h"

namespace walguard::text {
namespace {

std::string escaped(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += "\\x";
    text += kHex[value >> 4U];
    text += kHex[value & 0xFU];
  }
  return text;
}

// C0, DEL, and C1 (U+0080 to U+009F), which some terminals obey too.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

// With as many decimals as make three digits, but no more than `most`.
std::string three_digits(double value, int most, std::string_view unit) {
  const int decimals = std::min(most, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
  return decimal(value, decimals) + " " + std::string(unit);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(text));
    const std::string_view character = text.substr(0, length);
    const bool plain = is_utf8(character) && !is_control(character);
    result += plain ? std::string(character) : escaped(character);
    text.remove_prefix(length);
  }
  return result;
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kLiteral =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@%";
  if (!text.empty() && text.find_first_not_of(kLiteral) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string padded(std::string_view text, std::size_t width) {
  std::string wide(text);
  wide.resize(std::max(width, wide.size()), ' ');
  return wide;
}

std::string decimal(double value, int digits) {
  constexpr std::size_t kLongest = 400;  // 1.8e308 has 309 digits
  std::array<char, kLongest> text;
  (void)std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return three_digits(value, 1, kUnits.at(unit));
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string human_seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds <= 0) return "0 s";
  if (seconds < 0.9995e-6) return three_digits(seconds * 1e9, 0, "ns");
  if (seconds < 0.9995e-3) return three_digits(seconds * 1e6, 2, "µs");
  if (seconds < 0.9995) return three_digits(seconds * 1e3, 2, "ms");
  if (seconds < 119.5) return three_digits(seconds, 2, "s");
  if (seconds < 7170) return three_digits(seconds / 60, 0, "min");
  return three_digits(seconds / 3600, 1, "h");
}

}  // namespace walguard::text
