/// Where the bytes behind a path are, through everything that stands between: of two paths it tells whether
/// they lead to the same files, and whether through one page cache. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/docker/mount_table.h"

namespace walguard::docker {

/// A folder or file of one store: a superblock of this kernel, or what a mount's source names elsewhere.
struct StoragePlace {
  std::string store;  ///< "device 8:1", "server:", "fuse passthrough_ll"
  std::string path;   ///< absolute, in the store

  bool operator==(const StoragePlace&) const = default;
};

/// The places of one path, from the mount that it is on to what lies behind that.
struct StorageChain {
  /// First the superblock that the path is on, whose page cache is used. Behind it: of FUSE the folder that
  /// it shows, of overlay its layers, of a network filesystem the server's folder. Empty: of no mount that is
  /// seen.
  std::vector<StoragePlace> places;
  /// What may be behind it: two mounts of one source that is no path may show one store or two.
  std::vector<StoragePlace> possible;
};

/// `resolve` follows the symlinks of a path; it is asked about sources of mounts.
[[nodiscard]] StorageChain storage_chain(std::string_view path, const MountTable& mounts,
                                         const std::function<std::string(const std::string&)>& resolve);

enum class SharedFiles : std::uint8_t {
  kNone,
  kMaybe,             ///< through two mounts of one source, of which nobody knows what it is
  kThroughTwoCaches,  ///< two mounts that each have a page cache of their own: two bindfs of one folder
  kThroughOneCache,
};

/// Whether two paths lead to the same files: the one is the other, or lies in it.
[[nodiscard]] SharedFiles shared_files(const StorageChain& a, const StorageChain& b);

}  // namespace walguard::docker
