#include "operator/core/databases.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// One entry of walguard/databases: "/data/app.db" or "web:/cache/*.sqlite".
struct DeclaredPath {
  std::string_view container;  // empty: in any container
  std::string_view path;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// Paths in one list that are read. Kubernetes lets annotations be 256 KiB, and each path is compared with
/// each mount.
constexpr std::size_t kMostPaths = 100;

/// The entries of a list, and one more than are read where it has too many.
std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty() && parts.size() <= kMostPaths) {
    const auto comma = text.find(',');
    if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.push_back(part);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return parts;
}

/// Views into the annotation.
std::vector<std::string_view> declared_paths(const Annotations& annotations) {
  if (!annotations.databases) return {};
  return split_list(*annotations.databases);
}

DeclaredPath parse_declared(std::string_view entry) {
  const auto colon = entry.find(":/");
  if (colon == std::string_view::npos) return {{}, entry};
  return {entry.substr(0, colon), entry.substr(colon + 1)};
}

std::string_view without_trailing_slash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

/// One component of a declared path, in which * stands for any characters. Goes back to the last star alone:
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

/// The kernel's rule, component by component: the declared path leads into the mount, for certain or by a
/// star.
enum class Leads : std::uint8_t { kNo, kByStar, kYes };

Leads leads_into(std::string_view declared, std::string_view mount) {
  if (!declared.starts_with('/')) return Leads::kNo;
  Leads leads = Leads::kYes;
  for (std::string_view wanted = next_component(mount); !wanted.empty(); wanted = next_component(mount)) {
    const std::string_view component = next_component(declared);
    if (component.empty() || !component_matches(component, wanted)) return Leads::kNo;
    if (component.find('*') != std::string_view::npos) leads = Leads::kByStar;
  }
  return leads;
}

/// Of the mounts that the path leads into for certain the longest wins, as in the kernel, and hides the
/// shorter ones. A star may lead into further ones below it: then each counts.
std::vector<const VolumeMount*> mounts_of(const Container& container, std::string_view path) {
  std::vector<const VolumeMount*> found;
  const VolumeMount* longest = nullptr;
  for (const VolumeMount& mount : container.mounts) {
    const Leads leads = leads_into(path, mount.path);
    if (leads == Leads::kByStar) found.push_back(&mount);
    if (leads == Leads::kYes && (longest == nullptr || mount.path.size() > longest->path.size()))
      longest = &mount;
  }
  if (longest != nullptr) found.push_back(longest);
  return found;
}

/// "app.db" is a file's name; "shop" may be a folder's.
bool looks_like_a_file(std::string_view path) {
  const std::string_view base = path.substr(path.rfind('/') + 1);
  return base.find('.') != std::string_view::npos;
}

/// Mounting the database file itself leaves its -wal, -shm and -journal beside it in the container's own
/// layer.
std::optional<bool> names_the_file(const VolumeMount& mount, const Volume& volume,
                                   std::string_view database) {
  if (without_trailing_slash(mount.path) != database) return false;
  if (volume.host_path_type.starts_with("File")) return true;
  if (volume.kind == VolumeKind::kHostPath && volume.host_path_type.empty()) return std::nullopt;
  if (mount.sub_path.empty())
    return false;  // a whole volume is mounted at the path: the declared path is a folder
  return looks_like_a_file(database) ? std::optional{true} : std::nullopt;
}

void widen(std::optional<bool>& known, std::optional<bool> more) {
  if (known == true || more == true) {
    known = true;
  } else if (!more) {
    known = std::nullopt;
  }
}

/// Calls `use` for each mount that the entry leads into.
template <typename Use>
void each_mount(const Workload& workload, std::string_view entry, Use use) {
  const DeclaredPath declared = parse_declared(entry);
  for (const Container& container : workload.pod.containers) {
    if (!declared.container.empty() && declared.container != container.name) continue;
    for (const VolumeMount* mount : mounts_of(container, declared.path)) use(*mount, declared.path);
  }
}

