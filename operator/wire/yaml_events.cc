#include "operator/wire/yaml_events.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include <yaml.h>

#include "operator/wire/yaml_trouble.h"

namespace walguard::wire {
namespace {

std::string_view text_of(const yaml_char_t* text, std::size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

/// Null: none.
std::string_view text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string_view()
                         : text_of(text, std::strlen(reinterpret_cast<const char*>(text)));
}

/// `line`: counted from 0.
std::string_view text_of_line(std::string_view yaml, std::size_t line) {
  for (; line > 0 && !yaml.empty(); --line) {
    yaml.remove_prefix(std::min(yaml.find('\n'), yaml.size() - 1) + 1);
  }
  return yaml.substr(0, yaml.find('\n'));
}

}  // namespace

YamlEvents::YamlEvents(std::string_view yaml) : yaml_(yaml) {
  if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
  yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(yaml.data()), yaml.size());
}

YamlEvents::~YamlEvents() {
  yaml_event_delete(&event_);
  yaml_parser_delete(&parser_);
}

YamlEvent YamlEvents::next() {
  using Kind = YamlEvent::Kind;
  yaml_event_delete(&event_);
  if (yaml_parser_parse(&parser_, &event_) == 0) refuse();
  YamlEvent event;
  event.line = static_cast<int>(event_.start_mark.line) + 1;
  switch (event_.type) {
    case YAML_STREAM_START_EVENT:
      return next();
    case YAML_DOCUMENT_START_EVENT:
      event.kind = Kind::kDocumentStart;
      break;
    case YAML_DOCUMENT_END_EVENT:
      event.kind = Kind::kDocumentEnd;
      break;
    case YAML_SEQUENCE_START_EVENT:
      event.kind = Kind::kSequenceStart;
      event.anchor = text_of(event_.data.sequence_start.anchor);
      event.tag = text_of(event_.data.sequence_start.tag);
      break;
    case YAML_SEQUENCE_END_EVENT:
      event.kind = Kind::kSequenceEnd;
      break;
    case YAML_MAPPING_START_EVENT:
      event.kind = Kind::kMappingStart;
      event.anchor = text_of(event_.data.mapping_start.anchor);
      event.tag = text_of(event_.data.mapping_start.tag);
      break;
    case YAML_MAPPING_END_EVENT:
      event.kind = Kind::kMappingEnd;
      break;
    case YAML_SCALAR_EVENT:
      event.kind = Kind::kScalar;
      event.anchor = text_of(event_.data.scalar.anchor);
      event.tag = text_of(event_.data.scalar.tag);
      event.text = text_of(event_.data.scalar.value, event_.data.scalar.length);
      event.plain = event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
      break;
    case YAML_ALIAS_EVENT:
      event.kind = Kind::kAlias;
      event.anchor = text_of(event_.data.alias.anchor);
      break;
    case YAML_STREAM_END_EVENT:
    case YAML_NO_EVENT:
      event.kind = Kind::kEnd;
      break;
  }
  return event;
}

void YamlEvents::refuse() const {
  if (parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
  const std::string_view complaint = parser_.problem == nullptr ? "not valid" : parser_.problem;
  if (parser_.error == YAML_READER_ERROR) {  // it knows the offset alone
    const auto before = yaml_.substr(0, parser_.problem_offset);
    throw YamlRefused(static_cast<int>(std::ranges::count(before, '\n')) + 1,
                      "not valid YAML: " + std::string(complaint));
  }
  const std::size_t line =
      (lies_where_it_began(complaint) ? parser_.context_mark : parser_.problem_mark).line;
  throw YamlRefused(static_cast<int>(line) + 1,
                    "not valid YAML: " + explain_yaml_trouble(complaint, text_of_line(yaml_, line)));
}

}  // namespace walguard::wire
