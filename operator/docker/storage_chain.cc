#include "operator/docker/storage_chain.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/mounted_path.h"
#include "operator/docker/mount_table.h"

namespace walguard::docker {
namespace {

using Resolve = std::function<std::string(const std::string&)>;

constexpr int kDeepest = 8;  // FUSE over FUSE over overlay is 3

std::string joined(std::string_view folder, std::string_view below) {
  return core::normalised_path(std::string(folder) + "/" + std::string(below));
}

std::vector<std::string> parts_of(std::string_view list, char separator) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    if (end > 0) parts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

/// One superblock for each device or pool, whatever is mounted how often; its source says nothing more.
bool is_of_this_kernel(const Mount& mount) {
  return mount.source.starts_with("/dev/") || mount.fstype == "tmpfs" || mount.fstype == "zfs" ||
         mount.fstype == "ramfs" || mount.fstype == "btrfs";
}

class Chain {
 public:
  Chain(const MountTable& mounts, const Resolve& resolve) : mounts_(mounts), resolve_(resolve) {}

  void follow(const std::string& path, int depth) {
    const Mount* const mount = mounts_.find(path);
    if (mount == nullptr || depth > kDeepest) return;
    const std::string inner = path_in(*mount, path);
    chain_.places.push_back({"device " + mount->device, inner});
    if (mount->fstype == "overlay") {
      follow_layers(*mount, inner, depth);
    } else if (!is_of_this_kernel(*mount)) {
      follow_source(*mount, inner, depth);
    }
  }

  StorageChain take() { return std::move(chain_); }

 private:
  /// overlay is not coherent with its own layers: a file that was not copied up is the lower one.
  void follow_layers(const Mount& mount, const std::string& inner, int depth) {
    for (const std::string& option : parts_of(mount.super_options, ',')) {
      const bool is_layer = option.starts_with("lowerdir=") || option.starts_with("upperdir=");
      if (!is_layer) continue;
      for (const std::string& folder : parts_of(std::string_view(option).substr(9), ':')) {
        if (folder.starts_with('/')) follow(joined(resolve_(folder), inner), depth + 1);
      }
    }
  }

  /// bindfs and its like name the folder that they show, mergerfs several; network filesystems HOST:/PATH or
  /// //HOST/SHARE.
  void follow_source(const Mount& mount, const std::string& inner, int depth) {
    const std::string& source = mount.source;
    if (source.starts_with("//")) {
      const std::size_t host_end = std::min(source.find('/', 2), source.size());
      chain_.places.push_back({source.substr(0, host_end), joined(source.substr(host_end), inner)});
      return;
    }
    if (source.starts_with('/')) {
      for (const std::string& folder : parts_of(source, ':')) {
        if (folder.starts_with('/'))
          follow(joined(resolve_(core::normalised_path(folder)), inner), depth + 1);
      }
      return;
    }
    const std::size_t colon = source.find(":/");
    if (colon != std::string::npos && colon > 0) {
      chain_.places.push_back({source.substr(0, colon + 1), joined(source.substr(colon + 1), inner)});
      return;
    }
    chain_.possible.push_back({mount.fstype + " " + source, inner});
  }

  const MountTable& mounts_;
  const Resolve& resolve_;
  StorageChain chain_;
};

bool overlap(const StoragePlace& a, const StoragePlace& b) {
  return a.store == b.store && (is_within(a.path, b.path) || is_within(b.path, a.path));
}

bool any_overlap(const std::vector<StoragePlace>& a, const std::vector<StoragePlace>& b) {
  return std::ranges::any_of(a, [&](const StoragePlace& one) {
    return std::ranges::any_of(b, [&](const StoragePlace& other) { return overlap(one, other); });
  });
}

}  // namespace

StorageChain storage_chain(std::string_view path, const MountTable& mounts, const Resolve& resolve) {
  Chain chain(mounts, resolve);
  chain.follow(std::string(path), 0);
  return chain.take();
}

SharedFiles shared_files(const StorageChain& a, const StorageChain& b) {
  if (a.places.empty() || b.places.empty()) return SharedFiles::kNone;
  if (overlap(a.places.front(), b.places.front())) return SharedFiles::kThroughOneCache;
  if (any_overlap(a.places, b.places)) return SharedFiles::kThroughTwoCaches;
  return any_overlap(a.possible, b.possible) ? SharedFiles::kMaybe : SharedFiles::kNone;
}

}  // namespace walguard::docker
