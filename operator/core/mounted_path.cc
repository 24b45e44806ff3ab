#include "operator/core/mounted_path.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// One component of a path, in which * stands for any characters. Goes back to the last star alone:
/// an author of pods must not be able to hold the webhook with a row of stars.
bool component_matches(std::string_view pattern, std::string_view text) {
  std::size_t in_pattern = 0;
  std::size_t in_text = 0;
  std::size_t last_star = std::string_view::npos;
  std::size_t star_takes_to = 0;  // of the text
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      last_star = in_pattern++;
      star_takes_to = in_text;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[in_text]) {
      ++in_pattern;
      ++in_text;
    } else if (last_star != std::string_view::npos) {
      in_pattern = last_star + 1;
      in_text = ++star_takes_to;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

std::string_view next_component(std::string_view& path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const auto slash = path.find('/');
  const std::string_view component = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  return component;
}

/// The kernel's rule, component by component: the path leads into the mount, for certain or by a
/// star. `path` is left with what follows.
enum class Leads : std::uint8_t { kNo, kByStar, kYes };

Leads leads_into(std::string_view& path, std::string_view mount) {
  Leads leads = Leads::kYes;
  for (std::string_view wanted = next_component(mount); !wanted.empty(); wanted = next_component(mount)) {
    const std::string_view component = next_component(path);
    if (component.empty() || !component_matches(component, wanted)) return Leads::kNo;
    if (component.find('*') != std::string_view::npos) leads = Leads::kByStar;
  }
  return leads;
}

/// The path is the mount itself, or may be by a star.
bool is_mounted_at(std::string_view path, const VolumeMount& mount) {
  return leads_into(path, mount.path) != Leads::kNo && next_component(path).empty();
}

/// "app.db" is a file's name; "shop" may be a folder's.
bool looks_like_a_file(std::string_view path) {
  const std::string_view base = path.substr(path.rfind('/') + 1);
  return base.find('.') != std::string_view::npos;
}

}  // namespace

std::string normalised_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::string out;
  for (std::string_view part = next_component(path); !part.empty(); part = next_component(path)) {
    if (part == ".") continue;
    if (part == "..") {
      const auto slash = out.rfind('/');
      out.erase(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (absolute || !out.empty()) out += '/';
    out += part;
  }
  return absolute && out.empty() ? "/" : out;
}

std::optional<bool> splits_the_files(const VolumeMount& other, const VolumeMount& mount,
                                     std::string_view database) {
  for (const std::string_view suffix : {"-wal", "-shm", "-journal"}) {
    if (is_mounted_at(std::string(database).append(suffix), other)) return true;
  }
  std::string_view in_mount = database;
  if (other.volume != mount.volume || other.sub_path.empty()) return false;
  if (leads_into(in_mount, mount.path) == Leads::kNo || in_mount.empty()) return false;
  const std::string on_volume = mount.sub_path + "/" + std::string(in_mount);
  for (const std::string_view suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string file = on_volume + std::string(suffix);
    std::string_view rest = file;
    const Leads leads = leads_into(rest, other.sub_path);
    if (leads == Leads::kNo || !next_component(rest).empty()) continue;
    return leads == Leads::kYes || looks_like_a_file(other.sub_path) ? std::optional{true} : std::nullopt;
  }
  const bool expanded = other.sub_path_is_expanded || mount.sub_path_is_expanded;
  return expanded && looks_like_a_file(other.path) ? std::nullopt : std::optional{false};
}

std::vector<const VolumeMount*> mounts_of(const Container& container, std::string_view path) {
  std::vector<const VolumeMount*> found;
  if (!path.starts_with('/')) return found;
  std::vector<const VolumeMount*> longest;
  for (const VolumeMount& mount : container.mounts) {
    std::string_view rest = path;
    const Leads leads = leads_into(rest, mount.path);
    if (leads == Leads::kByStar) found.push_back(&mount);
    if (leads != Leads::kYes) continue;
    if (!longest.empty() && mount.path.size() < longest.front()->path.size()) continue;
    if (!longest.empty() && mount.path.size() > longest.front()->path.size()) longest.clear();
    longest.push_back(&mount);
  }
  found.insert(found.end(), longest.begin(), longest.end());
  return found;
}

std::optional<bool> mounts_the_file(const VolumeMount& mount, const Volume& volume,
                                    std::string_view database) {
  if (!is_mounted_at(database, mount)) return false;
  if (volume.host_path_type.starts_with("File")) return true;
  if (volume.kind == VolumeKind::kHostPath && volume.host_path_type.empty()) return std::nullopt;
  if (mount.sub_path.empty()) return false;  // a whole volume is mounted at the path: the path is a folder
  return looks_like_a_file(mount.path) ? std::optional{true} : std::nullopt;
}

}  // namespace walguard::core
