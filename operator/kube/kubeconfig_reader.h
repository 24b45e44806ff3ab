/// A place in a kubeconfig file: reads values and makes errors that name file, line, field and remedy.
/// Internal to `kube`; errors leave as ConfigError, which kubeconfig.cc turns into values.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "operator/kube/cluster_config.h"

namespace walguard::kube {

/// `what()` is a whole line for people.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ConfigField {
 public:
  /// `path`: "clusters[0].cluster"; "" for the file as a whole.
  ConfigField(const YAML::Node& node, std::string file, std::string path)
      : node_(node), file_(std::move(file)), path_(std::move(path)) {}

  /// The field `key` of this map; nullopt where it is missing or null.
  [[nodiscard]] std::optional<ConfigField> find(const std::string& key) const;
  /// The entries of the list `key`; none where it is missing.
  [[nodiscard]] std::vector<ConfigField> items(const std::string& key) const;
  /// The text of `key`, "" where it is missing.
  [[nodiscard]] std::string text(const std::string& key) const;
  /// The same, but not to be missing or empty; `remedy` says what to write there.
  [[nodiscard]] std::string required_text(const std::string& key, const std::string& remedy) const;
  [[nodiscard]] std::string as_text() const;
  /// Of a list of texts.
  [[nodiscard]] std::vector<std::string> texts() const;
  /// `true` or `false`; false where it is missing.
  [[nodiscard]] bool flag(const std::string& key) const;
  /// The file named by `key`, absolute where this file is; "" where it is missing.
  [[nodiscard]] std::string file_path(const std::string& key) const;
  /// `key`-data in base64, which is stronger, or `key` as a file.
  [[nodiscard]] Pem pem(const std::string& key) const;

  [[nodiscard]] const std::string& file() const { return file_; }
  /// `path`, where that is relative, in the folder of this file.
  [[nodiscard]] std::string beside_file(const std::string& path) const;
  /// `problem` ends with what to do.
  [[noreturn]] void fail(const std::string& key, const std::string& problem) const;

 private:
  YAML::Node node_;
  std::string file_;
  std::string path_;
};

/// Throws ConfigError: cannot be read, no YAML, no map.
[[nodiscard]] ConfigField open_kubeconfig(const std::string& path);

}  // namespace walguard::kube
