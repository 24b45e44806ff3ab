#include "operator/wire/compose_text.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "operator/wire/compose.h"

namespace walguard::wire {
namespace {

using Kind = ComposeMount::Kind;

bool is_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// "NAME:-default" and "NAME-default" -> "default"; nullopt where there is none.
std::optional<std::string_view> default_in(std::string_view reference) {
  std::string_view rest = reference;
  while (!rest.empty() && is_of_name(rest.front())) rest.remove_prefix(1);
  if (rest.size() == reference.size()) return std::nullopt;
  if (rest.starts_with(":-")) return rest.substr(2);
  return rest.starts_with('-') ? std::optional(rest.substr(1)) : std::nullopt;
}

/// "C:\data" and "C:/data": the colon behind the letter separates nothing.
bool begins_with_drive(std::string_view text) {
  return text.size() > 2 && std::isalpha(static_cast<unsigned char>(text[0])) != 0 && text[1] == ':' &&
         (text[2] == '\\' || text[2] == '/');
}

bool is_path(std::string_view source) {
  constexpr std::string_view kFirst = "./~\\";
  return !source.empty() &&
         (kFirst.find(source.front()) != std::string_view::npos || begins_with_drive(source));
}

Kind kind_of_source(std::string_view source) {
  if (source.find('$') != std::string_view::npos && !is_path(source)) return Kind::kUnknown;
  return is_path(source) ? Kind::kBind : Kind::kVolume;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

/// The first colon from `begin` on that is outside of ${...}.
std::size_t find_colon(std::string_view text, std::size_t begin) {
  int depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) ++depth;
    if (text[i] == '}' && depth > 0) --depth;
    if (text[i] == ':' && depth == 0) return i;
  }
  return std::string_view::npos;
}

}  // namespace

// No brace is looked for twice.
Filled fill_in(std::string_view text) {
  Filled filled;
  std::size_t brace = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t dollar = std::min(text.find('$', at), text.size());
    filled.text += text.substr(at, dollar - at);
    if (dollar == text.size()) break;
    const std::string_view rest = text.substr(dollar);
    if (rest.starts_with("$$")) {
      filled.text += '$';
      at = dollar + 2;
      continue;
    }
    filled.has_variables = true;
    if (brace <= dollar) brace = text.find('}', dollar);
    std::optional<std::string_view> value;
    if (rest.starts_with("${") && brace != std::string_view::npos) {
      value = default_in(text.substr(dollar + 2, brace - dollar - 2));
    }
    // A default with a variable in it ends at another brace than the first.
    filled.is_complete = filled.is_complete && value && value->find('$') == std::string_view::npos;
    filled.text += value.value_or("$");
    at = value ? brace + 1 : dollar + 1;
  }
  return filled;
}

ComposeMount parse_short_mount(std::string_view written) {
  const Filled filled = fill_in(written);
  const std::string& text = filled.text;
  ComposeMount mount;
  mount.has_variables = filled.has_variables;
  const std::size_t first = find_colon(text, begins_with_drive(text) ? 2 : 0);
  if (first == std::string::npos) {
    mount.kind = Kind::kVolume;
    mount.target = text;
    return mount;
  }
  mount.source = text.substr(0, first);
  mount.kind = kind_of_source(mount.source);
  const std::size_t second = find_colon(text, first + 1);
  mount.target = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  mount.read_only = second != std::string::npos && has_word(std::string_view(text).substr(second + 1), "ro");
  return mount;
}

}  // namespace walguard::wire
