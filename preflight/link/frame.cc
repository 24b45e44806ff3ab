#include "preflight/link/frame.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

namespace walguard::preflight {
namespace {

// In the order of Verb.
struct VerbWord {
  std::string_view word;
  bool has_payload;
};
constexpr std::array<VerbWord, 9> kVerbs = {{{"spawn", false},
                                             {"kill", false},
                                             {"to", true},
                                             {"ping", false},
                                             {"done", true},
                                             {"ready", false},
                                             {"from", true},
                                             {"exit", true},
                                             {"pong", false}}};

constexpr int kMaxNumber = 1'000'000;

std::pair<std::string_view, std::string_view> split_at_space(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return {text, {}};
  return {text.substr(0, space), text.substr(space + 1)};
}

}  // namespace

std::string encode_frame(const Frame& frame) {
  std::string line(kVerbs.at(static_cast<std::size_t>(frame.verb)).word);
  line += ' ';
  line += std::to_string(frame.number);
  if (!frame.payload.empty()) {
    line += ' ';
    line += frame.payload;
  }
  return line;
}

tl::expected<Frame, std::string> parse_frame(std::string_view line) {
  const auto [word, rest] = split_at_space(line);
  const auto found = std::ranges::find(kVerbs, word, &VerbWord::word);
  if (found == kVerbs.end()) return tl::unexpected<std::string>("unknown verb");

  const auto [digits, payload] = split_at_space(rest);
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || number < 0 || number > kMaxNumber) return tl::unexpected<std::string>("bad number");
  if (found->has_payload == payload.empty()) {
    return tl::unexpected<std::string>(payload.empty() ? "payload is missing" : "payload where none belongs");
  }
  return Frame{static_cast<Verb>(found - kVerbs.begin()), number, std::string(payload)};
}

}  // namespace walguard::preflight
