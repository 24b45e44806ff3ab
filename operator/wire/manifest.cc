#include "operator/wire/manifest.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <simdjson.h>
#include <tl/expected.hpp>

#include "operator/core/cluster_objects.h"
#include "operator/core/config_maps.h"
#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/kube_kinds.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {
namespace {

/// More than a file of 32 MiB holds of real ones.
constexpr std::size_t kMostObjects = 100'000;
/// Each costs a search for its line.
constexpr int kMostErrorsInAList = 100;

using json::Keys;
using json::Path;
using json::Value;

/// In JSON as `yaml_to_json` writes it; inside of a string the quotes would be escaped.
constexpr std::string_view kContainers = R"("containers":[)";

/// What an object says of itself; copies, as they outlive the pass that reads them.
struct Header {
  std::string api_version;
  std::string kind;
  std::string name;
  bool has_items = false;
};

std::string read_name(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name"};
  std::string name;
  json::each_field<kKeys>(
      value, at, [&](std::size_t, Value& field, const Path& here) { name = json::text_of(field, here); });
  return name;
}

Header read_header(Value& value, const Path& at) {
  static constexpr Keys kKeys{"apiVersion", "kind", "metadata", "items"};
  Header header;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["apiVersion"]:
        header.api_version = json::text_of(field, here);
        break;
      case kKeys["kind"]:
        header.kind = json::text_of(field, here);
        break;
      case kKeys["metadata"]:
        header.name = read_name(field, here);
        break;
      case kKeys["items"]:
        header.has_items = true;
        break;
      default:
        break;
    }
  });
  return header;
}

bool is_config_map(const Header& header) { return header.api_version == "v1" && header.kind == "ConfigMap"; }

void read_config_map_metadata(Value& value, const Path& at, core::ConfigMap& config_map) {
  static constexpr Keys kKeys{"name", "namespace"};
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    (key == kKeys["name"] ? config_map.name : config_map.namespace_name) = json::text_of(field, here);
  });
}

/// Only texts of a length that a variable may have: whole files are ConfigMaps too.
core::ConfigMap read_config_map(Value& value, const Path& at) {
  static constexpr Keys kKeys{"metadata", "data"};
  constexpr std::size_t kLongestValue = 16384;
  core::ConfigMap config_map;
  config_map.namespace_name = "default";
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      read_config_map_metadata(field, here, config_map);
      return;
    }
    json::each_entry(field, here, [&](std::string_view name, Value& entry, const Path& entry_at) {
      if (entry.type() != simdjson::ondemand::json_type::string) return;
      std::string owned(name);  // an escaped key lives in the buffer that the value is read into
      const std::string_view text = json::text_of(entry, entry_at);
      if (text.size() <= kLongestValue) config_map.data.insert_or_assign(std::move(owned), text);
    });
  });
  return config_map;
}

/// JSON pointer of the pod spec in an object of this kind.
std::string pod_spec_pointer(const core::ClusterObject& object) {
  if (std::holds_alternative<core::RunningPod>(object)) return "/spec";
  const bool cron_job = std::get<core::Workload>(object).kind == core::WorkloadKind::kCronJob;
  return cron_job ? "/spec/jobTemplate/spec/template/spec" : "/spec/template/spec";
}

bool makes_pods(const core::ClusterObject& object) {
  return std::holds_alternative<core::RunningPod>(object) || std::holds_alternative<core::Workload>(object);
}

/// Reads one file's documents. An object is read twice: for its kind, then by its kind's reader.
class ManifestReader {
 public:
  ManifestReader(Manifest& manifest, std::string_view file) : manifest_(manifest), file_(file) {}

  void read(const JsonDocument& document, int number) {
    document_ = &document;
    number_ = number;
    object_.clear();
    (void)noting_errors(document.line, [&] { read_document(); });
  }

 private:
  /// False: what `read` threw, as json_reader.h says, is among the errors now. `line`: where no other is
  /// known.
  template <typename Read>
  bool noting_errors(int line, Read&& read) {
    LoadError error;
    try {
      read();
      return true;
    } catch (const json::ReadError& thrown) {
      error.line = line_of_pointer(*document_, thrown.pointer());
      error.message = thrown.what();
    } catch (const simdjson::simdjson_error& thrown) {
      error.line = line;
      error.message = std::string("cannot be read: ").append(thrown.what());
    }
    error.file = file_;
    error.document = number_;
    error.object = object_;
    manifest_.errors.push_back(std::move(error));
    return false;
  }

  void read_document() {
    const simdjson::padded_string text(document_->json);
    const Path root;
    Header header;
    with_root(document_parser_, text, [&](Value& value) { header = read_header(value, root); });
    note(header);
    if (header.kind.empty() && header.api_version.empty()) {
      manifest_.others.push_back({number_, *document_, "kind: missing; a Kubernetes object needs it"});
      return;
    }
    need_kind(header, root);
    if (header.kind.ends_with("List") && header.has_items) {
      with_root(document_parser_, text, [&](Value& value) { read_list(value, root, header, text.data()); });
      return;
    }
    need_room(root);
    read_object(document_parser_, text, root, header, 0);
  }

  template <typename Read>
  static void with_root(simdjson::ondemand::parser& parser, simdjson::padded_string_view text, Read&& read) {
    simdjson::ondemand::document document = parser.iterate(text);
    if (document.type() != simdjson::ondemand::json_type::object) {
      throw json::ReadError(Path(), "expected an object, found something else; write its fields by name");
    }
    Value root = document.get_value();
    read(root);
  }

  static void need_kind(const Header& header, const Path& at) {
    if (header.kind.empty()) json::throw_missing(at.child("kind"), "a Kubernetes object");
  }

