/// What is mounted on a machine, from the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)), and which
/// mount a path leads to. Pure; thread-safe once built.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace walguard::docker {

struct Mount {
  int id = 0;
  int parent = 0;
  std::string device;         ///< "major:minor" of the superblock: one page cache
  std::string root;           ///< the folder of the superblock that is mounted here
  std::string mount_point;    ///< unescaped
  std::string options;        ///< of this mount: "rw,noatime"
  std::string type;           ///< "ext4", "fuse.sshfs"
  std::string source;         ///< unescaped: "/dev/sda1", "server:/export"
  std::string super_options;  ///< unescaped

  bool operator==(const Mount&) const = default;
};

/// Lines that cannot be read are left out: one odd mount must not hide the others.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);

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
