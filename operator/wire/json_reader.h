/// Reads JSON in one forward pass with simdjson On-Demand and says exactly what is wrong with it.
///
/// Internal to `wire`: readers throw `ReadError` or `simdjson::simdjson_error`, and the public functions
/// (`AdmissionReader::decode`, `add_kube_objects`) turn both into values. A value that no reader asks for is
/// skipped: simdjson has checked its UTF-8 and its quotes, the skip counts its brackets, and nothing else of
/// it is looked at.
///
/// A field that is null is absent: Go clients write that for empty ones. An entry of a map or a list is not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <simdjson.h>

namespace walguard::wire::json {

/// A place in the document, passed by reference: copies of its three words cost more than the reading.
using Value = simdjson::ondemand::value;

/// One step from the root to a value. Lives on the reader's stack and is only turned into text for an error.
struct Path {
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

  const Path* parent = nullptr;
  std::string_view key;
  std::size_t index = kNoIndex;

  [[nodiscard]] Path child(std::string_view name) const { return {.parent = this, .key = name}; }
  [[nodiscard]] Path item(std::size_t i) const { return {.parent = this, .key = {}, .index = i}; }

  /// For people: spec.containers[0].name, metadata.annotations["walguard/mode"].
  [[nodiscard]] std::string text() const;
  /// For machines, RFC 6901: /spec/containers/0/name.
  [[nodiscard]] std::string pointer() const;
};

/// What is wrong with a document, and where.
class ReadError : public std::exception {
 public:
  ReadError(const Path& at, std::string_view problem);
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }

 private:
  std::string message_;
  std::string pointer_;
};

/// The keys that a reader knows. `keys["name"]` is a constant for a `case`; a key that is not listed does not
/// compile.
template <std::size_t N>
class Keys {
 public:
  static constexpr std::size_t kUnknown = N;
  static_assert(N <= 64, "each_field keeps the keys it has seen in 64 bits");

  template <typename... Texts>
  consteval explicit Keys(Texts... texts) : texts_{std::string_view(texts)...} {
    for (const std::string_view text : texts_) {
      begins_[static_cast<unsigned char>(text.front())] = true;
    }
  }

  consteval std::size_t operator[](std::string_view text) const {
    const std::size_t index = find(text);
    if (index == kUnknown) {
      throw "this key is not in the list";  // only reached while compiling
    }
    return index;
  }

  [[nodiscard]] constexpr std::size_t find(std::string_view text) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (texts_[i] == text) {
        return i;
      }
    }
    return kUnknown;
  }

  /// Whether a key that begins with `c` may be one of these. Settles most keys at their first byte.
  [[nodiscard]] constexpr bool may_begin_with(char c) const { return begins_[static_cast<unsigned char>(c)]; }
  [[nodiscard]] constexpr std::string_view text(std::size_t i) const { return texts_[i]; }

 private:
  std::array<std::string_view, N> texts_;
  std::array<bool, 256> begins_{};
};
template <typename... Texts>
Keys(Texts...) -> Keys<sizeof...(Texts)>;

[[noreturn]] void throw_wrong_type(Value& value, const Path& at, std::string_view expected,
                                   std::string_view remedy);
[[noreturn]] void throw_given_twice(const Path& at);
[[noreturn]] void throw_missing(const Path& at, std::string_view needed_by);

/// Views stay valid until the parser reads its next document.
[[nodiscard]] std::string_view text_of(Value& value, const Path& at);
[[nodiscard]] bool bool_of(Value& value, const Path& at);
[[nodiscard]] std::int64_t integer_of(Value& value, const Path& at);
[[nodiscard]] simdjson::ondemand::object object_of(Value& value, const Path& at);
[[nodiscard]] simdjson::ondemand::array array_of(Value& value, const Path& at);

/// The first quote or backslash at or after `text`. simdjson's first stage has seen the closing quote, and
/// the padding lets this look at eight bytes at a time.
[[nodiscard]] const char* find_quote_or_backslash(const char* text);

