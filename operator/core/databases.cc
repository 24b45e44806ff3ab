#include "operator/core/databases.h"

#include <algorithm>
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

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.push_back(part);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return parts;
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

/// The kernel's rule: `path` is below `mount` when whole components match.
bool is_at_or_below(std::string_view path, std::string_view mount) {
  mount = without_trailing_slash(mount);
  if (mount == "/") return path.starts_with('/');
  return path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
}

const VolumeMount* mount_of(const Container& container, std::string_view path) {
  const VolumeMount* best = nullptr;
  for (const VolumeMount& mount : container.mounts) {
    if (!is_at_or_below(path, mount.path)) continue;
    if (best == nullptr || mount.path.size() > best->path.size()) best = &mount;
  }
  return best;
}

/// Mounting the database file itself leaves its -wal, -shm and -journal beside it in the container's own
/// layer. subPath may name a folder too, so a path equal to the mount is only certain for a file by hostPath
/// type "File".
std::optional<bool> names_the_file(const VolumeMount& mount, const Volume& volume,
                                   std::string_view database) {
  if (without_trailing_slash(mount.path) != database) return false;
  if (!mount.sub_path.empty() || volume.host_path_type.starts_with("File")) return true;
  if (volume.kind == VolumeKind::kHostPath && volume.host_path_type.empty()) return std::nullopt;
  return false;  // a whole volume is mounted at the path: the declared path is a folder
}

void widen(std::optional<bool>& known, std::optional<bool> more) {
  if (known == true || more == true) {
    known = true;
  } else if (!more) {
    known = std::nullopt;
  }
}

void add_declared(DatabasesOnVolume& found, const Workload& workload, const Volume& volume,
                  std::string_view list) {
  for (const std::string_view entry : split_list(list)) {
    const DeclaredPath declared = parse_declared(entry);
    for (const Container& container : workload.pod.containers) {
      if (!declared.container.empty() && declared.container != container.name) continue;
      const VolumeMount* mount = mount_of(container, declared.path);
      if (mount == nullptr || mount->volume != volume.name) continue;
      widen(found.single_file_mount, names_the_file(*mount, volume, declared.path));
      if (std::ranges::find(found.paths, entry) == found.paths.end()) found.paths.emplace_back(entry);
    }
  }
  if (!found.paths.empty()) found.certainty = Certainty::kDeclared;
}

bool mounted_anywhere(const Workload& workload, const Volume& volume) {
  return std::ranges::any_of(workload.pod.containers, [&](const Container& container) {
    return std::ranges::any_of(container.mounts,
                               [&](const VolumeMount& mount) { return mount.volume == volume.name; });
  });
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
  if (annotations.databases) {
    add_declared(found, workload, volume, *annotations.databases);
  } else if (annotations.require_local == true && mounted_anywhere(workload, volume)) {
    // The author asks for a guarantee and names no file: it is asked of every volume that outlives a
    // container.
    found.certainty = Certainty::kDeclared;
  }
  found.every_mount_read_only = only_read(workload, volume);
  return found;
}

std::vector<std::string> annotation_complaints(const Annotations& annotations) {
  std::vector<std::string> complaints;
  if (annotations.journal_mode && !parse<Strategy>(*annotations.journal_mode)) {
    complaints.push_back("annotation walguard/journal-mode: \"" + *annotations.journal_mode +
                         "\" is not wal, wal-exclusive or rollback; judged as wal");
  }
  if (annotations.mode && !parse<Mode>(*annotations.mode)) {
    complaints.push_back("annotation walguard/mode: \"" + *annotations.mode +
                         "\" is not off, audit, warn, gate or enforce; the namespace's mode is in force");
  }
  if (annotations.databases) {
    for (const std::string_view entry : split_list(*annotations.databases)) {
      if (parse_declared(entry).path.starts_with('/')) continue;
      complaints.push_back("annotation walguard/databases: \"" + std::string(entry) +
                           "\" is not an absolute path; write /PATH or CONTAINER:/PATH");
    }
  }
  return complaints;
}

}  // namespace walguard::core
