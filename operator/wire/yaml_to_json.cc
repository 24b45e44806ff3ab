#include "operator/wire/yaml_to_json.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "operator/wire/json_reader.h"
#include "operator/wire/json_text.h"
#include "operator/wire/yaml_scalar.h"

namespace walguard::wire {
namespace {

/// Thrown by the handler through yaml-cpp and caught by `yaml_to_json`.
class Refused : public std::exception {
 public:
  Refused(const YAML::Mark& mark, std::string message) : error_{mark.line + 1, std::move(message)} {}
  [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }
  [[nodiscard]] const YamlError& error() const { return error_; }

 private:
  YamlError error_;
};

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongestQuote = 80;
  return "\"" + std::string(text.substr(0, kLongestQuote)) + "\"";
}

/// Writes one document's events as JSON.
class JsonWriter : public YAML::EventHandler {
 public:
  /// `already_written`: bytes of the documents before this one; the limit is the file's.
  JsonWriter(const YamlLimits& limits, std::size_t already_written)
      : limits_(limits), already_written_(already_written) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    start_ = mark.pos;
    document_.line = mark.line + 1;  // of "---", if there is one
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { scalar(mark, anchor, "null", ""); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // yaml-cpp: "?" is a plain word, "!" a quoted one.
    const bool plain = tag == "?";
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      throw Refused(mark, "the tag " + in_quotes(tag) + " is not understood; write the value without a tag");
    }
    if (expects_key()) {
      key(mark, value, plain);
      return;
    }
    std::string text;
    if (plain) {
      text = plain_scalar_to_json(value);
    } else {
      append_json_string(text, value);
    }
    scalar(mark, anchor, text, value);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refused(mark, "an alias inside of what it stands for; write the value out");
    }
    const auto [begin, size] = found->second;
    if (expects_key()) {
      throw Refused(mark, "an alias as a key; write the key out");
    }
    begin_value(mark, size);
    document_.json.append(std::string(document_.json, begin, size));
    end_value();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, '[');
  }
  void OnSequenceEnd() override { close(']'); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, '{');
  }
  void OnMapEnd() override { close('}'); }

  /// Where the document begins, in characters of the file.
  [[nodiscard]] int start() const { return start_; }

  [[nodiscard]] JsonDocument take() {
    if (!document_.lines.empty()) {
      document_.line = document_.lines.front().second;
    }
    return std::move(document_);
  }

 private:
  struct Level {
    bool map = false;
    bool key_next = false;
    bool empty = true;
    YAML::anchor_t anchor = 0;
    std::size_t begin = 0;
    std::set<std::string, std::less<>> keys;
  };

  [[nodiscard]] bool expects_key() const { return !levels_.empty() && levels_.back().key_next; }

  void check_size(const YAML::Mark& mark, std::size_t more) const {
    if (already_written_ + document_.json.size() + more > limits_.max_expanded) {
      throw Refused(mark, "the file's aliases expand beyond " + std::to_string(limits_.max_expanded >> 20U) +
                              " MiB; write the objects out");
    }
  }

  void key(const YAML::Mark& mark, const std::string& text, bool plain) {
    Level& level = levels_.back();
    if (plain && text == "<<") {
      throw Refused(mark, "a merge key (<<), which Kubernetes files do not need; write the fields out");
    }
    if (!level.keys.insert(text).second) {
      throw Refused(mark, "the key " + in_quotes(text) + " is given twice; keep one of the two");
    }
    check_size(mark, text.size());
    if (!level.empty) {
      document_.json += ',';
    }
    level.empty = false;
    append_json_string(document_.json, text);
    document_.json += ':';
    level.key_next = false;
  }

  void begin_value(const YAML::Mark& mark, std::size_t size) {
    check_size(mark, size);
    if (!levels_.empty() && !levels_.back().map) {
      if (!levels_.back().empty) {
        document_.json += ',';
      }
      levels_.back().empty = false;
    }
    document_.lines.emplace_back(document_.json.size(), mark.line + 1);
  }

  void end_value() {
    if (!levels_.empty() && levels_.back().map) {
      levels_.back().key_next = true;
    }
  }

  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, std::string_view json, std::string_view text) {
    if (expects_key()) {
      throw Refused(mark, "a key that is empty; name the field");
    }
    begin_value(mark, json.size() + text.size());
    remember(anchor, document_.json.size(), json.size());
    document_.json += json;
    end_value();
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, char bracket) {
    if (expects_key()) {
      throw Refused(mark, "a list or a mapping as a key; a key is a word");
    }
    if (tag != "?" && tag != "!" && !tag.empty() && !tag.starts_with("tag:yaml.org,2002:")) {
      throw Refused(mark, "the tag " + in_quotes(tag) + " is not understood; write the value without a tag");
    }
    if (levels_.size() >= limits_.max_depth) {
      throw Refused(mark, "nested deeper than " + std::to_string(limits_.max_depth) +
                              " levels; no Kubernetes object is");
    }
    begin_value(mark, 1);
    const bool map = bracket == '{';
    levels_.push_back({.map = map,
                       .key_next = map,
                       .empty = true,
                       .anchor = anchor,
                       .begin = document_.json.size(),
                       .keys = {}});
    document_.json += bracket;
  }

  void close(char bracket) {
    document_.json += bracket;
    const Level& level = levels_.back();
    remember(level.anchor, level.begin, document_.json.size() - level.begin);
    levels_.pop_back();
    end_value();
  }

  void remember(YAML::anchor_t anchor, std::size_t begin, std::size_t size) {
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = {begin, size};
    }
  }

  const YamlLimits& limits_;
  std::size_t already_written_;
  int start_ = 0;
  JsonDocument document_;
  std::vector<Level> levels_;
  std::unordered_map<YAML::anchor_t, std::pair<std::size_t, std::size_t>> anchors_;  // place and size in json
};

