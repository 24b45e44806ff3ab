/// YAML values that know where they stand, so that every error names file, line and field.
///
/// yaml-cpp alone is lenient: it lets unknown and doubled keys pass and turns nearly anything into text.
/// Facts that decide over data are read more strictly. Errors leave as DataError, which stays inside this
/// folder.
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "operator/core/verdict.h"

namespace walguard::knowledge {

/// `what()` is a whole line for people.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Value {
 public:
  /// `file` must outlive the value. `path`: "drivers[3].variants[0]".
  Value(const YAML::Node& node, std::string_view file, std::string path)
      : node_(node), file_(file), path_(std::move(path)) {}

  /// Text that is not empty.
  [[nodiscard]] std::string text() const;
  /// `true` or `false`, nothing else.
  [[nodiscard]] bool flag() const;
  /// A list that is not empty.
  [[nodiscard]] std::vector<Value> items() const;
  /// A list of texts that is not empty.
  [[nodiscard]] std::vector<std::string> texts() const;

  /// The value's text as part of a message, in quotes.
  [[nodiscard]] std::string quoted() const;
  /// `problem` ends with what to do: "is not a transport; use one of ...".
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  friend class Object;
  YAML::Node node_;
  std::string_view file_;
  std::string path_;
};

/// A map whose keys are all among `known`, none of them twice.
class Object {
 public:
  Object(const Value& value, std::initializer_list<std::string_view> known);

  [[nodiscard]] Value required(std::string_view key) const;
  [[nodiscard]] std::optional<Value> optional(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return optional(key).has_value(); }
  /// false when it is not there.
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] const Value& value() const { return value_; }

 private:
  Value value_;
  std::vector<std::pair<std::string, Value>> entries_;
};

/// The entries of the list `key`, the only key of the document.
[[nodiscard]] std::vector<Value> read_entries(std::string_view yaml, std::string_view file,
                                              std::string_view key);

/// `unknown` is nullopt: said on purpose, as a missing transport could be one forgotten.
[[nodiscard]] std::optional<core::Transport> read_transport(const Value& value);

/// Remembers the texts of a file's values and refuses the second of the same.
class Unique {
 public:
  /// `what`: "driver", for the message.
  explicit Unique(std::string what) : what_(std::move(what)) {}
  void add(const Value& value) { add(value, value.text()); }
  /// `same_as`: equal for values that mean the same.
  void add(const Value& value, const std::string& same_as);

 private:
  std::string what_;
  std::set<std::string> seen_;
};

}  // namespace walguard::knowledge
