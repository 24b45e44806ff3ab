/// Lists and watch events as the API server sends them: finds each object and what it says of itself, and
/// hands on its bytes. What stands in the objects is for `wire` to decode.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/kube/line_splitter.h"

namespace walguard::kube {

struct ObjectMeta {
  std::string_view namespace_name;  ///< "" for cluster-scoped objects
  std::string_view name;
  std::string_view uid;
  std::string_view resource_version;  ///< opaque, but for equality
};

/// Views valid until the call that was given them returns.
struct ObjectView {
  ObjectMeta meta;
  std::string_view json;  ///< the whole object; kJsonPadding readable bytes follow
};

struct ListEnd {
  std::string resource_version;
  std::string continue_token;  ///< "" on the last page
};

enum class WatchEventType : std::uint8_t { kAdded, kModified, kDeleted, kBookmark, kError };

struct WatchEvent {
  WatchEventType type = WatchEventType::kBookmark;
  /// kBookmark: only `meta.resource_version` means something. kError: `json` is a Status, `meta` is empty.
  ObjectView object;
};

/// Keeps simdjson's buffers from one document to the next. Used by one thread.
class ObjectReader {
 public:
  ObjectReader();
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;
  ~ObjectReader();

  /// Calls `on_item` for each item of the page, in order. `page` is only lengthened for a moment, by the
  /// padding. An error may come after some items: it is where the JSON is broken.
  [[nodiscard]] tl::expected<ListEnd, std::string> read_list(
      std::string& page, const std::function<void(const ObjectView&)>& on_item);

  /// `line`: kJsonPadding readable bytes follow. The event's views are valid until the next call.
  [[nodiscard]] tl::expected<WatchEvent, std::string> read_event(std::string_view line);

  /// The metadata of one object; the same rules.
  [[nodiscard]] tl::expected<ObjectView, std::string> read_object(std::string_view json);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace walguard::kube