YamlError at_line(int line, std::string message) { return {.line = line, .message = std::move(message)}; }

/// What yaml-cpp would misread or choke on, found before it sees a byte.
std::optional<YamlError> check_bytes(std::string_view yaml, const YamlLimits& limits) {
  if (yaml.size() > limits.max_bytes) {
    return at_line(0, "larger than " + std::to_string(limits.max_bytes >> 20U) + " MiB; split the file");
  }
  const auto bad = std::find_if(yaml.begin(), yaml.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  if (bad != yaml.end()) {
    return at_line(
        static_cast<int>(std::count(yaml.begin(), bad, '\n')) + 1,
        "holds the control character " + std::to_string(static_cast<int>(*bad)) + "; YAML is text in UTF-8");
  }
  if (!simdjson::validate_utf8(yaml.data(), yaml.size())) {
    return at_line(0, "not UTF-8; save the file as UTF-8");
  }
  return std::nullopt;
}

}  // namespace

int JsonDocument::line_at(std::size_t offset) const {
  const auto after =
      std::upper_bound(lines.begin(), lines.end(), offset,
                       [](std::size_t wanted, const auto& entry) { return wanted < entry.first; });
  return after == lines.begin() ? line : std::prev(after)->second;
}

tl::expected<std::vector<JsonDocument>, YamlError> yaml_to_json(std::string_view yaml,
                                                                const YamlLimits& limits) {
  if (std::optional<YamlError> error = check_bytes(yaml, limits)) {
    return tl::unexpected(*std::move(error));
  }
  std::vector<JsonDocument> documents;
  std::size_t written = 0;
  int last_start = -1;
  // An end marker of our own: at the end of the file alone, yaml-cpp 0.7 lets an open quote pass as closed.
  std::istringstream stream(std::string(yaml).append(yaml.ends_with('\n') ? "...\n" : "\n...\n"));
  try {
    YAML::Parser parser(stream);
    for (;;) {
      JsonWriter writer(limits, written);
      if (!parser.HandleNextDocument(writer)) {
        return documents;
      }
      JsonDocument document = writer.take();
      if (writer.start() <= last_start) {  // yaml-cpp stands before a stray ',' for ever
        return tl::unexpected(at_line(document.line, "not valid YAML: text that no value begins with"));
      }
      last_start = writer.start();
      written += document.json.size();
      if (json::nests_deeper_than(document.json, limits.max_depth)) {  // by aliases of aliases
        return tl::unexpected(at_line(document.line, "nested deeper than " +
                                                         std::to_string(limits.max_depth) +
                                                         " levels by its aliases; write the objects out"));
      }
      if (!document.json.empty() && document.json != "null") {
        documents.push_back(std::move(document));
      }
    }
  } catch (const Refused& refused) {
    return tl::unexpected(refused.error());
  } catch (const YAML::Exception& error) {
    return tl::unexpected(at_line(error.mark.line + 1, "not valid YAML: " + error.msg));
  }
}

}  // namespace walguard::wire
