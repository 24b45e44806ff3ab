#include "operator/kube/object_reader.h"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <simdjson.h>
#include <tl/expected.hpp>

#include "operator/kube/line_splitter.h"

namespace walguard::kube {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

/// "" for null.
std::string_view text_of(ondemand::value value) {
  if (value.is_null()) return {};
  return value.get_string();
}

ObjectMeta read_meta(ondemand::object metadata) {
  ObjectMeta meta;
  for (ondemand::field field : metadata) {
    const std::string_view key = field.unescaped_key();
    if (key == "namespace") meta.namespace_name = text_of(field.value());
    if (key == "name") meta.name = text_of(field.value());
    if (key == "uid") meta.uid = text_of(field.value());
    if (key == "resourceVersion") meta.resource_version = text_of(field.value());
  }
  return meta;
}

/// One pass: the metadata is read on the way to the object's end.
ObjectView read_view(ondemand::object object) {
  ObjectView view;
  view.meta = read_meta(object["metadata"].get_object());
  view.json = object.raw_json();
  return view;
}

void read_items(ondemand::value items, const std::function<void(const ObjectView&)>& on_item) {
  if (items.is_null()) return;  // Go's way to write an empty list
  for (ondemand::value item : items.get_array()) on_item(read_view(item.get_object()));
}

ListEnd read_list_meta(ondemand::object metadata) {
  ListEnd end;
  for (ondemand::field field : metadata) {
    const std::string_view key = field.unescaped_key();
    if (key == "resourceVersion") end.resource_version = text_of(field.value());
    if (key == "continue") end.continue_token = text_of(field.value());
  }
  return end;
}

tl::expected<WatchEventType, std::string> type_of(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, WatchEventType>, 5> kTypes = {
      {{"ADDED", WatchEventType::kAdded},
       {"MODIFIED", WatchEventType::kModified},
       {"DELETED", WatchEventType::kDeleted},
       {"BOOKMARK", WatchEventType::kBookmark},
       {"ERROR", WatchEventType::kError}}};
  for (const auto& [name, type] : kTypes) {
    if (name == text) return type;
  }
  return tl::unexpected("an event of unknown type \"" + std::string(text.substr(0, 40)) + "\"");
}

std::string message_of(const simdjson::simdjson_error& error) {
  return std::string("what the server sent cannot be read: ") + error.what();
}

}  // namespace

class ObjectReader::Impl {
 public:
  ondemand::document open(std::string_view json) {
    return parser_.iterate(simdjson::padded_string_view(json, json.size() + kJsonPadding));
  }

 private:
  ondemand::parser parser_;
};

ObjectReader::ObjectReader() : impl_(std::make_unique<Impl>()) {}
ObjectReader::~ObjectReader() = default;

tl::expected<ListEnd, std::string> ObjectReader::read_list(
    std::string& page, const std::function<void(const ObjectView&)>& on_item) {
  const std::size_t size = page.size();
  page.append(kJsonPadding, '\0');
  try {
    ondemand::document document = impl_->open(std::string_view(page).substr(0, size));
    ListEnd end;
    bool has_items = false;
    for (ondemand::field field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "metadata") end = read_list_meta(field.value().get_object());
      if (key != "items") continue;
      has_items = true;
      read_items(field.value(), on_item);
    }
    page.resize(size);
    if (!has_items) return tl::unexpected(std::string("the answer is no list: it has no items"));
    if (end.resource_version.empty()) {
      return tl::unexpected(std::string("the list has no metadata.resourceVersion"));
    }
    return end;
  } catch (const simdjson::simdjson_error& error) {
    page.resize(size);
    return tl::unexpected(message_of(error));
  }
}

tl::expected<WatchEvent, std::string> ObjectReader::read_event(std::string_view line) {
  try {
    ondemand::document document = impl_->open(line);
    const auto type = type_of(document["type"].get_string());
    if (!type) return tl::unexpected(type.error());
    ondemand::object object = document["object"].get_object();
    if (*type == WatchEventType::kError) return WatchEvent{*type, {{}, object.raw_json()}};
    return WatchEvent{*type, read_view(object)};
  } catch (const simdjson::simdjson_error& error) {
    return tl::unexpected(message_of(error));
  }
}

tl::expected<ObjectView, std::string> ObjectReader::read_object(std::string_view json) {
  try {
    ondemand::document document = impl_->open(json);
    return read_view(document.get_object());
  } catch (const simdjson::simdjson_error& error) {
    return tl::unexpected(message_of(error));
  }
}

}  // namespace walguard::kube
