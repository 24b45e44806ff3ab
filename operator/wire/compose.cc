#include "operator/wire/compose.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>
#include <tl/expected.hpp>

#include "operator/core/mounted_path.h"
#include "operator/core/workload.h"
#include "operator/wire/compose_launch.h"
#include "operator/wire/compose_text.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/labels.h"
#include "operator/wire/manifest.h"
#include "operator/wire/workload_reader.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {
namespace {

using json::Keys;
using json::Path;
using json::Value;
using Kind = ComposeMount::Kind;

bool is_text(Value& value) { return value.type() == simdjson::ondemand::json_type::string; }
bool is_list(Value& value) { return value.type() == simdjson::ondemand::json_type::array; }

Kind kind_of_type(std::string_view type, std::string_view source) {
  if (type == "tmpfs") return Kind::kTmpfs;
  if (source.find('$') != std::string_view::npos) return Kind::kUnknown;
  if (type == "bind") return Kind::kBind;
  return type == "volume" ? Kind::kVolume : Kind::kUnknown;
}

ComposeMount read_long(Value& value, const Path& at) {
  static constexpr Keys kKeys{"type", "source", "target", "read_only", "volume"};
  static constexpr Keys kVolume{"subpath"};
  ComposeMount mount;
  const auto read_text = [&mount](Value& field, const Path& here) {
    Filled filled = fill_in(json::text_of(field, here));
    mount.has_variables = mount.has_variables || filled.has_variables;
    return std::move(filled.text);
  };
  std::string type = "volume";
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["type"]:
        type = read_text(field, here);
        break;
      case kKeys["source"]:
        mount.source = read_text(field, here);
        break;
      case kKeys["target"]:
        mount.target = read_text(field, here);
        break;
      case kKeys["read_only"]:
        mount.read_only = json::bool_of(field, here);
        break;
      default:
        json::each_field<kVolume>(field, here, [&](std::size_t, Value& path, const Path& path_at) {
          mount.sub_path = read_text(path, path_at);
        });
        break;
    }
  });
  mount.kind = kind_of_type(type, mount.source);
  return mount;
}

/// The labels that belong to walguard, of a list or a map of labels.
void read_labels(Value& value, const Path& at, core::Annotations& annotations) {
  AnnotationList list;
  const auto add = [&](std::string_view key, std::string_view text) {
    if (is_walguard_label(key)) list.emplace_back(key, text);
  };
  if (is_list(value)) {
    json::each_item(value, at, [&](Value& item, const Path& here) {
      const std::string_view text = json::text_of(item, here);
      const std::size_t equals = text.find('=');
      add(text.substr(0, equals), equals == std::string_view::npos ? "" : text.substr(equals + 1));
    });
  } else {
    json::each_entry(value, at, [&](std::string_view key, Value& entry, const Path& here) {
      if (!is_walguard_label(key)) return;
      const std::string owned(key);  // an escaped key lives in the buffer that the value is read into
      if (entry.type() == simdjson::ondemand::json_type::boolean) {
        add(owned, json::bool_of(entry, here) ? "true" : "false");
      } else {
        add(owned, json::text_of(entry, here));
      }
    });
  }
  if (const auto name = contradictory_label(list)) {
    throw json::ReadError(at, "walguard." + *name + " stands twice with two values; keep one");
  }
  fill_annotations(annotations, list);
}

ComposeVolumesFrom parse_volumes_from(std::string_view text) {
  const std::size_t colon = text.find(':');
  const bool read_only = colon != std::string_view::npos && text.substr(colon + 1) == "ro";
  return {.service = std::string(text.substr(0, colon)), .read_only = read_only};
}

class ComposeReader {
 public:
  ComposeReader(const JsonDocument& document, const simdjson::padded_string& text)
      : document_(document), text_(text) {}

  ComposeFile read(Value& root) {
    static constexpr Keys kKeys{"services", "volumes", "include", "name"};
    const Path at;
    json::each_field<kKeys>(root, at, [&](std::size_t key, Value& field, const Path& here) {
      if (key == kKeys["include"]) {
        file_.has_parts_elsewhere = true;
        return;
      }
      if (key == kKeys["name"]) {
        file_.project = json::text_of(field, here);
        return;
      }
      const bool services = key == kKeys["services"];
      json::each_entry(field, here, [&](std::string_view entry_name, Value& entry, const Path& entry_at) {
        std::string name(entry_name);
        if (services) {
          read_service(std::move(name), entry, entry_at);
        } else {
          read_volume(std::move(name), entry, entry_at);
        }
      });
    });
    find_outside();
    refuse_too_many(at);
    return std::move(file_);
  }

