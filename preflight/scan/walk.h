#ifndef WALGUARD_PREFLIGHT_SCAN_WALK_H_
#define WALGUARD_PREFLIGHT_SCAN_WALK_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

/// Goes through the regular files below a directory without being led out of it.
namespace walguard::preflight {

/// A regular file that the walk has come to. All of it is valid during the call alone.
struct WalkedFile {
  int folder;             ///< descriptor of its folder, for the *at() calls
  const char* name;       ///< in that folder
  std::string_view path;  ///< the whole
  std::uint64_t bytes;
};

/// Told of what the walk meets; called from the thread of walk().
class WalkVisitor {
 public:
  WalkVisitor() = default;
  WalkVisitor(const WalkVisitor&) = delete;
  WalkVisitor& operator=(const WalkVisitor&) = delete;
  virtual ~WalkVisitor() = default;

  virtual void file(const WalkedFile& file) = 0;
  /// A folder was read, or begun to be read.
  virtual void folder(std::string_view path) = 0;
  /// Something was passed over. `reason`: the name of an errno, or words.
  virtual void skipped(std::string_view path, std::string_view reason) = 0;
};

/// Visits every regular file below `dir`, in the order of the filesystem.
///
/// `dir` itself may be a symbolic link; below it none is followed, and every step goes through the descriptor
/// of a folder already reached, so a rename meanwhile cannot lead elsewhere. Other mounts are entered, but
/// not /proc, /sys and their kind, nor a folder that is its own ancestor (a bind mount), nor what lies deeper
/// than a path can say (PATH_MAX). Sockets, FIFOs and devices are never opened. What vanishes meanwhile is as
/// if it had never been. Access times are left alone where the kernel allows it: for the owner of a folder,
/// and root.
///
/// Memory: the names of the subfolders not yet visited, along one path. Descriptors: five, at any depth.
/// Blocks for as long as the storage does.
///
/// The error says what is wrong with `dir`: one sentence with a remedy. Whatever the visitor throws passes
/// through.
[[nodiscard]] tl::expected<void, std::string> walk(const std::string& dir, WalkVisitor& visitor);

/// O_NOATIME is for the owner and root alone (open(2)); others open without it. -1 and errno on failure.
[[nodiscard]] int open_quietly(int folder, const char* name, int flags);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_SCAN_WALK_H_
