/// Which mount of a machine a path leads to, among mounts that hide each other. Pure; thread-safe once built.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "preflight/mountinfo/mountinfo.h"

namespace walguard::docker {

using mountinfo::Mount;
using mountinfo::parse_mountinfo;

class MountTable {
 public:
  MountTable() = default;
  explicit MountTable(std::vector<Mount> mounts);
  MountTable(const MountTable&) = delete;  // the index points into the mounts
  MountTable& operator=(const MountTable&) = delete;

  /// The mount that `path` (absolute, without dots and symlinks) is on: of those that are not hidden the one
  /// furthest down the path; of several at one point the topmost. Null: of no mount in the table.
  [[nodiscard]] const Mount* find(std::string_view path) const;

  /// Mounts that are seen below `path`, deeper than itself: what a recursive bind of it brings along.
  [[nodiscard]] std::vector<const Mount*> below(std::string_view path) const;

  [[nodiscard]] const std::vector<Mount>& mounts() const { return mounts_; }

 private:
  [[nodiscard]] const Mount* nearest(std::string_view path) const;
  [[nodiscard]] bool is_seen(const Mount& mount, const std::unordered_map<int, const Mount*>& by_id) const;

  std::vector<Mount> mounts_;
  std::map<std::string_view, const Mount*> at_;  // by mount point: the topmost
};

/// The folder or file of the superblock that `path` on `mount` is: root and what stands behind the mount
/// point.
[[nodiscard]] std::string path_in(const Mount& mount, std::string_view path);

/// Whether `inner` is `outer` or lies in it.
[[nodiscard]] bool is_within(std::string_view inner, std::string_view outer);

}  // namespace walguard::docker