 private:
  /// A service to take volumes from that is not in the file is as much outside as a container.
  void find_outside() {
    std::set<std::string_view> names;
    for (const ComposeService& service : file_.services) names.insert(service.name);
    for (ComposeService& service : file_.services) {
      const bool all_here = std::ranges::all_of(
          service.volumes_from, [&](const ComposeVolumesFrom& from) { return names.contains(from.service); });
      service.volumes_from_outside = service.volumes_from_outside || !all_here;
    }
  }

  /// Each mount is compared with each: more than any file of people has are not read.
  void refuse_too_many(const Path& at) const {
    constexpr std::size_t kMostServices = 1'000;
    constexpr std::size_t kMostMounts = 2'000;
    const std::size_t services = file_.services.size();
    if (services > kMostServices || count_mounts(kMostMounts) > kMostMounts) {
      throw json::ReadError(at.child("services"), "more than " + std::to_string(kMostServices) +
                                                      " services, or than " + std::to_string(kMostMounts) +
                                                      " mounts with those of volumes_from; split the file");
    }
  }

  /// With those that services take over from others, stopping above `most`.
  [[nodiscard]] std::size_t count_mounts(std::size_t most) const {
    std::map<std::string_view, const ComposeService*> by_name;
    for (const ComposeService& service : file_.services) by_name.emplace(service.name, &service);
    std::size_t count = 0;
    for (const ComposeService& service : file_.services) {
      std::set<const ComposeService*> seen = {&service};
      std::vector<const ComposeService*> open = {&service};
      while (!open.empty() && count <= most) {
        const ComposeService& next = *open.back();
        open.pop_back();
        // A service without mounts is a step as well.
        count += std::max<std::size_t>(next.mounts.size(), 1);
        for (const ComposeVolumesFrom& from : next.volumes_from) {
          const auto found = by_name.find(from.service);
          if (found != by_name.end() && seen.insert(found->second).second) open.push_back(found->second);
        }
      }
    }
    return count;
  }

  [[nodiscard]] int line_of(Value& value) const {
    return document_.line_at(static_cast<std::size_t>(value.raw_json_token().data() - text_.data()));
  }

