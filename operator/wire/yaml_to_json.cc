#include "operator/wire/yaml_to_json.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/wire/json_reader.h"
#include "operator/wire/json_text.h"
#include "operator/wire/yaml_events.h"
#include "operator/wire/yaml_scalar.h"

namespace walguard::wire {
namespace {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongestQuote = 80;
  return "\"" + std::string(text.substr(0, kLongestQuote)) + "\"";
}

/// Writes one document's events as JSON.
class JsonWriter {
 public:
  /// `already_written`: bytes of the documents before this one; the limit is the file's. `line`: where the
  /// document begins ("---", if there is one).
  JsonWriter(const YamlLimits& limits, std::size_t already_written, int line)
      : limits_(limits), already_written_(already_written) {
    document_.line = line;
  }

  void write(const YamlEvent& event) {
    using Kind = YamlEvent::Kind;
    switch (event.kind) {
      case Kind::kSequenceStart:
        open(event, '[');
        break;
      case Kind::kSequenceEnd:
        close(']');
        break;
      case Kind::kMappingStart:
        open(event, '{');
        break;
      case Kind::kMappingEnd:
        close('}');
        break;
      case Kind::kScalar:
        scalar(event);
        break;
      case Kind::kAlias:
        alias(event);
        break;
      case Kind::kDocumentStart:
      case Kind::kDocumentEnd:
      case Kind::kEnd:
        break;
    }
  }

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
    bool merging = false;  // the value to come is that of a merge key
    std::string anchor = {};
    std::size_t begin = 0;
    std::size_t merge_begin = 0;  // where that value is written, for as long as it is
    int merge_line = 0;
    std::vector<std::string> merged = {};  // JSON objects whose fields this mapping has beside its own
    std::set<std::string, std::less<>> keys = {};
  };

  [[nodiscard]] bool expects_key() const { return !levels_.empty() && levels_.back().key_next; }

  void check_size(int line, std::size_t more) const {
    if (already_written_ + document_.json.size() + more > limits_.max_expanded) throw too_large(line);
  }

  [[nodiscard]] YamlRefused too_large(int line) const {
    return {line, "the file's aliases expand beyond " + std::to_string(limits_.max_expanded >> 20U) +
                      " MiB; write the objects out"};
  }

  void key(int line, std::string_view text, bool plain) {
    Level& level = levels_.back();
    if (!level.keys.emplace(text).second) {
      throw YamlRefused(line, "the key " + in_quotes(text) + " is given twice; keep one of the two");
    }
    level.key_next = false;
    level.merging = plain && text == "<<";
    if (level.merging) return;
    check_size(line, text.size());
    write_key(level, text);
  }

  void write_key(Level& level, std::string_view text) {
    if (!level.empty) {
      document_.json += ',';
    }
    level.empty = false;
    append_json_string(document_.json, text);
    document_.json += ':';
  }

  void begin_value(int line, std::size_t size) {
    check_size(line, size);
    if (!levels_.empty() && !levels_.back().map) {
      if (!levels_.back().empty) {
        document_.json += ',';
      }
      levels_.back().empty = false;
    }
    if (!levels_.empty() && levels_.back().merging) {
      levels_.back().merge_begin = document_.json.size();
      levels_.back().merge_line = line;
    }
    document_.lines.emplace_back(document_.json.size(), line);
  }

  void end_value() {
    if (levels_.empty() || !levels_.back().map) return;
    levels_.back().key_next = true;
    if (std::exchange(levels_.back().merging, false)) take_merged(levels_.back());
  }

  /// The value of a merge key was written where it stood; takes it out again, to be merged when the mapping's
  /// own keys are known.
  void take_merged(Level& level) {
    const std::string value = document_.json.substr(level.merge_begin);
    document_.json.resize(level.merge_begin);
    while (!document_.lines.empty() && document_.lines.back().first >= level.merge_begin) {
      document_.lines.pop_back();
    }
    forget_anchors_from(level.merge_begin);
    merged_ += value.size();
    if (merged_ > limits_.max_expanded) throw too_large(level.merge_line);
    const simdjson::padded_string text(value);
    simdjson::ondemand::document root = merge_parser_.iterate(text);
    if (value.starts_with('{')) {
      level.merged.push_back(value);
    } else if (value.starts_with('[')) {
      for (auto item : root.get_array()) level.merged.emplace_back(mapping_of(item.value(), level));
    } else {
      throw not_a_mapping(level);
    }
  }

