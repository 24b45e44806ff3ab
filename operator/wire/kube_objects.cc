#include "operator/wire/kube_objects.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>
#include <tl/expected.hpp>

#include "operator/core/cluster_state.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/kube_kinds.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {
namespace {

using json::Keys;
using json::Path;
using json::Value;

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

/// Reads one file's documents into a state. An object is read twice: for its kind, then by its kind's reader.
class Loader {
 public:
  explicit Loader(core::ClusterState& state) : state_(state) {}

  /// Throws as json_reader.h says; `object()` then tells which object it was.
  void load(const JsonDocument& document) {
    const simdjson::padded_string text(document.json);
    const Path root;
    Header header;
    with_root(document_parser_, text, [&](Value& value) { header = read_header(value, root); });
    note(header);
    if (header.kind.empty()) {
      json::throw_missing(root.child("kind"), "a Kubernetes object");
    }
    if (header.kind.ends_with("List") && header.has_items) {
      with_root(document_parser_, text, [&](Value& value) { load_list(value, root, header); });
      return;
    }
    with_root(document_parser_, text, [&](Value& value) { load_object(value, root, header); });
  }

  [[nodiscard]] const LoadCounts& counts() const { return counts_; }
  [[nodiscard]] const std::string& object() const { return object_; }

 private:
  template <typename Read>
  static void with_root(simdjson::ondemand::parser& parser, simdjson::padded_string_view text, Read&& read) {
    simdjson::ondemand::document document = parser.iterate(text);
    if (document.type() != simdjson::ondemand::json_type::object) {
      throw json::ReadError(Path(), "expected an object, found something else; write its fields by name");
    }
    Value root = document.get_value();
    read(root);
  }

  void load_list(Value& list, const Path& at, const Header& list_header) {
    static constexpr Keys kKeys{"items"};
    json::each_field<kKeys>(list, at, [&](std::size_t, Value& items, const Path& items_at) {
      json::each_item(items, items_at, [&](Value& item, const Path& here) {
        load_item(json::object_of(item, here).raw_json(), here, list_header);
      });
    });
  }

  /// Items get a parser of their own: On-Demand reads a value once, and the kind may come last.
  void load_item(std::string_view raw, const Path& at, const Header& list) {
    const simdjson::padded_string text(raw);
    Header header;
    with_root(item_parser_, text, [&](Value& value) { header = read_header(value, at); });
    if (header.kind.empty()) {  // PodList and its like do not repeat the kind
      header.kind = list.kind.substr(0, list.kind.size() - std::string_view("List").size());
      header.api_version = list.api_version;
    }
    note(header);
    if (header.kind.empty()) {
      json::throw_missing(at.child("kind"), "a Kubernetes object");
    }
    with_root(item_parser_, text, [&](Value& value) { load_object(value, at, header); });
  }

  void load_object(Value& value, const Path& at, const Header& header) {
    const KindReader reader = find_kind_reader(header.api_version, header.kind);
    auto object = reader != nullptr ? reader(value, at) : std::nullopt;
    ++(object ? counts_.added : counts_.ignored);
    if (object) {
      state_.add(*std::move(object));
    }
  }

  void note(const Header& header) {
    object_ = header.kind;
    if (!header.name.empty()) {
      object_ += " \"" + header.name + "\"";
    }
  }

  core::ClusterState& state_;
  LoadCounts counts_;
  std::string object_;
  simdjson::ondemand::parser document_parser_;
  simdjson::ondemand::parser item_parser_;
};

/// The line of the field that `pointer` names, or of the nearest one around it that exists.
int line_of(const JsonDocument& document, std::string pointer) {
  const simdjson::padded_string text(document.json);
  simdjson::ondemand::parser parser;
  for (; !pointer.empty(); pointer.erase(pointer.rfind('/'))) {
    simdjson::ondemand::document root;
    Value value;
    if (parser.iterate(text).get(root) == simdjson::SUCCESS &&
        root.at_pointer(pointer).get(value) == simdjson::SUCCESS) {
      return document.line_at(static_cast<std::size_t>(value.raw_json_token().data() - text.data()));
    }
  }
  return document.line;
}

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

tl::expected<LoadCounts, LoadError> add_kube_objects(std::string_view yaml, std::string_view file,
                                                     core::ClusterState& state) {
  LoadError problem;
  problem.file = file;
  tl::expected<std::vector<JsonDocument>, YamlError> documents = yaml_to_json(yaml, YamlLimits());
  if (!documents) {
    problem.line = documents.error().line;
    problem.message = documents.error().message;
    return tl::unexpected(std::move(problem));
  }
  Loader loader(state);
  for (const JsonDocument& document : *documents) {
    ++problem.document;
    try {
      loader.load(document);
      continue;
    } catch (const json::ReadError& error) {
      problem.line = line_of(document, error.pointer());
      problem.message = error.what();
    } catch (const simdjson::simdjson_error& error) {
      problem.line = document.line;
      problem.message = std::string("cannot be read: ").append(error.what());
    }
    problem.object = loader.object();
    return tl::unexpected(std::move(problem));
  }
  return loader.counts();
}

}  // namespace walguard::wire
