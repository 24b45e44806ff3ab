#include "operator/core/declared_paths.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operator/core/databases.h"
#include "operator/core/mounted_path.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

DeclaredPath parse_declared(std::string_view entry) {
  const auto colon = entry.find(":/");
  if (colon == std::string_view::npos) return {entry, {}, normalised_path(entry)};
  return {entry, entry.substr(0, colon), normalised_path(entry.substr(colon + 1))};
}

using VolumesByName = std::unordered_map<std::string_view, const Volume*>;

/// Empty: a database may lie on one of the mounts.
std::string why_on_no_volume(const std::vector<const VolumeMount*>& mounts, const VolumesByName& volumes) {
  if (mounts.empty()) {
    return "is on no volume of the pod; write /PATH or CONTAINER:/PATH below a mountPath";
  }
  std::string why;
  for (const VolumeMount* mount : mounts) {
    const auto volume = volumes.find(mount->volume);
    if (volume == volumes.end()) {
      why = "is on volume \"" + mount->volume +
            "\", which the pod does not have; give the volume the name that volumeMounts has";
    } else if (volume->second->kind == VolumeKind::kProjection) {
      why = "is on volume \"" + mount->volume + "\", which is read-only: no database can be there";
    } else {
      return {};
    }
  }
  return why;
}

void add_path_complaints(const Workload& workload, std::vector<std::string>& complaints) {
  const DeclaredPaths declared = declared_paths(workload.annotations);
  if (declared.too_many) {
    complaints.push_back("annotation walguard/databases: it has more than " +
                         std::to_string(kMostDeclaredPaths) +
                         " entries; every mounted volume is judged instead");
  }
  VolumesByName volumes;
  for (const Volume& volume : workload.pod.volumes) volumes.emplace(volume.name, &volume);
  for (const DeclaredPath& path : declared.paths) {
    const auto mounts = mounts_of(workload.pod, path);
    const std::string why =
        mounts.empty() && is_of_windows(workload.pod, path.entry)
            ? "is a path of Windows on no volume that could be told; every mounted volume is judged instead"
            : why_on_no_volume(mounts, volumes);
    if (why.empty()) continue;
    complaints.push_back("annotation walguard/databases: \"" + std::string(path.entry) + "\" " + why);
  }
}

}  // namespace

bool is_of_windows(const PodSpec& pod, std::string_view path) {
  // No container has a capital letter for its name: "C:/data" is no path in a container "C".
  const bool on_a_drive = path.size() > 1 && path[0] >= 'A' && path[0] <= 'Z' && path[1] == ':';
  return pod.windows || on_a_drive || path.find('\\') != std::string_view::npos;
}

bool is_sqlite_version(std::string_view text) {
  constexpr std::size_t kMostDigits = 6;  // of one number; SQLite's have two
  std::size_t numbers = 0;
  for (bool more = true; more; ++numbers) {
    const auto dot = text.find('.');
    const std::string_view number = text.substr(0, dot);
    if (number.empty() || number.size() > kMostDigits) return false;
    if (number.find_first_not_of("0123456789") != std::string_view::npos) return false;
    more = dot != std::string_view::npos;
    if (more) text.remove_prefix(dot + 1);
  }
  return numbers >= 2 && numbers <= 4;  // "3.46", "3.46.1", "3.46.1.2"
}

DeclaredPaths declared_paths(const Annotations& annotations) {
  DeclaredPaths declared;
  std::string_view text = annotations.databases ? std::string_view(*annotations.databases) : "";
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view entry = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (entry.empty()) continue;
    if (declared.paths.size() == kMostDeclaredPaths) return {.paths = {}, .too_many = true};
    declared.paths.push_back(parse_declared(entry));
  }
  return declared;
}

std::vector<const VolumeMount*> mounts_of(const PodSpec& pod, const DeclaredPath& declared) {
  std::vector<const VolumeMount*> all;
  for (const Container& container : pod.containers) {
    if (!declared.container.empty() && declared.container != container.name) continue;
    const auto found = mounts_of(container, declared.path);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
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
  if (annotations.sqlite_version && !is_sqlite_version(*annotations.sqlite_version)) {
    complaints.push_back("annotation walguard/sqlite-version: \"" + *annotations.sqlite_version +
                         "\" is not a version; write it as 3.46.1");
  }
  add_path_complaints(workload, complaints);
  return complaints;
}

}  // namespace walguard::core
