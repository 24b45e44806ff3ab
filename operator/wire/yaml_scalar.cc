#include "operator/wire/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "operator/wire/json_text.h"

namespace walguard::wire {
namespace {

constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrue = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                                    "on",   "On",   "ON",   "y",   "Y"};
constexpr std::array<std::string_view, 11> kFalse = {"false", "False", "FALSE", "no", "No", "NO",
                                                     "off",   "Off",   "OFF",   "n",  "N"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The whole of `digits` as an integer of `base`.
std::optional<std::uint64_t> parse_integer(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const auto [stopped, error] = std::from_chars(begin, end, value, base);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

/// 0x1F, 0b11, 0o17, and 017 as YAML 1.1 has it.
std::optional<std::uint64_t> parse_with_base(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') {
    return std::nullopt;
  }
  const std::string_view rest = digits.substr(2);
  switch (digits[1]) {
    case 'x':
    case 'X':
      return parse_integer(rest, 16);
    case 'b':
    case 'B':
      return parse_integer(rest, 2);
    case 'o':
    case 'O':
      return parse_integer(rest, 8);
    default:
      return parse_integer(digits.substr(1), 8);
  }
}

/// A number in a spelling that YAML has and JSON has not: +5, 1_000, 0x1F, .5, 007.
std::optional<std::string> yaml_number(std::string_view word) {
  std::string digits(word);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) {
    rest.remove_prefix(1);
  }
  if (rest.empty() || (rest[0] != '.' && (rest[0] < '0' || rest[0] > '9'))) {
    return std::nullopt;  // also keeps from_chars from reading "inf" and "nan"
  }
  if (const auto value = parse_with_base(rest)) {
    return (negative ? "-" : "") + std::to_string(*value);
  }
  if (const auto value = parse_integer(rest, 10)) {
    return (negative ? "-" : "") + std::to_string(*value);
  }
  double value = 0;
  const char* const begin = rest.data();
  const char* const end = begin + rest.size();
  const auto [stopped, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stopped != end) {
    return std::nullopt;
  }
  return nlohmann::json(negative ? -value : value).dump();
}

bool is_json_number(std::string_view word) {
  const char first = word.front();  // tells a number from the other things that JSON accepts
  return (first == '-' || (first >= '0' && first <= '9')) && nlohmann::json::accept(word);
}

}  // namespace

std::string plain_scalar_to_json(std::string_view word) {
  if (is_one_of(kNull, word)) {
    return "null";
  }
  if (is_one_of(kTrue, word)) {
    return "true";
  }
  if (is_one_of(kFalse, word)) {
    return "false";
  }
  if (is_json_number(word)) {
    return std::string(word);
  }
  if (std::optional<std::string> number = yaml_number(word)) {
    return *std::move(number);
  }
  std::string text;
  append_json_string(text, word);
  return text;
}

}  // namespace walguard::wire
