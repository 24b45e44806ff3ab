#include "preflight/mountinfo/mountinfo.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace walguard::mountinfo {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// Space, tab, newline and backslash are written as \040, \011, \012 and \134; overlay writes more so.
std::string unescaped(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                         is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escaped) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t space = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, space));  // an empty one is a word as well: a source may be empty
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  return words;
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// id parent major:minor root mount-point options [tag...] - type source super-options
std::optional<Mount> read_line(std::string_view line) {
  const std::vector<std::string_view> words = words_of(line);
  const auto separator = std::ranges::find(words, "-");
  const auto before = separator - words.begin();
  const auto after = words.end() - separator;
  if (before < 6 || after < 3) return std::nullopt;
  const auto id = number_of(words[0]);
  const auto parent = number_of(words[1]);
  if (!id || !parent) return std::nullopt;
  return Mount{.id = *id,
               .parent = *parent,
               .device = std::string(words[2]),
               .root = unescaped(words[3]),
               .mount_point = unescaped(words[4]),
               .options = std::string(words[5]),
               .fstype = unescaped(separator[1]),
               .source = unescaped(separator[2]),
               .super_options = after > 3 ? unescaped(separator[3]) : std::string()};
}

bool holds(const Mount& mount, std::string_view path) {
  const std::string& point = mount.mount_point;
  if (point == "/") return path.starts_with('/');
  return path == point || (path.starts_with(point) && path[point.size()] == '/');
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (std::optional<Mount> mount = read_line(text.substr(0, end))) mounts.push_back(*std::move(mount));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mounts;
}

std::optional<Mount> find_mount(const std::vector<Mount>& mounts, std::string_view path,
                                std::string_view device) {
  const Mount* best = nullptr;
  const auto on_device = [device](const Mount& mount) { return mount.device == device; };
  for (const Mount& mount : mounts) {
    if (!holds(mount, path)) continue;
    const bool same_kind = best == nullptr || on_device(mount) == on_device(*best);
    const bool longer = best == nullptr || mount.mount_point.size() >= best->mount_point.size();
    if (same_kind ? longer : on_device(mount)) best = &mount;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace walguard::mountinfo
