#include "operator/wire/strict_json.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;
using json::Path;
using json::ReadError;

/// Whether a key may be repeated to people: the name of a field, no text of somebody's own.
bool can_be_shown(std::string_view key) {
  constexpr std::size_t kLongestField = 40;
  return !key.empty() && key.size() <= kLongestField && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string shown(std::string_view key) {
  return can_be_shown(key) ? "the key \"" + std::string(key) + "\"" : "a key";
}

/// Collects the keys of each object that is open while parsing.
class KeyWatch {
 public:
  bool operator()(int /*depth*/, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_.emplace_back();
    if (event == Json::parse_event_t::object_end && !open_.empty()) open_.pop_back();
    if (event == Json::parse_event_t::key && !open_.empty() && !twice_) {
      std::string key = parsed.get<std::string>();
      if (!open_.back().insert(key).second) twice_ = std::move(key);
    }
    return true;
  }
  [[nodiscard]] const std::optional<std::string>& twice() const { return twice_; }

 private:
  std::vector<std::set<std::string>> open_;
  std::optional<std::string> twice_;
};

[[noreturn]] void throw_wrong_type(const Json& value, const Path& at, std::string_view expected) {
  throw ReadError(at, std::string("expected ").append(expected).append(", found ").append(value.type_name()));
}

}  // namespace

Json parse_strictly(std::string_view bytes) {
  const Path root;
  if (json::nests_deeper_than(bytes, json::kMaxDepth)) {
    throw ReadError(root, "the JSON is nested deeper than " + std::to_string(json::kMaxDepth) + " levels");
  }
  KeyWatch watch;
  Json value = Json::parse(bytes, std::ref(watch), /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    throw ReadError(root, "it is not one JSON value in UTF-8; send one object and nothing behind it");
  }
  if (const auto& twice = watch.twice()) {
    throw ReadError(root, shown(*twice) + " stands twice in one object; write it once");
  }
  return value;
}

std::string folded_as_go_does(std::string_view key) {
  constexpr std::string_view kLongS = "\xC5\xBF";
  constexpr std::string_view kKelvin = "\xE2\x84\xAA";
  std::string out;
  while (!key.empty()) {
    if (key.starts_with(kLongS)) {
      out += 's';
      key.remove_prefix(kLongS.size());
    } else if (key.starts_with(kKelvin)) {
      out += 'k';
      key.remove_prefix(kKelvin.size());
    } else {
      const char c = key.front();
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      key.remove_prefix(1);
    }
  }
  return out;
}

bool says_nothing(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.empty();
}

std::string strict_text(const Json& value, const Path& at) {
  if (!value.is_string()) throw_wrong_type(value, at, "a string");
  auto text = value.get<std::string>();
  // The kernel's interfaces would end the text there.
  if (text.find('\0') != std::string::npos) throw ReadError(at, "holds a zero byte; leave it out");
  return text;
}

StrictObject::StrictObject(const Json& object, const Path& at, std::initializer_list<std::string_view> keys)
    : object_(object), at_(at), keys_(keys) {
  if (!object.is_object()) throw_wrong_type(object, at, "an object");
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(keys_, key) != keys_.end()) continue;
    const std::string folded = folded_as_go_does(key);
    const auto meant = std::ranges::find_if(
        keys_, [&](std::string_view known) { return folded_as_go_does(known) == folded; });
    if (meant == keys_.end()) continue;
    throw ReadError(at.child(*meant),
                    "the key is written in another case, which engines read as well; write it \"" +
                        std::string(*meant) + "\"");
  }
}

const Json* StrictObject::find(std::string_view key) const {
  const auto found = object_.find(std::string(key));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string StrictObject::text(std::string_view key) const {
  const Json* const value = find(key);
  return value == nullptr ? std::string() : strict_text(*value, at_.child(key));
}

bool StrictObject::flag(std::string_view key) const {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) throw_wrong_type(*value, at_.child(key), "true or false");
  return value->get<bool>();
}

std::optional<std::int64_t> StrictObject::integer(std::string_view key) const {
  const Json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) throw_wrong_type(*value, at_.child(key), "a whole number");
  return value->get<std::int64_t>();
}

void StrictObject::each_item(std::string_view key,
                             const std::function<void(const Json&, const Path&)>& on_item) const {
  const Json* const value = find(key);
  if (value == nullptr) return;
  const Path here = at_.child(key);
  if (!value->is_array()) throw_wrong_type(*value, here, "a list");
  std::size_t index = 0;
  for (const Json& item : *value) on_item(item, here.item(index++));
}

void StrictObject::inside(std::string_view key,
                          const std::function<void(const Json&, const Path&)>& on_object) const {
  const Json* const value = find(key);
  if (value == nullptr) return;
  const Path here = at_.child(key);
  if (!value->is_object()) throw_wrong_type(*value, here, "an object");
  on_object(*value, here);
}

std::vector<std::string> StrictObject::texts(std::string_view key) const {
  std::vector<std::string> all;
  each_item(key, [&](const Json& item, const Path& here) { all.push_back(strict_text(item, here)); });
  return all;
}

core::StringMap StrictObject::text_map(std::string_view key) const {
  core::StringMap all;
  inside(key, [&](const Json& map, const Path& here) {
    for (const auto& [name, value] : map.items()) {
      const bool plain = can_be_shown(name);
      all.emplace(name, strict_text(value, plain ? here.child(name) : here));
    }
  });
  return all;
}

void StrictObject::refuse_others() const {
  for (const auto& [key, value] : object_.items()) {
    if (says_nothing(value) || std::ranges::find(keys_, key) != keys_.end()) continue;
    throw ReadError(at_, shown(key) + " is not known to walguard here; leave it out, or upgrade walguard");
  }
}

}  // namespace walguard::wire