/// The key without its quotes; unescaped only where it has escapes, which no Kubernetes client writes.
[[nodiscard]] std::string_view key_of(simdjson::ondemand::field& field);

/// The field or item inside `result`, without a copy; throws what stopped simdjson.
template <typename T>
[[nodiscard]] T& checked(simdjson::simdjson_result<T>& result) {
  if (result.error() != simdjson::SUCCESS) [[unlikely]] {
    throw simdjson::simdjson_error(result.error());
  }
  T&& inside = std::move(result).value_unsafe();
  return inside;
}

/// Calls `on_entry(key, value, path)` for every entry of a map with keys of the author's own, null ones too.
/// Keys may repeat: a caller that keeps an entry checks for that.
template <typename OnEntry>
void each_entry(Value& value, const Path& at, OnEntry&& on_entry) {
  simdjson::ondemand::object object = object_of(value, at);
  for (auto result : object) {
    simdjson::ondemand::field& field = checked(result);
    const std::string_view key = key_of(field);
    on_entry(key, field.value(), at.child(key));
  }
}

/// Compares in place with each key in turn; the lengths are constants, so this is a few wide loads. `raw` is
/// a key in the body and has the body's padding behind it.
template <const auto& keys, std::size_t... I>
[[nodiscard]] inline std::size_t find_raw(const char* raw, std::index_sequence<I...> /*all*/) {
  std::size_t found = sizeof...(I);
  const auto matches = [raw](std::string_view text) {
    return std::memcmp(raw, text.data(), text.size()) == 0 && raw[text.size()] == '"';
  };
  std::ignore = ((matches(keys.text(I)) ? (found = I, true) : false) || ...);
  return found;
}

template <const auto& keys>
[[nodiscard]] inline std::size_t find_key(simdjson::ondemand::field& field) {
  using KeySet = std::remove_cvref_t<decltype(keys)>;
  const char* const raw = field.key().raw();
  if (!keys.may_begin_with(*raw) && *raw != '\\') {
    return KeySet::kUnknown;
  }
  const std::size_t found = find_raw<keys>(raw, std::make_index_sequence<KeySet::kUnknown>());
  return found != KeySet::kUnknown ? found : keys.find(key_of(field));  // an escaped spelling is the same key
}

struct IgnoreOthers {
  void operator()(Value& /*value*/) const {}
};

/// Calls `on_field(index of the key, value, path)` for each known field that is not null, and
/// `on_other(value)` for the fields with other keys. A known key that comes twice is an error.
template <const auto& keys, typename OnField, typename OnOther = IgnoreOthers>
void each_field(Value& value, const Path& at, OnField&& on_field, OnOther&& on_other = {}) {
  std::uint64_t seen = 0;
  simdjson::ondemand::object object = object_of(value, at);
  for (auto result : object) {
    simdjson::ondemand::field& field = checked(result);
    const std::size_t key = find_key<keys>(field);
    if (key == std::remove_cvref_t<decltype(keys)>::kUnknown) {
      on_other(field.value());
      continue;
    }
    const Path here = at.child(keys.text(key));
    const std::uint64_t bit = std::uint64_t{1} << key;
    if ((seen & bit) != 0) {
      throw_given_twice(here);
    }
    seen |= bit;
    Value& entry = field.value();
    if (!entry.is_null()) {
      on_field(key, entry, here);
    }
  }
}

/// Calls `on_item(value, path)` for each item; a null item is an error, as nothing reads it as absent.
template <typename OnItem>
void each_item(Value& value, const Path& at, OnItem&& on_item) {
  std::size_t index = 0;
  simdjson::ondemand::array array = array_of(value, at);
  for (auto result : array) {
    on_item(checked(result), at.item(index));
    ++index;
  }
}

/// Whether brackets nest deeper than `limit`. No reader recurses by the depth of its input, so this is a
/// promise about what is accepted, not a guard of the stack.
[[nodiscard]] bool nests_deeper_than(std::string_view document, std::size_t limit);

/// Deeper than any Kubernetes object, and simdjson's own bound.
inline constexpr std::size_t kMaxDepth = 1000;

}  // namespace walguard::wire::json
