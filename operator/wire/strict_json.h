/// JSON that another program will read as well, by Go's encoding/json: whatever the two could read
/// differently is refused.
///
/// Internal to `wire`: throws json::ReadError, whose text repeats no values. Pure, thread-safe. For requests
/// of people, not for thousands a second.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

/// One value and nothing behind it, in UTF-8, with no key twice in any object, nested at most json::kMaxDepth
/// deep.
[[nodiscard]] nlohmann::json parse_strictly(std::string_view bytes);

/// As Go's decoder compares keys: ASCII without its case, U+017F as s and U+212A as k.
[[nodiscard]] std::string folded_as_go_does(std::string_view key);

/// What a value must be; throws what it is instead.
[[nodiscard]] std::string strict_text(const nlohmann::json& value, const json::Path& at);

/// An object of which some keys are read. Each of them stands there as it is written in `keys` or not at all:
/// one that Go would take for it is refused. A key whose value is null is absent, as it is to Go.
/// References `object` and `at`.
class StrictObject {
 public:
  StrictObject(const nlohmann::json& object, const json::Path& at,
               std::initializer_list<std::string_view> keys);

  /// nullptr: absent.
  [[nodiscard]] const nlohmann::json* find(std::string_view key) const;

  [[nodiscard]] std::string text(std::string_view key) const;  ///< "" where absent
  [[nodiscard]] bool flag(std::string_view key) const;         ///< false where absent
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] core::StringMap text_map(std::string_view key) const;

  /// Calls `on_item(value, path)` for each item of a list.
  void each_item(std::string_view key,
                 const std::function<void(const nlohmann::json&, const json::Path&)>& on_item) const;
  /// Calls `on_object(value, path)` where the key is there; its value is an object.
  void inside(std::string_view key,
              const std::function<void(const nlohmann::json&, const json::Path&)>& on_object) const;

  /// Refuses every other key that has a value: for objects that are only understood whole.
  void refuse_others() const;

 private:
  const nlohmann::json& object_;
  const json::Path& at_;
  std::vector<std::string_view> keys_;
};

/// false, 0, "", [], {} and null: what says nothing to Go's decoder.
[[nodiscard]] bool says_nothing(const nlohmann::json& value);

}  // namespace walguard::wire
