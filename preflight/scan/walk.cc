#include "preflight/scan/walk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <tl/expected.hpp>

#include "preflight/link/errno_name.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

// Views of the kernel's own state: they hold no databases, may be endless, and to open an autofs entry mounts
// something. The last five are in no header; they stand in the kernel's sources (fs/configfs,
// fs/fuse/control.c, ipc/mqueue.c, net/sunrpc/rpc_pipe.c, fs/nfsd/nfsctl.c).
constexpr std::array<std::uint64_t, 21> kPseudoFilesystems = {
    PROC_SUPER_MAGIC, SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC,
    DEBUGFS_MAGIC,    TRACEFS_MAGIC,  SECURITYFS_MAGIC,   PSTOREFS_MAGIC,      BPF_FS_MAGIC,
    EFIVARFS_MAGIC,   BINFMTFS_MAGIC, SELINUX_MAGIC,      SMACK_MAGIC,         AUTOFS_SUPER_MAGIC,
    NSFS_MAGIC,       0x62656570,     0x65735543,         0x19800202,          0x67596969,
    0x6e667364};

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
constexpr int kStepFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool is_pseudo(int folder) {
  struct statfs facts{};
  if (::fstatfs(folder, &facts) != 0) return false;
  const auto type = static_cast<std::uint64_t>(static_cast<std::uint32_t>(facts.f_type));
  return std::ranges::find(kPseudoFilesystems, type) != kPseudoFilesystems.end();
}

// What was there when the folder was listed and is gone, or another thing, when it is opened.
bool means_vanished(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE;
}

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// Names, each with a NUL behind it, in one piece of memory: a folder may hold a million subfolders.
class NameStack {
 public:
  [[nodiscard]] bool empty() const { return names_.empty(); }
  void clear() { names_.clear(); }
  void push(const char* name) {
    names_ += name;
    names_ += '\0';
  }
  std::string pop() {
    names_.pop_back();
    const std::size_t before = names_.rfind('\0');
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    std::string name = names_.substr(begin);
    names_.resize(begin);
    return name;
  }

 private:
  std::string names_;
};

// A folder on the path from the root to where the walk is.
struct Level {
  dev_t device;
  ino_t inode;
  std::size_t path_end;  // in the path of the deepest level
  NameStack pending;     // subfolders not yet visited

  [[nodiscard]] bool is(const struct stat& facts) const {
    return facts.st_dev == device && facts.st_ino == inode;
  }
};

// Depth first, with one descriptor: on the way up it is reopened by "..", which counts only if it leads to
// the very folder the walk came from, and else step by step from the root.
class Walk {
 public:
  Walk(UniqueFd root, std::string path, WalkVisitor& visitor)
      : root_(std::move(root)), path_(std::move(path)), visitor_(visitor) {
    while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  }

  tl::expected<void, std::string> run() {
    struct stat facts{};
    here_ = duplicate(root_.get());
    if (!here_.valid() || ::fstat(root_.get(), &facts) != 0) {
      return tl::unexpected("DIR \"" + path_ + "\" cannot be read: " + errno_name(errno));
    }
    push_level(facts);
    read_folder(root_.get());
    while (true) {
      if (!levels_.back().pending.empty()) {
        descend(levels_.back().pending.pop());
      } else if (levels_.size() > 1) {
        ascend();
      } else {
        return {};
      }
    }
  }

 private:
  void push_level(const struct stat& facts) {
    levels_.push_back(
        {.device = facts.st_dev, .inode = facts.st_ino, .path_end = path_.size(), .pending = {}});
  }

  // The path is lengthened for the time of a call instead of copied for each of a million names.
  template <typename Use>
  void with_path(std::string_view name, const Use& use) {
    const std::size_t end = path_.size();
    if (path_ != "/") path_ += '/';
    path_ += name;
    use(path_);
    path_.resize(end);
  }

  void skip(std::string_view name, std::string_view reason) {
    with_path(name, [&](std::string_view path) { visitor_.skipped(path, reason); });
  }

