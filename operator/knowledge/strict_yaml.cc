#include "operator/knowledge/strict_yaml.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "operator/core/verdict.h"

namespace walguard::knowledge {
namespace {

constexpr core::Transport kTransports[] = {
    core::Transport::kLocalDisk,
    core::Transport::kNetworkBlock,
    core::Transport::kNetworkFilesystem,
    core::Transport::kClusterFilesystem,
    core::Transport::kObjectFuse,
    core::Transport::kVmShare,
    core::Transport::kMemory,
};

/// yaml-cpp counts lines from 0 and marks nodes that are not in the text with -1.
std::string position(std::string_view file, const YAML::Mark& mark) {
  return std::string(file) + ":" + std::to_string(mark.line + 1) + ": ";
}

std::string joined(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

/// YAML::Load reads the first document and drops the rest without a word, so all are read and counted.
YAML::Node parse_one_document(std::string_view yaml, std::string_view file) {
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(std::string(yaml));
  } catch (const YAML::Exception& error) {
    throw DataError(position(file, error.mark) + "not valid YAML: " + error.msg);
  }
  if (documents.size() != 1) {
    throw DataError(std::string(file) + ":1: " + std::to_string(documents.size()) +
                    " YAML documents; write exactly one");
  }
  return documents.front();
}

}  // namespace

void Value::fail(const std::string& problem) const {
  throw DataError(position(file_, node_.Mark()) + (path_.empty() ? "" : path_ + ": ") + problem);
}

std::string Value::quoted() const {
  if (node_.IsScalar()) return "\"" + node_.Scalar() + "\"";
  if (node_.IsSequence()) return "a list";
  return node_.IsMap() ? "a map" : "nothing";
}

std::string Value::text() const {
  if (!node_.IsScalar()) fail(quoted() + " where one text belongs; write a single value");
  if (node_.Scalar().empty()) fail("is empty; write a value or leave the key out");
  return node_.Scalar();
}

bool Value::flag() const {
  const std::string value = text();
  if (value != "true" && value != "false") fail("\"" + value + "\" is not a flag; write true or false");
  return value == "true";
}

std::vector<Value> Value::items() const {
  if (!node_.IsSequence()) fail(quoted() + " where a list belongs; write [a, b], or lines that begin with -");
  if (node_.size() == 0) fail("is an empty list; write at least one entry or leave the key out");
  std::vector<Value> values;
  values.reserve(node_.size());
  for (const auto& item : node_) {
    values.emplace_back(item, file_, path_ + "[" + std::to_string(values.size()) + "]");
  }
  return values;
}

std::vector<std::string> Value::texts() const {
  std::vector<std::string> result;
  for (const Value& item : items()) result.push_back(item.text());
  return result;
}

Object::Object(const Value& value, std::initializer_list<std::string_view> known) : value_(value) {
  if (!value.node_.IsMap()) value.fail(value.quoted() + " where a map belongs; write key: value");
  for (const auto& pair : value.node_) {
    const std::string key = Value(pair.first, value.file_, value.path_).text();
    const Value entry(pair.second, value.file_, value.path_ + (value.path_.empty() ? "" : ".") + key);
    const Value at_key(pair.first, value.file_, entry.path_);
    if (std::ranges::find(known, key) == known.end()) at_key.fail("unknown key; use one of " + joined(known));
    if (has(key)) at_key.fail("given twice; remove one of them");
    entries_.emplace_back(key, entry);
  }
}

std::optional<Value> Object::optional(std::string_view key) const {
  const auto it = std::ranges::find(entries_, key, &std::pair<std::string, Value>::first);
  if (it == entries_.end()) return std::nullopt;
  return it->second;
}

Value Object::required(std::string_view key) const {
  if (auto value = optional(key)) return *std::move(value);
  value_.fail("has no " + std::string(key) + "; add it");
}

bool Object::flag(std::string_view key) const {
  const auto value = optional(key);
  return value && value->flag();
}

std::vector<Value> read_entries(std::string_view yaml, std::string_view file, std::string_view key) {
  const Object document(Value(parse_one_document(yaml, file), file, ""), {key});
  return document.required(key).items();
}

std::optional<core::Transport> read_transport(const Value& value) {
  const std::string text = value.text();
  if (text == "unknown") return std::nullopt;
  if (const auto transport = core::parse<core::Transport>(text)) return transport;
  std::string known;
  for (const core::Transport transport : kTransports) known.append(core::name(transport)).append(", ");
  value.fail(value.quoted() + " is not a transport; use one of " + known + "unknown");
}

void Unique::add(const Value& value, const std::string& same_as) {
  if (!seen_.insert(same_as).second) {
    value.fail("the " + what_ + " " + value.quoted() + " is given twice; remove one");
  }
}

}  // namespace walguard::knowledge
