/// Which filesystem walguard's own data directory is on, and whether SQLite may keep a WAL database there.
///
/// walguard asks of itself what it asks of everyone else: no guarantee, no database.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <tl/expected.hpp>

#include "operator/core/catalog.h"

namespace walguard::controller {

/// f_type of statfs(2) for a path, or a sentence with the system's reason. Replaced in tests.
using FilesystemMagic = std::function<tl::expected<std::uint64_t, std::string>(const std::string& path)>;

/// Asks the kernel. Blocks for as long as the filesystem takes to answer.
[[nodiscard]] tl::expected<std::uint64_t, std::string> filesystem_magic(const std::string& path);

/// Nothing where `path` is on a local disk, in memory or on a container's overlay root. Else one sentence
/// that names the path, the filesystem and the remedy: network filesystems, FUSE (one number for local and
/// remote ones alike), and filesystems that the catalog does not know.
[[nodiscard]] tl::expected<void, std::string> require_local_filesystem(const std::string& path,
                                                                       const core::Catalog& catalog,
                                                                       const FilesystemMagic& magic_of);

}  // namespace walguard::controller
