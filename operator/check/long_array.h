/// JSON around one long array, written as it comes: neither the array nor its text is ever whole in memory.
///
/// Not thread-safe. Failures are the stream's.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

namespace walguard::check {

/// As a report's JSON is written: indented by two. What is no UTF-8 (a file's name) becomes U+FFFD: an answer
/// that does not parse would be worse.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& json);

class LongArray {
 public:
  /// Begins `frame`, which holds an empty array at `key`: the first of this name. `depth`: how many brackets
  /// stand around the elements. `out` outlives this.
  LongArray(const nlohmann::ordered_json& frame, const std::string& key, int depth, std::ostream& out);
  void add(const nlohmann::ordered_json& element);
  /// Writes the rest of the frame.
  void end();

 private:
  std::ostream& out_;
  std::string indent_;
  std::string rest_;
  bool empty_ = true;
};

}  // namespace walguard::check
