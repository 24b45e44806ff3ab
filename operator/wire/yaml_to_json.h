/// Turns YAML into JSON, so that one reader serves both and cannot drift from itself.
///
/// Plain words mean what they mean to kubectl (YAML 1.1: `yes`, `on` and 010 are no text), quoted ones are
/// text. Refused, with the line: duplicate keys, keys that are no words, tags of the author's own, control
/// characters, nesting beyond 100 levels. Aliases and merge keys (<<) are written out, up to a size, so a
/// file of a few lines cannot fill the memory.
///
/// Internal to `wire`; pure, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace walguard::wire {

struct YamlLimits {
  std::size_t max_bytes = std::size_t{32} << 20U;     ///< of the file
  std::size_t max_expanded = std::size_t{64} << 20U;  ///< of its JSON, every alias written out
  std::size_t max_depth = 100;
  std::size_t max_documents = 100'000;
};

struct JsonDocument {
  std::string json;
  int line = 1;  ///< where the document begins, counted from 1
  /// Where each value begins: its place in `json` and its line. Ordered by place.
  std::vector<std::pair<std::size_t, int>> lines;

  [[nodiscard]] int line_at(std::size_t offset) const;
};

/// The line of the field that `pointer` (RFC 6901) names, or of the nearest one around it that is there.
[[nodiscard]] int line_of_pointer(const JsonDocument& document, std::string pointer);

struct YamlError {
  int line = 0;  ///< counted from 1; 0: the file as a whole
  std::string message;
};

/// Every document of `yaml` that is not empty. JSON is YAML too.
[[nodiscard]] tl::expected<std::vector<JsonDocument>, YamlError> yaml_to_json(std::string_view yaml,
                                                                              const YamlLimits& limits);

}  // namespace walguard::wire
