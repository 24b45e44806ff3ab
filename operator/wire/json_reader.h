/// Reads JSON in one forward pass with simdjson On-Demand and says exactly what is wrong with it.
///
/// Internal to `wire`: readers throw `ReadError` or `simdjson::simdjson_error`, and the public functions
/// (`AdmissionReader::decode`, `add_kube_objects`) turn both into values. A value that no reader asks for is
/// skipped: simdjson has checked its UTF-8 and its quotes, the skip counts its brackets, and nothing else of
/// it is looked at.
///
/// `null` means absent everywhere: Go clients write it for empty fields.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include <simdjson.h>

namespace walguard::wire::json {

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
      lengths_ |= std::uint64_t{1} << text.size();  // keys are shorter than 64
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
    if (text.size() >= 64 || ((lengths_ >> text.size()) & 1) == 0) {
      return kUnknown;
    }
    for (std::size_t i = 0; i < N; ++i) {
      if (texts_[i] == text) {
        return i;
      }
    }
    return kUnknown;
  }

  [[nodiscard]] constexpr std::string_view text(std::size_t i) const { return texts_[i]; }

 private:
  std::array<std::string_view, N> texts_;
  std::uint64_t lengths_ = 0;
};
template <typename... Texts>
Keys(Texts...) -> Keys<sizeof...(Texts)>;

[[noreturn]] void throw_wrong_type(Value value, const Path& at, std::string_view expected,
                                   std::string_view remedy);
[[noreturn]] void throw_given_twice(const Path& at);
[[noreturn]] void throw_missing(const Path& at, std::string_view needed_by);

/// Views stay valid until the parser reads its next document.
[[nodiscard]] std::string_view text_of(Value value, const Path& at);
[[nodiscard]] bool bool_of(Value value, const Path& at);
[[nodiscard]] std::int64_t integer_of(Value value, const Path& at);
[[nodiscard]] simdjson::ondemand::object object_of(Value value, const Path& at);
[[nodiscard]] simdjson::ondemand::array array_of(Value value, const Path& at);

/// The key without its quotes; unescaped only where it has escapes, which no Kubernetes client writes.
[[nodiscard]] inline std::string_view key_of(simdjson::ondemand::field& field) {
  const char* const begin = field.key().raw();
  const char* end = begin;
  while (*end != '"' && *end != '\\') {  // the first stage of simdjson has seen the closing quote
    ++end;
  }
  if (*end == '"') [[likely]] {
    return {begin, static_cast<std::size_t>(end - begin)};
  }
  return field.unescaped_key();
}

/// Calls `on_field(key, value, path)` for every field that is not null, in the order of the document. Keys
/// may repeat: a caller that reads a field checks for that.
template <typename OnField>
void each_entry(Value value, const Path& at, OnField&& on_field) {
  for (simdjson::ondemand::field field : object_of(value, at)) {
    const std::string_view key = key_of(field);
    Value entry = field.value();
    if (!entry.is_null()) {
      on_field(key, entry, at.child(key));
    }
  }
}

/// Calls `on_field(index of the key, value, path)` for each known field that is not null. A known key that
/// comes twice is an error.
template <std::size_t N, typename OnField>
void each_field(Value value, const Path& at, const Keys<N>& keys, OnField&& on_field) {
  std::uint64_t seen = 0;
  for (simdjson::ondemand::field field : object_of(value, at)) {
    const std::size_t key = keys.find(key_of(field));
    if (key == Keys<N>::kUnknown) {
      continue;
    }
    const Path here = at.child(keys.text(key));
    const std::uint64_t bit = std::uint64_t{1} << key;
    if ((seen & bit) != 0) {
      throw_given_twice(here);
    }
    seen |= bit;
    Value entry = field.value();
    if (!entry.is_null()) {
      on_field(key, entry, here);
    }
  }
}

/// Calls `on_item(value, path)` for each item; a null item is an error, as nothing reads it as absent.
template <typename OnItem>
void each_item(Value value, const Path& at, OnItem&& on_item) {
  std::size_t index = 0;
  for (const Value item : array_of(value, at)) {
    on_item(item, at.item(index));
    ++index;
  }
}

/// Whether brackets nest deeper than `limit`. No reader recurses by the depth of its input, so this is a
/// promise about what is accepted, not a guard of the stack.
[[nodiscard]] bool nests_deeper_than(std::string_view document, std::size_t limit);

/// Deeper than any Kubernetes object, and simdjson's own bound.
inline constexpr std::size_t kMaxDepth = 1000;

}  // namespace walguard::wire::json
