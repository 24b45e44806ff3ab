#ifndef WALGUARD_PREFLIGHT_AGENT_MOUNTINFO_H_
#define WALGUARD_PREFLIGHT_AGENT_MOUNTINFO_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What /proc/self/mountinfo says (proc_pid_mountinfo(5)). Pure: works on text, touches no filesystem, which
/// matters where a dead server would make statfs hang.
namespace walguard::preflight {

struct Mount {
  std::string device;       ///< "major:minor" of the superblock
  std::string mount_point;  ///< unescaped
  std::string options;      ///< of this mount: "rw,noatime"
  std::string fstype;       ///< "ext4", "fuse.sshfs"
  std::string source;
  std::string super_options;

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

/// Where a sandbox's own kernel shows. Empty where a text could not be read.
struct SandboxSigns {
  std::string proc_version = {};  ///< /proc/version
  std::string command_line = {};  ///< /proc/cmdline
  std::string kernel_log = {};    ///< as dmesg prints it
  std::vector<Mount> mounts = {};
};

/// Which sandbox's kernel this is: "gvisor", "kata", or empty where there is no sign of one.
[[nodiscard]] std::string detect_sandbox(const SandboxSigns& signs);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_MOUNTINFO_H_