  void descend(const std::string& name) {
    if (path_.size() + 1 + name.size() >= PATH_MAX) return skip(name, "its path is too long to be opened");
    UniqueFd folder(open_quietly(here_.get(), name.c_str(), kFolderFlags | O_NOFOLLOW));
    if (!folder.valid()) {
      if (!means_vanished(errno)) skip(name, errno_name(errno));
      return;
    }
    struct stat facts{};
    if (::fstat(folder.get(), &facts) != 0) return skip(name, errno_name(errno));
    if (facts.st_dev != levels_.back().device && is_pseudo(folder.get())) {
      return skip(name, "a pseudo filesystem of the kernel");
    }
    const bool loops = std::ranges::any_of(levels_, [&](const Level& level) { return level.is(facts); });
    if (loops) return skip(name, "leads back to a folder above it");
    if (path_ != "/") path_ += '/';
    path_ += name;
    push_level(facts);
    read_folder(folder.get());
    here_ = std::move(folder);
  }

  void ascend() {
    levels_.pop_back();
    Level& level = levels_.back();
    path_.resize(level.path_end);
    UniqueFd parent(::openat(here_.get(), "..", kStepFlags));
    struct stat facts{};
    const bool came_back = parent.valid() && ::fstat(parent.get(), &facts) == 0 && level.is(facts);
    if (!came_back) parent = reopen_from_root();
    if (parent.valid()) {
      here_ = std::move(parent);
    } else if (!level.pending.empty()) {
      visitor_.skipped(path_, "moved away while it was read");
      level.pending.clear();
    }
  }

  UniqueFd reopen_from_root() {
    UniqueFd folder = duplicate(root_.get());
    for (std::size_t i = 1; i < levels_.size() && folder.valid(); ++i) {
      const std::size_t begin = levels_[i - 1].path_end;
      std::string name = path_.substr(begin, levels_[i].path_end - begin);
      if (name.starts_with('/')) name.erase(0, 1);
      folder = UniqueFd(::openat(folder.get(), name.c_str(), kStepFlags));
    }
    return folder;
  }

  void read_folder(int folder) {
    visitor_.folder(path_);
    UniqueFd copy = duplicate(folder);
    const std::unique_ptr<DIR, int (*)(DIR*)> list(copy.valid() ? ::fdopendir(copy.get()) : nullptr,
                                                   ::closedir);
    if (!list) return visitor_.skipped(path_, errno_name(errno));
    (void)copy.release();  // it is the list's now
    while (true) {
      errno = 0;
      const dirent* const entry = ::readdir(list.get());
      if (entry == nullptr) break;
      take(folder, *entry);
    }
    if (errno != 0 && !means_vanished(errno)) visitor_.skipped(path_, errno_name(errno));
  }

  void take(int folder, const dirent& entry) {
    const char* const name = static_cast<const char*>(entry.d_name);
    const std::string_view text = name;
    if (text == "." || text == "..") return;
    if (entry.d_type == DT_DIR) return levels_.back().pending.push(name);
    if (entry.d_type != DT_REG && entry.d_type != DT_UNKNOWN) return;
    // d_type may be of a name that was replaced meanwhile; only what is a regular file now is offered.
    struct stat facts{};
    if (::fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
      if (!means_vanished(errno)) skip(text, errno_name(errno));
      return;
    }
    if (S_ISDIR(facts.st_mode)) return levels_.back().pending.push(name);
    if (!S_ISREG(facts.st_mode)) return;
    with_path(text, [&](std::string_view path) {
      visitor_.file({.folder = folder,
                     .name = name,
                     .path = path,
                     .bytes = static_cast<std::uint64_t>(std::max<off_t>(0, facts.st_size))});
    });
  }

  UniqueFd root_;
  UniqueFd here_;  // the folder of levels_.back()
  std::string path_;
  WalkVisitor& visitor_;
  std::vector<Level> levels_;
};

}  // namespace

int open_quietly(int folder, const char* name, int flags) {
  const int quiet = ::openat(folder, name, flags | O_CLOEXEC | O_NOATIME);
  if (quiet >= 0 || errno != EPERM) return quiet;
  return ::openat(folder, name, flags | O_CLOEXEC);
}

tl::expected<void, std::string> walk(const std::string& dir, WalkVisitor& visitor) {
  UniqueFd root(open_quietly(AT_FDCWD, dir.c_str(), kFolderFlags));
  if (!root.valid()) {
    return tl::unexpected("DIR \"" + dir + "\" cannot be read: " + errno_name(errno) +
                          "; name a directory that this user may list");
  }
  if (is_pseudo(root.get())) {
    return tl::unexpected("DIR \"" + dir +
                          "\" is a pseudo filesystem of the kernel; name a directory of files");
  }
  return Walk(std::move(root), dir, visitor).run();
}

}  // namespace walguard::preflight