  void need_room(const Path& at) const {
    if (manifest_.objects.size() < kMostObjects) return;
    throw json::ReadError(at, "more than 100,000 objects in one file; split it");
  }

  /// An item that cannot be read does not hide those behind it.
  void read_list(Value& list, const Path& at, const Header& list_header, const char* begin) {
    static constexpr Keys kKeys{"items"};
    int errors = 0;
    json::each_field<kKeys>(list, at, [&](std::size_t, Value& items, const Path& items_at) {
      json::each_item(items, items_at, [&](Value& item, const Path& here) {
        note(list_header);
        need_room(here);
        if (errors == kMostErrorsInAList) {
          throw json::ReadError(here, "a hundred items of this list cannot be read; the rest is left out");
        }
        const auto offset = static_cast<std::size_t>(item.raw_json_token().data() - begin);
        const bool read = noting_errors(document_->line_at(offset), [&] {
          const std::string_view raw = json::object_of(item, here).raw_json();
          read_item(raw, here, list_header, offset);
        });
        if (!read) ++errors;
      });
    });
    note(list_header);
  }

  /// Items get a parser of their own: On-Demand reads a value once, and the kind may come last.
  void read_item(std::string_view raw, const Path& at, const Header& list, std::size_t offset) {
    const simdjson::padded_string text(raw);
    Header header;
    with_root(item_parser_, text, [&](Value& value) { header = read_header(value, at); });
    if (header.kind.empty()) {  // PodList and its like do not repeat the kind
      header.kind = list.kind.substr(0, list.kind.size() - std::string_view("List").size());
      header.api_version = list.api_version;
    }
    note(header);
    need_kind(header, at);
    if (header.kind.ends_with("List") && header.has_items) {
      throw json::ReadError(at, "a list inside of a list, which is not looked into; write its items out");
    }
    read_object(item_parser_, text, at, header, offset);
  }

  /// `offset`: of `text` in the document.
  void read_object(simdjson::ondemand::parser& parser, const simdjson::padded_string& text, const Path& at,
                   Header& header, std::size_t offset) {
    ManifestObject found;
    found.line = document_->line_at(offset);
    if (const KindReader reader = find_kind_reader(header.api_version, header.kind); reader != nullptr) {
      with_root(parser, text, [&](Value& value) { found.object = reader(value, at); });
    } else if (is_config_map(header)) {
      with_root(parser, text, [&](Value& value) { found.config_map = read_config_map(value, at); });
    } else {
      found.unread_containers = std::string_view(text).find(kContainers) != std::string_view::npos;
    }
    if (found.object && makes_pods(*found.object)) {
      find_volume_lines(parser, text, pod_spec_pointer(*found.object) + "/volumes", "", offset, found);
      find_volume_lines(parser, text, "/spec/volumeClaimTemplates", "metadata", offset, found);
    }
    found.api_version = std::move(header.api_version);
    found.kind = std::move(header.kind);
    found.name = std::move(header.name);
    manifest_.objects.push_back(std::move(found));
  }

  /// Of the list at `pointer`, if there is one. `around`: the field that holds the name of each item.
  void find_volume_lines(simdjson::ondemand::parser& parser, const simdjson::padded_string& text,
                         const std::string& pointer, std::string_view around, std::size_t offset,
                         ManifestObject& found) const {
    simdjson::ondemand::document document = parser.iterate(text);
    simdjson::ondemand::array list;
    if (document.at_pointer(pointer).get_array().get(list) != simdjson::SUCCESS) return;
    for (auto entry : list) {
      Value item = entry.value();
      const auto place = static_cast<std::size_t>(item.raw_json_token().data() - text.data());
      std::string_view name;
      const bool named = around.empty() ? item["name"].get(name) == simdjson::SUCCESS
                                        : item[around]["name"].get(name) == simdjson::SUCCESS;
      if (named) found.volume_lines.push_back({std::string(name), document_->line_at(offset + place)});
    }
  }

  void note(const Header& header) {
    object_ = header.kind;
    if (!header.name.empty()) {
      object_ += " \"" + header.name + "\"";
    }
  }

  Manifest& manifest_;
  std::string_view file_;
  const JsonDocument* document_ = nullptr;
  int number_ = 0;  // of the document
  std::string object_;
  simdjson::ondemand::parser document_parser_;
  simdjson::ondemand::parser item_parser_;
};

constexpr const char* kNoMapping = "expected an object, found something else; write its fields by name";

bool is_mapping(const JsonDocument& document) { return document.json.starts_with('{'); }

}  // namespace

std::string LoadError::text() const {
  std::string out = file;
  if (line > 0) {
    out += ":" + std::to_string(line);
  }
  out += ": ";
  if (document > 1) {
    out += "document " + std::to_string(document) + ": ";
  }
  if (!object.empty()) {
    out += object + ": ";
  }
  return out += message;
}

Manifest read_manifest(std::string_view text, std::string_view file) {
  Manifest manifest;
  tl::expected<std::vector<JsonDocument>, YamlError> documents = yaml_to_json(text, YamlLimits());
  if (!documents) {
    LoadError error;
    error.file = file;
    error.line = documents.error().line;
    error.message = documents.error().message;
    manifest.errors.push_back(std::move(error));
    return manifest;
  }
  ManifestReader reader(manifest, file);
  int number = 0;
  for (const JsonDocument& document : *documents) {
    ++number;
    if (is_mapping(document)) {
      reader.read(document, number);
    } else {
      manifest.others.push_back({number, document, kNoMapping});
    }
  }
  return manifest;
}

}  // namespace walguard::wire
