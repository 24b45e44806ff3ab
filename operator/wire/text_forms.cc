#include "operator/wire/text_forms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::wire {
namespace {

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
  if (text.size() < from + count) {
    return std::nullopt;
  }
  int value = 0;
  const char* const end = text.data() + from + count;
  const auto [stopped, error] = std::from_chars(text.data() + from, end, value);
  return error == std::errc() && stopped == end && value >= 0 ? std::optional(value) : std::nullopt;
}

constexpr std::size_t kComparedBytes = 16;

/// What each byte stands for in base64; -1: nothing.
constexpr std::array<std::int8_t, 256> base64_values() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}

/// password= of mount.cifs(8), secret= of mount.ceph(8), and their kin.
bool names_a_secret(std::string_view option) {
  constexpr std::array<std::string_view, 4> kWords = {"pass", "secret", "token", "key"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return option.find(word) != std::string_view::npos; });
}

std::string without_secret(std::string_view option) {
  const std::size_t equals = option.find('=');
  if (equals == std::string_view::npos || !names_a_secret(option.substr(0, equals)))
    return std::string(option);
  return std::string(option.substr(0, equals + 1)) +
         "sha256:" + short_digest(option.substr(equals + 1), kComparedBytes);
}

}  // namespace

std::optional<core::UtcSeconds> parse_utc(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':' || !text.ends_with('Z')) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                    std::chrono::seconds(*second);
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string utc_text(core::UtcSeconds time) {
  const std::chrono::sys_seconds point{std::chrono::seconds(time)};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(point - day);
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr std::array<std::int8_t, 256> kValues = base64_values();
  constexpr unsigned int kBitsOfChar = 6;
  constexpr unsigned int kBitsOfByte = 8;
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  unsigned int bits = 0;
  unsigned int count = 0;
  for (const char c : text) {
    const std::int8_t value = kValues.at(static_cast<unsigned char>(c));
    if (value < 0) return std::nullopt;
    bits = (bits << kBitsOfChar) | static_cast<unsigned int>(value);
    count += kBitsOfChar;
    if (count < kBitsOfByte) continue;
    count -= kBitsOfByte;
    out += static_cast<char>((bits >> count) & 0xFFU);
  }
  return out;
}

std::string short_digest(std::string_view bytes, std::size_t count) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &length, EVP_sha256(), nullptr) != 1) return {};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count && i < length; ++i) {
    out += kHex[hash.at(i) >> 4U];
    out += kHex[hash.at(i) & 0xFU];
  }
  return out;
}

std::string digest_of(const core::StringMap& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) {  // a length tells where each ends
    for (const std::string& part : {name, value}) text += std::to_string(part.size()) + ':' + part;
  }
  return text.empty() ? text : short_digest(text, kComparedBytes);
}

std::vector<std::string> without_secrets(const std::vector<std::string>& mount_options) {
  std::vector<std::string> all;
  all.reserve(mount_options.size());
  for (const std::string_view entry : mount_options) {
    std::string kept;
    for (std::size_t begin = 0; begin <= entry.size();) {
      const std::size_t end = std::min(entry.find(',', begin), entry.size());
      if (begin > 0) kept += ',';
      kept += without_secret(entry.substr(begin, end - begin));
      begin = end + 1;
    }
    all.push_back(std::move(kept));
  }
  return all;
}

}  // namespace walguard::wire