  /// What was written from `begin` on was also remembered last: looks at no other anchor.
  void forget_anchors_from(std::size_t begin) {
    for (; !remembered_.empty() && remembered_.back().begin >= begin; remembered_.pop_back()) {
      auto& place = remembered_.back().anchor->second;
      if (place && place->first >= begin) place.reset();
    }
  }

  static std::string_view mapping_of(json::Value item, const Level& level) {
    if (item.type() != simdjson::ondemand::json_type::object) throw not_a_mapping(level);
    return item.get_object().value().raw_json();
  }

  [[nodiscard]] static YamlRefused not_a_mapping(const Level& level) {
    return {level.merge_line, "a merge key (<<) takes a mapping or a list of mappings; write the fields out"};
  }

  /// https://yaml.org/type/merge.html: the mapping's own keys win, then the earlier source.
  void write_merged(Level& level) {
    for (const std::string& source : level.merged) {
      const simdjson::padded_string text(source);
      simdjson::ondemand::document root = merge_parser_.iterate(text);
      for (auto field : root.get_object()) {
        std::string key(json::key_of(json::checked(field)));
        json::Value value = field.value();
        if (!level.keys.insert(key).second) continue;
        const std::string_view raw = raw_json(value);
        check_size(level.merge_line, key.size() + raw.size());
        write_key(level, key);
        document_.lines.emplace_back(document_.json.size(), level.merge_line);
        document_.json += raw;
      }
    }
  }

  /// Of a value in JSON that this writer wrote, which has no spaces between its tokens.
  static std::string_view raw_json(json::Value& value) {
    switch (value.type()) {
      case simdjson::ondemand::json_type::object:
        return value.get_object().value().raw_json();
      case simdjson::ondemand::json_type::array:
        return value.get_array().value().raw_json();
      default:
        return value.raw_json_token();
    }
  }

  void scalar(const YamlEvent& event) {
    const bool plain = event.plain && event.tag.empty();
    if (!event.tag.empty() && event.tag != "!" && event.tag != "tag:yaml.org,2002:str") throw tagged(event);
    std::string text;
    if (plain) {
      text = plain_scalar_to_json(event.text);
    } else {
      append_json_string(text, event.text);
    }
    if (expects_key()) {
      if (text == "null") throw YamlRefused(event.line, "a key that is empty; name the field");
      key(event.line, event.text, plain);
      return;
    }
    begin_value(event.line, text.size());
    remember(event.anchor, document_.json.size(), text.size());
    document_.json += text;
    end_value();
  }

  void alias(const YamlEvent& event) {
    const auto found = anchors_.find(std::string(event.anchor));
    if (found == anchors_.end()) {
      throw YamlRefused(event.line,
                        "not valid YAML: found an alias (*name) without an anchor (&name) before it; put a "
                        "value that begins with * in quotes");
    }
    const auto& written = found->second;
    if (!written) {
      throw YamlRefused(event.line,
                        "an alias inside of what it stands for, or of something inside of a merge key; write "
                        "the value out");
    }
    if (expects_key()) throw YamlRefused(event.line, "an alias as a key; write the key out");
    const auto [begin, size] = *written;
    begin_value(event.line, size);
    document_.json.append(std::string(document_.json, begin, size));
    end_value();
  }

  [[nodiscard]] static YamlRefused tagged(const YamlEvent& event) {
    return {event.line,
            "the tag " + in_quotes(event.tag) + " is not understood; write the value without a tag"};
  }

  void open(const YamlEvent& event, char bracket) {
    if (expects_key()) throw YamlRefused(event.line, "a list or a mapping as a key; a key is a word");
    if (!event.tag.empty() && event.tag != "!" && !event.tag.starts_with("tag:yaml.org,2002:")) {
      throw tagged(event);
    }
    if (levels_.size() >= limits_.max_depth) {
      throw YamlRefused(event.line, "nested deeper than " + std::to_string(limits_.max_depth) +
                                        " levels; no Kubernetes object is");
    }
    begin_value(event.line, 1);
    const bool map = bracket == '{';
    levels_.push_back({.map = map,
                       .key_next = map,
                       .empty = true,
                       .anchor = std::string(event.anchor),
                       .begin = document_.json.size()});
    if (!event.anchor.empty()) anchors_[levels_.back().anchor].reset();
    document_.json += bracket;
  }

  void close(char bracket) {
    Level& level = levels_.back();
    write_merged(level);
    document_.json += bracket;
    remember(level.anchor, level.begin, document_.json.size() - level.begin);
    levels_.pop_back();
    end_value();
  }

  void remember(std::string_view anchor, std::size_t begin, std::size_t size) {
    if (anchor.empty()) return;
    const auto at = anchors_.insert_or_assign(std::string(anchor), std::pair(begin, size)).first;
    remembered_.push_back({.begin = begin, .anchor = &*at});
  }

