/// A YAML text as libyaml's events, one after another.
///
/// Internal to `wire`. Not thread-safe; readers of their own do not disturb each other.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <yaml.h>

#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {

/// Thrown where a text is not what can be read; caught by `yaml_to_json`.
class YamlRefused : public std::exception {
 public:
  YamlRefused(int line, std::string message) : error_{line, std::move(message)} {}
  [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }
  [[nodiscard]] const YamlError& error() const { return error_; }

 private:
  YamlError error_;
};

/// The views live until the next event.
struct YamlEvent {
  enum class Kind : std::uint8_t {
    kDocumentStart,
    kDocumentEnd,
    kSequenceStart,
    kSequenceEnd,
    kMappingStart,
    kMappingEnd,
    kScalar,
    kAlias,
    kEnd,  ///< of the text
  };
  Kind kind = Kind::kEnd;
  int line = 0;                  ///< where it begins, counted from 1
  std::string_view anchor = {};  ///< of an alias: the one it names; empty: none
  std::string_view tag = {};     ///< written out ("tag:yaml.org,2002:str"); empty: none
  std::string_view text = {};    ///< of a scalar
  bool plain = false;            ///< a scalar without quotes, | or >
};

class YamlEvents {
 public:
  /// `yaml` is UTF-8 and outlives this.
  explicit YamlEvents(std::string_view yaml);
  YamlEvents(const YamlEvents&) = delete;
  YamlEvents& operator=(const YamlEvents&) = delete;
  ~YamlEvents();

  /// Throws YamlRefused where the text is no YAML; not to be called again after that, or after kEnd.
  [[nodiscard]] YamlEvent next();

 private:
  [[noreturn]] void refuse() const;

  std::string_view yaml_;
  yaml_parser_t parser_ = {};
  yaml_event_t event_ = {};
};

}  // namespace walguard::wire
