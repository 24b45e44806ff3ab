#include "operator/wire/json_reader.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace walguard::wire::json {
namespace {

bool is_plain_name(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void append_pointer_token(std::string& out, std::string_view key) {
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
}

/// The value's type with its article, and its text where that is a number or a boolean. Strings are left out:
/// an error must not repeat what somebody may hold secret.
std::string describe(Value& value) {
  simdjson::ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) {
    return "something that is not JSON";
  }
  switch (type) {
    case simdjson::ondemand::json_type::array:
      return "an array";
    case simdjson::ondemand::json_type::object:
      return "an object";
    case simdjson::ondemand::json_type::string:
      return "a string";
    case simdjson::ondemand::json_type::null:
      return "null";
    default:
      break;
  }
  std::string_view token = value.raw_json_token();
  token = token.substr(0, std::min<std::size_t>(token.find_last_not_of(" \t\r\n") + 1, 40));
  const bool number = type == simdjson::ondemand::json_type::number;
  return std::string(number ? "the number " : "the boolean ").append(token);
}

/// Brackets that open, strings included. Cheap, and settles the depth of every ordinary pod.
std::size_t count_openings(std::string_view document) {
  std::size_t count = 0;
  while (!document.empty()) {
    const std::string_view block = document.substr(0, 240);  // what a byte can count, in whole vectors
    std::uint8_t in_block = 0;
    for (const char c : block) {
      in_block =
          static_cast<std::uint8_t>(in_block + ((c | 0x20) == '{' ? 1 : 0));  // '[' differs in this bit
    }
    count += in_block;
    document.remove_prefix(block.size());
  }
  return count;
}

/// For the scalar getters: any error but a wrong type is one of the JSON itself and stays simdjson's.
template <typename T>
T get_or_throw(simdjson::simdjson_result<T> result, Value& value, const Path& at, std::string_view expected,
               std::string_view remedy) {
  T out{};
  const simdjson::error_code error = std::move(result).get(out);
  if (error == simdjson::SUCCESS) [[likely]] {
    return out;
  }
  if (error == simdjson::INCORRECT_TYPE || error == simdjson::NUMBER_ERROR ||
      error == simdjson::NUMBER_OUT_OF_RANGE) {
    throw_wrong_type(value, at, expected, remedy);
  }
  throw simdjson::simdjson_error(error);
}

}  // namespace

std::string Path::text() const {
  std::string out = parent == nullptr ? std::string() : parent->text();
  if (index != kNoIndex) {
    return out.append("[").append(std::to_string(index)).append("]");
  }
  if (!is_plain_name(key)) {
    return out.append("[\"").append(key).append("\"]");
  }
  if (!out.empty() && !key.empty()) {
    out += '.';
  }
  return out.append(key);
}

std::string Path::pointer() const {
  std::string out = parent == nullptr ? std::string() : parent->pointer();
  if (index != kNoIndex) {
    return out.append("/").append(std::to_string(index));
  }
  if (key.empty() && parent == nullptr) {
    return out;
  }
  out += '/';
  append_pointer_token(out, key);
  return out;
}

ReadError::ReadError(const Path& at, std::string_view problem) : message_(at.text()), pointer_(at.pointer()) {
  message_.append(message_.empty() ? "" : ": ").append(problem);
}

void throw_wrong_type(Value& value, const Path& at, std::string_view expected, std::string_view remedy) {
  throw ReadError(at, std::string("expected ")
                          .append(expected)
                          .append(", found ")
                          .append(describe(value))
                          .append("; ")
                          .append(remedy));
}

void throw_given_twice(const Path& at) { throw ReadError(at, "given twice; keep one of the two"); }

void throw_missing(const Path& at, std::string_view needed_by) {
  throw ReadError(at, std::string("missing; ").append(needed_by).append(" needs it"));
}

const char* find_quote_or_backslash(const char* text) {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = kOnes << 7U;
    for (;; text += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text, sizeof(word));
      // Of each word the lowest byte that became zero has its high bit set; higher ones may be wrong.
      const std::uint64_t quote = word ^ (kOnes * '"');
      const std::uint64_t backslash = word ^ (kOnes * '\\');
      const std::uint64_t hits = (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash)) & kHighs;
      if (hits != 0) {
        return text + std::countr_zero(hits) / 8;
      }
    }
  }
  while (*text != '"' && *text != '\\') {
    ++text;
  }
  return text;
}

std::string_view key_of(simdjson::ondemand::field& field) {
  const char* const begin = field.key().raw();
  const char* const end = find_quote_or_backslash(begin);
  if (*end == '"') [[likely]] {
    return {begin, static_cast<std::size_t>(end - begin)};
  }
  return field.unescaped_key();
}

std::string_view text_of(Value& value, const Path& at) {
  const std::string_view token = value.raw_json_token();
  if (token.front() == '"') [[likely]] {
    const char* const end = find_quote_or_backslash(token.data() + 1);
    if (*end == '"') [[likely]] {  // nothing to unescape: a view into the body will do
      std::ignore = value.get_raw_json_string();
      return {token.data() + 1, static_cast<std::size_t>(end - token.data() - 1)};
    }
  }
  return get_or_throw<std::string_view>(value.get_string(), value, at, "a string", "put it in quotes");
}

bool bool_of(Value& value, const Path& at) {
  return get_or_throw<bool>(value.get_bool(), value, at, "true or false", "write it without quotes");
}

std::int64_t integer_of(Value& value, const Path& at) {
  return get_or_throw<std::int64_t>(value.get_int64(), value, at, "a whole number",
                                    "write it without quotes and fractions");
}

simdjson::ondemand::object object_of(Value& value, const Path& at) {
  return get_or_throw<simdjson::ondemand::object>(value.get_object(), value, at, "an object",
                                                  "write its fields by name");
}

simdjson::ondemand::array array_of(Value& value, const Path& at) {
  return get_or_throw<simdjson::ondemand::array>(value.get_array(), value, at, "an array",
                                                 "write its items as a list");
}

bool nests_deeper_than(std::string_view document, std::size_t limit) {
  if (count_openings(document) <= limit) {
    return false;
  }
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limit) {
        return true;
      }
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace walguard::wire::json
