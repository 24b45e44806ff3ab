#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_BACKING_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_BACKING_H_

#include <compare>
#include <map>
#include <memory>
#include <string>

#include <sys/types.h>
#include <tl/expected.hpp>

#include "preflight/link/unique_fd.h"

/// The directory behind the mounts: the truth that a fault hides or spoils.
namespace walguard::faultfs {

using preflight::UniqueFd;

/// A value, or the errno of why there is none.
template <typename T>
using OrErrno = tl::expected<T, int>;

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

/// A file or directory, held by an O_PATH descriptor. As long as one is held its inode number is not given to
/// another file, also when the last name is gone.
class Node {
 public:
  Node(FileId id, UniqueFd path) : id_(id), path_(std::move(path)) {}
  [[nodiscard]] FileId id() const { return id_; }
  [[nodiscard]] int path_fd() const { return path_.get(); }
  /// A path that leads to it, for calls that take no O_PATH descriptor.
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(path_.get()); }

 private:
  FileId id_;
  UniqueFd path_;
};
using NodePtr = std::shared_ptr<Node>;

class Backing {
 public:
  /// Throws std::system_error when there is no such directory.
  explicit Backing(const std::string& directory);

  [[nodiscard]] const NodePtr& root() const { return root_; }
  /// The same object for the same file, as long as anybody holds it.
  [[nodiscard]] OrErrno<NodePtr> find(const Node& directory, const std::string& name);

 private:
  OrErrno<NodePtr> adopt(UniqueFd path);

  std::map<FileId, std::weak_ptr<Node>> nodes_;
  NodePtr root_;
};

/// What the file holds from `offset` on, at most `length` bytes.
[[nodiscard]] OrErrno<std::string> read_bytes(const Node& node, off_t offset, size_t length);
[[nodiscard]] OrErrno<std::string> read_bytes(int fd, off_t offset, size_t length);

/// 0 where that cannot be learned.
[[nodiscard]] off_t size_of(const Node& node);

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_BACKING_H_
