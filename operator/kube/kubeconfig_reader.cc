#include "operator/kube/kubeconfig_reader.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "operator/kube/cluster_config.h"
#include "operator/kube/encoding.h"

namespace walguard::kube {
namespace {

std::string joined(const std::string& path, const std::string& key) {
  if (path.empty() || key.empty()) return path + key;
  return path + "." + key;
}

}  // namespace

void ConfigField::fail(const std::string& key, const std::string& problem) const {
  const YAML::Node value = !key.empty() && node_.IsMap() ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
  const YAML::Mark mark = value.IsDefined() ? value.Mark() : node_.Mark();
  const std::string line = mark.is_null() ? "" : ":" + std::to_string(mark.line + 1);
  const std::string where = joined(path_, key);
  throw ConfigError(file_ + line + ": " + (where.empty() ? "" : where + " ") + problem);
}

std::optional<ConfigField> ConfigField::find(const std::string& key) const {
  const YAML::Node value = std::as_const(node_)[key];
  if (!value.IsDefined() || value.IsNull()) return std::nullopt;
  return ConfigField(value, file_, joined(path_, key));
}

std::vector<ConfigField> ConfigField::items(const std::string& key) const {
  const auto list = find(key);
  if (!list) return {};
  if (!list->node_.IsSequence()) fail(key, "is not a list; write its entries as \"- name: ...\"");
  std::vector<ConfigField> entries;
  for (const YAML::Node& entry : list->node_) {
    entries.emplace_back(entry, file_, list->path_ + "[" + std::to_string(entries.size()) + "]");
    if (!entry.IsMap()) entries.back().fail("", "is not a map; write it as \"name: ...\"");
  }
  return entries;
}

std::string ConfigField::as_text() const {
  if (!node_.IsScalar()) fail("", "is not text; write one value there");
  return node_.Scalar();
}

std::vector<std::string> ConfigField::texts() const {
  if (!node_.IsSequence()) fail("", "is not a list; write its entries as \"- ...\"");
  std::vector<std::string> all;
  for (const YAML::Node& entry : node_) {
    all.push_back(ConfigField(entry, file_, path_ + "[" + std::to_string(all.size()) + "]").as_text());
  }
  return all;
}

std::string ConfigField::text(const std::string& key) const {
  const auto field = find(key);
  return field ? field->as_text() : "";
}

std::string ConfigField::required_text(const std::string& key, const std::string& remedy) const {
  std::string value = text(key);
  if (value.empty()) fail(key, "is missing; " + remedy);
  return value;
}

bool ConfigField::flag(const std::string& key) const {
  const std::string value = text(key);
  if (value.empty() || value == "false") return false;
  if (value != "true") fail(key, "is \"" + value + "\"; write true or false");
  return true;
}

std::string ConfigField::beside_file(const std::string& path) const {
  return (std::filesystem::path(file_).parent_path() / path).string();
}

std::string ConfigField::file_path(const std::string& key) const {
  const std::string value = text(key);
  return value.empty() ? "" : beside_file(value);
}

Pem ConfigField::pem(const std::string& key) const {
  const std::string inline_key = key + "-data";
  const std::string encoded = text(inline_key);
  if (encoded.empty()) return {"", file_path(key)};
  const auto decoded = decode_base64(encoded);
  // The value itself may be a private key and is not repeated.
  if (!decoded || decoded->find("-----BEGIN ") == std::string::npos) {
    fail(inline_key, std::string(decoded ? "does not hold PEM" : "is not base64") +
                         "; write the output of `base64 -w0 FILE.pem`, or name the file in " + key);
  }
  return {*decoded, ""};
}

ConfigField open_kubeconfig(const std::string& path) {
  const auto text = read_file(path);
  if (!text) throw ConfigError(text.error());
  YAML::Node root;
  try {
    root = YAML::Load(*text);
  } catch (const YAML::ParserException& error) {
    throw ConfigError(path + ":" + std::to_string(error.mark.line + 1) + ": is not YAML: " + error.msg);
  }
  if (root.IsNull()) root = YAML::Node(YAML::NodeType::Map);  // an empty file is an empty configuration
  ConfigField field(root, path, "");
  if (!root.IsMap()) field.fail("", "is no kubeconfig: it must be a map with clusters, users and contexts");
  return field;
}

}  // namespace walguard::kube
