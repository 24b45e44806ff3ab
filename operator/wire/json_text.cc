#include "operator/wire/json_text.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace walguard::wire {
namespace {

/// ASCII that stands for itself in a JSON string.
bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  const std::size_t begin = out.size();
  for (auto at = text.begin(); at != text.end();) {
    const auto plain_end = std::find_if_not(at, text.end(), is_plain);
    out.append(at, plain_end);
    if (plain_end == text.end()) {
      break;
    }
    if (*plain_end == '"' || *plain_end == '\\') {  // names in our messages stand in quotes
      out += '\\';
      out += *plain_end;
      at = plain_end + 1;
      continue;
    }
    // Controls and everything beyond ASCII are rare: start over with the library, which knows UTF-8.
    out.resize(begin - 1);
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return;
  }
  out += '"';
}

}  // namespace walguard::wire
