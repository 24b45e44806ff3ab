#include "operator/wire/compose_launch.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "operator/core/start_command.h"
#include "operator/core/workload.h"
#include "operator/wire/compose_text.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {
namespace {

using json::Path;
using json::Value;
using Type = simdjson::ondemand::json_type;

bool is_text(Value& value) { return value.type() == Type::string; }
bool is_list(Value& value) { return value.type() == Type::array; }

core::EnvironmentVariable variable_of(std::string_view name, std::string_view value) {
  core::EnvironmentVariable variable;
  variable.name = name;
  Filled filled = fill_in(value);
  variable.in_view = filled.is_complete;
  if (variable.in_view) variable.value = std::move(filled.text);
  return variable;
}

/// One that is only named comes from the shell that starts it all.
core::EnvironmentVariable variable_from_outside(std::string_view name) {
  core::EnvironmentVariable variable;
  variable.name = name;
  variable.in_view = false;
  return variable;
}

}  // namespace

void read_compose_environment(Value& value, const Path& at, core::Launch& launch) {
  if (is_list(value)) {
    json::each_item(value, at, [&](Value& item, const Path& here) {
      if (!is_text(item)) return;
      const std::string_view text = json::text_of(item, here);
      const std::size_t equals = text.find('=');
      launch.environment.push_back(equals == std::string_view::npos
                                       ? variable_from_outside(text)
                                       : variable_of(text.substr(0, equals), text.substr(equals + 1)));
    });
    return;
  }
  json::each_entry(value, at, [&](std::string_view key, Value& entry, const Path& here) {
    const std::string name(key);  // an escaped key lives in the buffer that the value is read into
    const Type type = entry.type();
    if (type == Type::string) {
      launch.environment.push_back(variable_of(name, json::text_of(entry, here)));
    } else if (type == Type::number || type == Type::boolean) {
      const std::string_view token = entry.raw_json_token();
      launch.environment.push_back(variable_of(name, token.substr(0, token.find_last_not_of(" \n") + 1)));
    } else {
      launch.environment.push_back(variable_from_outside(name));
    }
  });
}

void note_env_file(core::Launch& launch) {
  core::EnvironmentVariable source = variable_from_outside("");
  source.is_source = true;
  launch.environment.push_back(std::move(source));
}

std::vector<std::string> read_compose_command(Value& value, const Path& at) {
  if (is_text(value)) return core::split_words(with_defaults(json::text_of(value, at)));
  std::vector<std::string> words;
  if (!is_list(value)) return words;
  json::each_item(value, at, [&](Value& item, const Path& here) {
    if (is_text(item)) words.push_back(with_defaults(json::text_of(item, here)));
  });
  return words;
}

}  // namespace walguard::wire
