/// Follows the symlinks of a path without touching storage that could make it wait.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "operator/core/catalog.h"
#include "operator/docker/mount_table.h"

namespace walguard::docker {

/// What readlink(2) says of a path: nullopt where it is no symlink, is not there or cannot be read. Never
/// called for a path on a filesystem that may not answer.
using ReadLink = std::function<std::optional<std::string>(const std::string& path)>;

struct ResolvedPath {
  std::string path;  ///< absolute, without dots
  /// False: the rest of it lies on a filesystem whose server may not answer, or there are too many symlinks;
  /// symlinks there were not followed.
  bool whole = true;
};

/// As the kernel walks it, but for the filesystems where a look may wait for a server or a daemon: network,
/// object store, FUSE of any kind. `path` is absolute and without dots.
[[nodiscard]] ResolvedPath resolve_path(std::string_view path, const MountTable& mounts,
                                        const core::Catalog& catalog, const ReadLink& read_link);

/// Whether a path, resolved as far as it could be, goes on through a link that procfs shows of a process
/// (root, cwd, an open file): where that leads is another thing for each process that looks, and no text.
/// https://man7.org/linux/man-pages/man5/proc_pid_root.5.html
[[nodiscard]] bool leads_through_a_process(std::string_view path, const MountTable& mounts);

/// readlink(2) itself.
[[nodiscard]] ReadLink system_read_link();

}  // namespace walguard::docker
