#include "operator/docker/mount_table.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace walguard::docker {
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
               .type = unescaped(separator[1]),
               .source = unescaped(separator[2]),
               .super_options = after > 3 ? unescaped(separator[3]) : std::string()};
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
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

// A mount that was made later on the same place lies on top of the earlier one; the kernel lists it later.
// One whose place lies below that of a later mount (B at /a/b, then A at /a) is hidden as well: what is at /a
// now is not what B was mounted on.
MountTable::MountTable(std::vector<Mount> mounts) : mounts_(std::move(mounts)) {
  std::unordered_map<int, const Mount*> by_id;
  for (const Mount& mount : mounts_) {
    at_[mount.mount_point] = &mount;
    by_id[mount.id] = &mount;
  }
  std::vector<std::string_view> hidden;
  for (const auto& [point, mount] : at_) {
    if (!is_seen(*mount, by_id)) hidden.push_back(point);
  }
  for (const std::string_view point : hidden) at_.erase(point);
}

bool MountTable::is_seen(const Mount& mount, const std::unordered_map<int, const Mount*>& by_id) const {
  const Mount* current = &mount;
  while (current->mount_point != "/") {
    auto below = by_id.find(current->parent);
    while (below != by_id.end() && below->second->mount_point == current->mount_point) {
      below = by_id.find(below->second->parent);  // of a stack the lowest tells what it stands on
    }
    if (below == by_id.end()) return true;  // a table that begins below the root, as of a container
    const Mount* const now_there = nearest(parent_of(current->mount_point));
    if (now_there != below->second) return false;
    current = now_there;
  }
  return true;
}

const Mount* MountTable::nearest(std::string_view path) const {
  while (true) {
    const auto found = at_.find(path);
    if (found != at_.end()) return found->second;
    if (path == "/" || path.empty()) return nullptr;
    path = parent_of(path);
  }
}

const Mount* MountTable::find(std::string_view path) const { return nearest(path); }

std::vector<const Mount*> MountTable::below(std::string_view path) const {
  std::vector<const Mount*> found;
  const std::string beginning = path == "/" ? "/" : std::string(path) + "/";
  for (auto it = at_.lower_bound(beginning); it != at_.end() && it->first.starts_with(beginning); ++it) {
    if (it->first != path) found.push_back(it->second);
  }
  return found;
}

std::string path_in(const Mount& mount, std::string_view path) {
  const std::string_view rest = mount.mount_point == "/" ? path : path.substr(mount.mount_point.size());
  if (rest.empty() || rest == "/") return mount.root;
  return mount.root == "/" ? std::string(rest) : mount.root + std::string(rest);
}

bool is_within(std::string_view inner, std::string_view outer) {
  return outer == "/" ||
         (inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/'));
}

}  // namespace walguard::docker