void add_declared(DatabasesOnVolume& found, const Workload& workload, const Volume& volume,
                  const std::vector<std::string_view>& entries) {
  for (const std::string_view entry : entries) {
    each_mount(workload, entry, [&](const VolumeMount& mount, std::string_view path) {
      if (mount.volume != volume.name) return;
      widen(found.single_file_mount, names_the_file(mount, volume, path));
      if (std::ranges::find(found.paths, entry) == found.paths.end()) found.paths.emplace_back(entry);
    });
  }
  if (!found.paths.empty()) found.certainty = Certainty::kDeclared;
}

bool is_on_a_volume(const Workload& workload, std::string_view entry) {
  bool found = false;
  each_mount(workload, entry, [&](const VolumeMount&, std::string_view) { found = true; });
  return found;
}

/// Whether the list can be taken at its word: it names something, and all of it is on volumes of the pod.
bool names_volumes(const Workload& workload, const std::vector<std::string_view>& entries) {
  return !entries.empty() && std::ranges::all_of(entries, [&](std::string_view entry) {
    return is_on_a_volume(workload, entry);
  });
}

/// No file is named: every volume that a container mounts may hold one, and a mounted file may be it.
void suspect_every_mount(DatabasesOnVolume& found, const Workload& workload, const Volume& volume) {
  for (const Container& container : workload.pod.containers) {
    for (const VolumeMount& mount : container.mounts) {
      if (mount.volume != volume.name) continue;
      found.certainty = Certainty::kDeclared;
      widen(found.single_file_mount, names_the_file(mount, volume, without_trailing_slash(mount.path)));
    }
  }
}

bool only_read(const Workload& workload, const Volume& volume) {
  return std::ranges::all_of(workload.pod.containers, [&](const Container& container) {
    return std::ranges::all_of(container.mounts, [&](const VolumeMount& mount) {
      return mount.volume != volume.name || mount.read_only;
    });
  });
}

}  // namespace

DatabasesOnVolume find_databases(const Workload& workload, const Volume& volume) {
  DatabasesOnVolume found;
  if (volume.kind == VolumeKind::kProjection) return found;
  const Annotations& annotations = workload.annotations;
  found.single_file_mount = false;
  if (annotations.journal_mode) {
    found.strategy = parse<Strategy>(*annotations.journal_mode).value_or(Strategy::kWal);
  }
  const auto entries = declared_paths(annotations);
  const bool too_many = entries.size() > kMostPaths;
  if (!too_many) add_declared(found, workload, volume, entries);
  // The author asks for a guarantee and names no file, or names one that is nowhere (a slip, most likely): it
  // is asked of every volume. A list too long to be read could name any of them.
  const bool guarantee_of_all = annotations.require_local == true && !names_volumes(workload, entries);
  if (too_many || guarantee_of_all) suspect_every_mount(found, workload, volume);
  if (found.certainty == Certainty::kNone) return found;
  found.every_mount_read_only = only_read(workload, volume);
  return found;
}

std::vector<std::string> annotation_complaints(const Workload& workload) {
  const Annotations& annotations = workload.annotations;
  std::vector<std::string> complaints;
  if (annotations.journal_mode && !parse<Strategy>(*annotations.journal_mode)) {
    complaints.push_back("annotation walguard/journal-mode: \"" + *annotations.journal_mode +
                         "\" is not wal, wal-exclusive or rollback; judged as wal");
  }
  if (annotations.mode && !parse<Mode>(*annotations.mode)) {
    complaints.push_back("annotation walguard/mode: \"" + *annotations.mode +
                         "\" is not off, audit, warn, gate or enforce; the namespace's mode is in force");
  }
  const auto entries = declared_paths(annotations);
  if (entries.size() > kMostPaths) {
    complaints.push_back("annotation walguard/databases: it has more than " + std::to_string(kMostPaths) +
                         " entries; every mounted volume is judged instead");
  } else {
    for (const std::string_view entry : entries) {
      if (is_on_a_volume(workload, entry)) continue;
      complaints.push_back("annotation walguard/databases: \"" + std::string(entry) +
                           "\" is on no volume of the pod; write /PATH or CONTAINER:/PATH below a mountPath");
    }
  }
  return complaints;
}

}  // namespace walguard::core
