#include "preflight/text/utf8.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace walguard::text {
namespace {

// One line of the table of well-formed sequences (RFC 3629, section 4; Unicode, table 3-7). All bytes from
// the third on are 80..BF. The narrower second bytes keep out overlong forms, surrogates and what is past
// U+10FFFF.
struct Form {
  unsigned char first_low;
  unsigned char first_high;
  unsigned char second_low;
  unsigned char second_high;
  std::size_t length;
};
constexpr std::array<Form, 9> kForms = {{{0x00, 0x7F, 0x00, 0xFF, 1},
                                         {0xC2, 0xDF, 0x80, 0xBF, 2},
                                         {0xE0, 0xE0, 0xA0, 0xBF, 3},
                                         {0xE1, 0xEC, 0x80, 0xBF, 3},
                                         {0xED, 0xED, 0x80, 0x9F, 3},
                                         {0xEE, 0xEF, 0x80, 0xBF, 3},
                                         {0xF0, 0xF0, 0x90, 0xBF, 4},
                                         {0xF1, 0xF3, 0x80, 0xBF, 4},
                                         {0xF4, 0xF4, 0x80, 0x8F, 4}}};

bool is_within(char byte, unsigned char low, unsigned char high) {
  const auto value = static_cast<unsigned char>(byte);
  return low <= value && value <= high;
}

bool has_form(std::string_view text, const Form& form) {
  if (text.size() < form.length || !is_within(text[0], form.first_low, form.first_high)) return false;
  if (form.length > 1 && !is_within(text[1], form.second_low, form.second_high)) return false;
  for (std::size_t i = 2; i < form.length; ++i) {
    if (!is_within(text[i], 0x80, 0xBF)) return false;
  }
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  for (const Form& form : kForms) {
    if (has_form(text, form)) return form.length;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    valid += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace walguard::text