  /// Place and size in `json`; nullopt: it is not written yet, or was merged into something else.
  using Anchors = std::unordered_map<std::string, std::optional<std::pair<std::size_t, std::size_t>>>;

  struct Remembered {
    std::size_t begin = 0;
    Anchors::value_type* anchor = nullptr;
  };

  const YamlLimits& limits_;
  std::size_t already_written_;
  JsonDocument document_;
  std::vector<Level> levels_;
  simdjson::ondemand::parser merge_parser_;
  std::size_t merged_ = 0;  // bytes of such values, each time they are used
  Anchors anchors_;
  std::vector<Remembered> remembered_;  // in the order in which the values ended
};

YamlError at_line(int line, std::string message) { return {.line = line, .message = std::move(message)}; }

int line_of_offset(std::string_view yaml, std::size_t offset) {
  return static_cast<int>(
             std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(offset), '\n')) +
         1;
}

/// What libyaml would not refuse, or not in words that help.
std::optional<YamlError> check_bytes(std::string_view yaml, const YamlLimits& limits) {
  if (yaml.size() > limits.max_bytes) {
    return at_line(0, "larger than " + std::to_string(limits.max_bytes >> 20U) + " MiB; split the file");
  }
  const auto bad = std::find_if(yaml.begin(), yaml.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  if (bad != yaml.end()) {
    return at_line(
        line_of_offset(yaml, static_cast<std::size_t>(bad - yaml.begin())),
        "holds the control character " + std::to_string(static_cast<int>(*bad)) + "; YAML is text in UTF-8");
  }
  if (!simdjson::validate_utf8(yaml.data(), yaml.size())) {
    return at_line(0, "not UTF-8; save the file as UTF-8");
  }
  return std::nullopt;
}

/// Up to its end.
JsonDocument read_document(YamlEvents& events, int line, const YamlLimits& limits,
                           std::size_t already_written) {
  JsonWriter writer(limits, already_written, line);
  for (YamlEvent event = events.next(); event.kind != YamlEvent::Kind::kDocumentEnd; event = events.next()) {
    writer.write(event);
  }
  return writer.take();
}

}  // namespace

int JsonDocument::line_at(std::size_t offset) const {
  const auto after =
      std::upper_bound(lines.begin(), lines.end(), offset,
                       [](std::size_t wanted, const auto& entry) { return wanted < entry.first; });
  return after == lines.begin() ? line : std::prev(after)->second;
}

int line_of_pointer(const JsonDocument& document, std::string pointer) {
  const simdjson::padded_string text(document.json);
  simdjson::ondemand::parser parser;
  for (; !pointer.empty(); pointer.erase(pointer.rfind('/'))) {
    simdjson::ondemand::document root;
    json::Value value;
    if (parser.iterate(text).get(root) == simdjson::SUCCESS &&
        root.at_pointer(pointer).get(value) == simdjson::SUCCESS) {
      return document.line_at(static_cast<std::size_t>(value.raw_json_token().data() - text.data()));
    }
  }
  return document.line;
}

tl::expected<std::vector<JsonDocument>, YamlError> yaml_to_json(std::string_view yaml,
                                                                const YamlLimits& limits) {
  if (std::optional<YamlError> error = check_bytes(yaml, limits)) {
    return tl::unexpected(*std::move(error));
  }
  std::vector<JsonDocument> documents;
  std::size_t written = 0;
  std::size_t count = 0;
  try {
    YamlEvents events(yaml);
    for (YamlEvent event = events.next(); event.kind != YamlEvent::Kind::kEnd; event = events.next()) {
      if (++count > limits.max_documents) {
        return tl::unexpected(at_line(
            event.line, "more than " + std::to_string(limits.max_documents) + " documents; split the file"));
      }
      JsonDocument document = read_document(events, event.line, limits, written);
      written += document.json.size();
      if (json::nests_deeper_than(document.json, limits.max_depth)) {  // by aliases of aliases
        return tl::unexpected(at_line(document.line, "nested deeper than " +
                                                         std::to_string(limits.max_depth) +
                                                         " levels by its aliases; write the objects out"));
      }
      if (document.json != "null") documents.push_back(std::move(document));
    }
    return documents;
  } catch (const YamlRefused& refused) {
    return tl::unexpected(refused.error());
  } catch (const simdjson::simdjson_error& error) {  // of what a merge key stands for
    return tl::unexpected(
        at_line(0, std::string("its merge keys cannot be followed: ").append(error.what())));
  }
}

}  // namespace walguard::wire
