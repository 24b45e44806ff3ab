/// On which mount of a container a path lies, as the kernel resolves it. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {

/// Of the mounts that the path leads into for certain the longest wins, as in the kernel, and hides the
/// shorter ones; of several at one place each counts. * in the path stands for any text within one component;
/// it may lead into further mounts below, and then each counts. Nothing for a path that does not begin with
/// /. Both paths are as normalised_path makes them.
[[nodiscard]] std::vector<const VolumeMount*> mounts_of(const Container& container, std::string_view path);

/// Whether the mount is the database file itself, which leaves its -wal, -shm and -journal beside it in the
/// container's own layer; with a star in `database`, whether it may be one. nullopt: what is mounted there
/// may be a file or a folder.
[[nodiscard]] std::optional<bool> mounts_the_file(const VolumeMount& mount, const Volume& volume,
                                                  std::string_view database);

/// Whether `other`, a mount of the same pod, takes one of the database's files apart from the rest: it lies
/// at its -wal, -shm or -journal, or shows one of its files alone, as a subPath of the volume, under another
/// path. `mount` is where `database` lies. nullopt: it may, by a star or a subPathExpr.
[[nodiscard]] std::optional<bool> splits_the_files(const VolumeMount& other, const VolumeMount& mount,
                                                   std::string_view database);

/// Without "//", "." and "..", and without slashes at its end; what would lead above the beginning stays
/// there.
/// "/" stays, and a relative path stays one.
[[nodiscard]] std::string normalised_path(std::string_view path);

}  // namespace walguard::core