  void read_service(std::string name, Value& value, const Path& at) {
    static constexpr Keys kKeys{"volumes", "volumes_from", "tmpfs",   "runtime", "deploy",
                                "scale",   "labels",       "extends", "image",   "entrypoint",
                                "command", "environment",  "env_file"};
    ComposeService service;
    service.name = std::move(name);
    service.line = line_of(value);
    if (value.is_null()) return;
    json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
      switch (key) {
        case kKeys["volumes"]:
          read_mounts(field, here, service);
          break;
        case kKeys["volumes_from"]:
          read_volumes_from(field, here, service);
          break;
        case kKeys["tmpfs"]:
          read_tmpfs(field, here, service);
          break;
        case kKeys["runtime"]:
          service.runtime = json::text_of(field, here);
          break;
        case kKeys["deploy"]:
          read_deploy(field, here, service);
          break;
        case kKeys["scale"]:
          service.replicas = json::integer_of(field, here);
          break;
        case kKeys["labels"]:
          read_labels(field, here, service.annotations);
          break;
        case kKeys["image"]:
          if (is_text(field)) service.launch.image = with_defaults(json::text_of(field, here));
          break;
        case kKeys["entrypoint"]:
          service.launch.command = read_compose_command(field, here);
          break;
        case kKeys["command"]:
          service.launch.args = read_compose_command(field, here);
          break;
        case kKeys["environment"]:
          read_compose_environment(field, here, service.launch);
          break;
        case kKeys["env_file"]:
          note_env_file(service.launch);
          break;
        default:
          service.extends_another = true;
          file_.has_parts_elsewhere = true;
          break;
      }
    });
    file_.services.push_back(std::move(service));
  }

  void read_mounts(Value& value, const Path& at, ComposeService& service) const {
    json::each_item(value, at, [&](Value& item, const Path& here) {
      const int line = line_of(item);
      ComposeMount mount =
          is_text(item) ? parse_short_mount(json::text_of(item, here)) : read_long(item, here);
      if (mount.target.empty()) json::throw_missing(here.child("target"), "a mount");
      mount.target = core::normalised_path(mount.target);
      mount.line = line;
      mount.service = service.name;
      service.mounts.push_back(std::move(mount));
    });
  }

  static void read_volumes_from(Value& value, const Path& at, ComposeService& service) {
    json::each_item(value, at, [&](Value& item, const Path& here) {
      const std::string_view text = json::text_of(item, here);
      if (text.starts_with("container:")) {
        service.volumes_from_outside = true;
      } else {
        service.volumes_from.push_back(parse_volumes_from(text));
      }
    });
  }

  void read_tmpfs(Value& value, const Path& at, ComposeService& service) const {
    const auto add = [&](Value& item, const Path& here) {
      const int line = line_of(item);
      const std::string_view text = json::text_of(item, here);  // "/run" or "/run:size=64m"
      service.mounts.push_back({.kind = Kind::kTmpfs,
                                .source = {},
                                .target = core::normalised_path(text.substr(0, text.find(':'))),
                                .sub_path = {},
                                .service = service.name,
                                .line = line});
    };
    if (is_text(value)) {
      add(value, at);
    } else {
      json::each_item(value, at, add);
    }
  }

  static void read_deploy(Value& value, const Path& at, ComposeService& service) {
    static constexpr Keys kKeys{"replicas", "mode"};
    json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
      if (key == kKeys["replicas"]) {
        service.replicas = json::integer_of(field, here);
      } else {
        service.on_every_node = json::text_of(field, here).starts_with("global");
      }
    });
  }

  void read_volume(std::string name, Value& value, const Path& at) {
    static constexpr Keys kKeys{"driver", "driver_opts", "external", "name"};
    ComposeVolume volume;
    volume.name = std::move(name);
    volume.line = line_of(value);
    if (value.is_null()) {
      file_.volumes.push_back(std::move(volume));
      return;
    }
    json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
      switch (key) {
        case kKeys["driver"]:
          volume.driver = read_text(field, here, volume);
          break;
        case kKeys["driver_opts"]:
          read_options(field, here, volume);
          break;
        case kKeys["name"]:
          volume.engines_name = read_text(field, here, volume);
          break;
        default:
          read_external(field, here, volume);
          break;
      }
    });
    file_.volumes.push_back(std::move(volume));
  }

  static std::string read_text(Value& value, const Path& at, ComposeVolume& volume) {
    Filled filled = fill_in(json::text_of(value, at));
    volume.has_variables = volume.has_variables || filled.has_variables;
    return std::move(filled.text);
  }

  /// true, or {name: ...} in older files.
  static void read_external(Value& value, const Path& at, ComposeVolume& volume) {
    static constexpr Keys kKeys{"name"};
    using Type = simdjson::ondemand::json_type;
    const Type type = value.type();
    volume.external = type != Type::boolean || json::bool_of(value, at);
    if (type != Type::object) return;
    json::each_field<kKeys>(value, at, [&](std::size_t, Value& name, const Path& here) {
      volume.engines_name = read_text(name, here, volume);
    });
  }

  /// Numbers among them say nothing that is judged.
  static void read_options(Value& value, const Path& at, ComposeVolume& volume) {
    json::each_entry(value, at, [&](std::string_view key, Value& entry, const Path& here) {
      std::string owned(key);
      if (is_text(entry)) volume.options[std::move(owned)] = read_text(entry, here, volume);
    });
  }

  const JsonDocument& document_;
  const simdjson::padded_string& text_;
  ComposeFile file_;
};

}  // namespace

bool is_compose(const OtherDocument& document) {
  const simdjson::padded_string text(document.content.json);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document root;
  simdjson::ondemand::object services;
  return parser.iterate(text).get(root) == simdjson::SUCCESS &&
         root["services"].get_object().get(services) == simdjson::SUCCESS;
}

tl::expected<ComposeFile, LoadError> read_compose(const OtherDocument& document, std::string_view file) {
  LoadError problem;
  problem.file = file;
  problem.document = document.number;
  const simdjson::padded_string text(document.content.json);
  simdjson::ondemand::parser parser;
  try {
    simdjson::ondemand::document root = parser.iterate(text);
    Value value = root.get_value();
    return ComposeReader(document.content, text).read(value);
  } catch (const json::ReadError& error) {
    problem.line = line_of_pointer(document.content, error.pointer());
    problem.message = error.what();
  } catch (const simdjson::simdjson_error& error) {
    problem.line = document.content.line;
    problem.message = std::string("cannot be read: ").append(error.what());
  }
  return tl::unexpected(std::move(problem));
}

}  // namespace walguard::wire
