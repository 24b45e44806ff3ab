#include "operator/check/long_array.h"

#include <cstddef>
#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

namespace walguard::check {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 2;

std::string json_text(const Json& json) {
  return json.dump(kIndent, ' ', false, Json::error_handler_t::replace);
}

LongArray::LongArray(const Json& frame, const std::string& key, int depth, std::ostream& out)
    : out_(out), indent_("\n" + std::string(static_cast<std::size_t>(depth) * kIndent, ' ')) {
  const std::string text = json_text(frame);
  const std::string opening = "\"" + key + "\": [";
  const std::size_t inside = text.find(opening + "]") + opening.size();
  out_ << text.substr(0, inside);
  rest_ = text.substr(inside);
}

void LongArray::add(const Json& element) {
  if (!empty_) out_ << ',';
  empty_ = false;
  out_ << indent_;
  const std::string text = json_text(element);
  for (std::size_t begin = 0; begin <= text.size();) {  // line breaks stand only between values
    const std::size_t end = text.find('\n', begin);
    out_ << (begin == 0 ? "" : indent_) << text.substr(begin, end - begin);
    if (end == std::string::npos) break;
    begin = end + 1;
  }
}

void LongArray::end() {
  if (!empty_) out_ << indent_.substr(0, indent_.size() - kIndent);
  out_ << rest_ << '\n';
}

}  // namespace walguard::check
