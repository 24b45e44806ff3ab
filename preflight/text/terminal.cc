#include "preflight/text/terminal.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include "preflight/text/utf8.h"

namespace walguard::text {
namespace {

std::string_view escape_of(Paint paint) {
  switch (paint) {
    case Paint::kGreen:
      return "\x1b[32m";
    case Paint::kRed:
      return "\x1b[31m";
    case Paint::kYellow:
      return "\x1b[33m";
    case Paint::kBold:
      return "\x1b[1m";
  }
  return "";
}

}  // namespace

TextStyle style_for(int fd) {
  if (::isatty(fd) != 1) return {};
  const char* const no_colour = std::getenv("NO_COLOR");
  winsize size{};
  (void)::ioctl(fd, TIOCGWINSZ, &size);  // a size of 0 means unknown
  return {.colour = no_colour == nullptr || *no_colour == '\0', .width = size.ws_col};
}

std::string painted(std::string_view text, Paint paint, const TextStyle& style) {
  if (!style.colour) return std::string(text);
  return std::string(escape_of(paint)).append(text).append("\x1b[0m");
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(std::max<std::size_t>(1, utf8_length(text)));
    ++count;
  }
  return count;
}

std::string wrapped(std::string_view words, std::size_t indent, std::size_t width) {
  std::string text;
  std::size_t at = indent;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (text.empty()) {
      at += columns(word);
    } else if (width != 0 && at + 1 + columns(word) > width) {
      text += "\n" + std::string(indent, ' ');
      at = indent + columns(word);
    } else {
      text += ' ';
      at += 1 + columns(word);
    }
    text += word;
  }
  return text + "\n";
}

}  // namespace walguard::text
