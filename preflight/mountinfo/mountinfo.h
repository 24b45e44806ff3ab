/// What is mounted, by the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Pure: works on text, touches
/// no filesystem, which matters where a dead server would make statfs hang. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace walguard::mountinfo {

struct Mount {
  int id = 0;
  int parent = 0;
  std::string device;         ///< "major:minor" of the superblock: one page cache
  std::string root;           ///< the folder of the superblock that is mounted here; unescaped
  std::string mount_point;    ///< unescaped
  std::string options;        ///< of this mount: "rw,noatime"
  std::string fstype;         ///< "ext4", "fuse.sshfs"
  std::string source;         ///< unescaped: "/dev/sda1", "server:/export"; may be empty
  std::string super_options;  ///< unescaped

  bool operator==(const Mount&) const = default;
};

/// Lines that cannot be read are left out: one odd mount must not hide the others.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);

/// The mount that holds `path` (absolute, no "." or ".." in it): of the mounts that lead to it, those on
/// `device` if there are any (a mount further down the path may be covered by one above it); of these the
/// longest mount point; of those at one point the last, which covers the earlier. `device` is st_dev as
/// "major:minor", empty where unknown; btrfs subvolumes have one of their own, which mountinfo does not show.
[[nodiscard]] std::optional<Mount> find_mount(const std::vector<Mount>& mounts, std::string_view path,
                                              std::string_view device);

}  // namespace walguard::mountinfo
