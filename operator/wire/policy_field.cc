#include "operator/wire/policy_field.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/verdict.h"

namespace walguard::wire::policy {
namespace {

using core::UtcSeconds;
using nlohmann::json;

constexpr UtcSeconds kLongestDuration = UtcSeconds{100} * 365 * 24 * 3600;

UtcSeconds seconds_of(char unit) {
  switch (unit) {
    case 'd':
      return UtcSeconds{24} * 3600;
    case 'h':
      return 3600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return 0;
  }
}

/// nullopt: not of that form, or longer than anybody means.
std::optional<UtcSeconds> parse_duration(std::string_view text) {
  UtcSeconds total = 0;
  while (!text.empty()) {
    std::int32_t count = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || count < 0 || rest == text.data() + text.size()) return std::nullopt;
    const UtcSeconds unit = seconds_of(*rest);
    total += count * unit;
    if (unit == 0 || total > kLongestDuration) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()) + 1);
  }
  return total;
}

std::string joined(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace

void Field::fail(const std::string& problem) const {
  throw PolicyError(path_.empty() ? problem : path_ + ": " + problem);
}

std::string Field::quoted() const {
  if (value_.is_object()) return "a map";
  if (value_.is_array()) return "a list";
  return value_.is_string() ? "\"" + value_.get<std::string>() + "\"" : value_.dump();
}

void Field::allow(std::initializer_list<std::string_view> known) const {
  if (!value_.is_object()) fail(quoted() + " where a map belongs");
  for (const auto& [key, entry] : value_.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      fail("unknown field \"" + key + "\"; use one of " + joined(known));
    }
  }
}

Field Field::required(std::string_view key) const {
  if (auto field = optional(key)) return *std::move(field);
  fail("has no " + std::string(key) + "; add it");
}

std::optional<Field> Field::optional(std::string_view key) const {
  if (!value_.is_object()) fail(quoted() + " where a map belongs");
  const auto found = value_.find(key);
  if (found == value_.end() || found->is_null()) return std::nullopt;
  return Field(*found, path_.empty() ? std::string(key) : path_ + "." + std::string(key));
}

std::vector<std::pair<std::string, Field>> Field::entries() const {
  if (!value_.is_object()) fail(quoted() + " where a map belongs");
  std::vector<std::pair<std::string, Field>> all;
  for (const auto& [key, entry] : value_.items()) {
    all.emplace_back(key, Field(entry, path_ + "[\"" + key + "\"]"));
  }
  return all;
}

std::string Field::text() const {
  if (!value_.is_string()) fail(quoted() + " where a text belongs");
  auto text = value_.get<std::string>();
  if (text.empty()) fail("is empty; write a value or leave the field out");
  return text;
}

bool Field::flag() const {
  if (!value_.is_boolean()) fail(quoted() + " is no flag; use true or false");
  return value_.get<bool>();
}

std::int64_t Field::integer(std::int64_t least, std::int64_t most) const {
  const bool is_whole = value_.is_number_integer();
  const std::int64_t number = is_whole ? value_.get<std::int64_t>() : 0;
  if (!is_whole || number < least || number > most) {
    fail(quoted() + " is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

UtcSeconds Field::duration() const {
  const auto seconds = parse_duration(text());
  if (!seconds)
    fail(quoted() + " is no duration; use days, hours, minutes and seconds: 30d, 12h, 1d12h, 90m, 45s");
  return *seconds;
}

std::vector<Field> Field::items() const {
  if (!value_.is_array()) fail(quoted() + " where a list belongs");
  std::vector<Field> all;
  all.reserve(value_.size());
  for (std::size_t i = 0; i < value_.size(); ++i) {
    all.emplace_back(value_[i], path_ + "[" + std::to_string(i) + "]");
  }
  return all;
}

std::vector<std::string> Field::texts() const {
  std::vector<std::string> all;
  for (const Field& item : items()) all.push_back(item.text());
  return all;
}

}  // namespace walguard::wire::policy
