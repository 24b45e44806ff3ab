/// JSON values that know where they stand, so that every error of a policy names its field.
///
/// Internal to `wire`. Errors leave as PolicyError, which stays inside this folder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/verdict.h"

namespace walguard::wire::policy {

/// `what()` is a whole line for people.
class PolicyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `value` must outlive the field.
class Field {
 public:
  /// `path`: "spec.drivers[0]"; "" is the object itself.
  Field(const nlohmann::json& value, std::string path) : value_(value), path_(std::move(path)) {}

  [[nodiscard]] const nlohmann::json& value() const { return value_; }
  /// The value as part of a message.
  [[nodiscard]] std::string quoted() const;
  [[noreturn]] void fail(const std::string& problem) const;

  /// A map without other keys than these.
  void allow(std::initializer_list<std::string_view> known) const;
  [[nodiscard]] Field required(std::string_view key) const;
  /// nullopt also where it is null.
  [[nodiscard]] std::optional<Field> optional(std::string_view key) const;
  /// Of a map whose keys are the author's.
  [[nodiscard]] std::vector<std::pair<std::string, Field>> entries() const;

  /// Not empty.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool flag() const;
  [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;
  /// "30d", "12h", "1d12h", "90m", "45s": seconds.
  [[nodiscard]] core::UtcSeconds duration() const;
  [[nodiscard]] std::vector<Field> items() const;
  [[nodiscard]] std::vector<std::string> texts() const;

 private:
  const nlohmann::json& value_;
  std::string path_;
};

}  // namespace walguard::wire::policy
