// What an API server, or something in its place, may send: a list, events and a Status, in any bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "operator/kube/api_error.h"
#include "operator/kube/line_splitter.h"
#include "operator/kube/object_reader.h"

using walguard::kube::LineSplitter;
using walguard::kube::ObjectReader;
using walguard::kube::ObjectView;

namespace {

/// Looks at every byte, so that AddressSanitizer sees a view that leads nowhere.
void touch(const ObjectView& object) {
  const std::string copy = std::string(object.meta.namespace_name) + std::string(object.meta.name) +
                           std::string(object.meta.uid) + std::string(object.meta.resource_version) +
                           std::string(object.json);
  if (object.json.empty() || object.json.front() != '{') std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ObjectReader reader;
  std::string page(text);
  if (const auto end = reader.read_list(page, touch); end && end->resource_version.empty()) std::abort();
  if (page != text) std::abort();

  LineSplitter lines(4096);
  const auto on_line = [&reader](std::string_view line) {
    const auto event = reader.read_event(line);
    if (event) touch(event->object);
    return event.has_value();
  };
  for (std::size_t at = 0; at < text.size(); at += 100) {
    if (!lines.add(text.substr(at, 100), on_line)) break;
  }
  static_cast<void>(walguard::kube::parse_status(text).text());
  return 0;
}
