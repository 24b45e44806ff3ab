#include "operator/wire/lenient_json.h"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

using Json = nlohmann::json;

Json parse_leniently(std::string_view text) {
  if (json::nests_deeper_than(text, json::kMaxDepth)) return {Json::value_t::discarded};
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

const Json& value_in(const Json& object, std::string_view key) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(std::string(key));
  return found != object.end() ? *found : kNone;
}

std::string text_in(const Json& object, std::string_view key) {
  const Json& value = value_in(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag_in(const Json& object, std::string_view key) {
  const Json& value = value_in(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::vector<std::string> texts_in(const Json& object, std::string_view key) {
  const Json& value = value_in(object, key);
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> all;
  if (!value.is_array()) return all;
  for (const Json& item : value) {
    if (item.is_string()) all.push_back(item.get<std::string>());
  }
  return all;
}

core::StringMap text_map_in(const Json& object, std::string_view key) {
  core::StringMap all;
  const Json& map = value_in(object, key);
  if (!map.is_object()) return all;
  for (const auto& [name, value] : map.items()) {
    if (value.is_string()) all.emplace(name, value.get<std::string>());
  }
  return all;
}

}  // namespace walguard::wire
