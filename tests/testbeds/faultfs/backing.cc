#include "tests/testbeds/faultfs/backing.h"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

namespace walguard::faultfs {

Backing::Backing(const std::string& directory) {
  auto root = adopt(UniqueFd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (!root) throw std::system_error(root.error(), std::generic_category(), directory);
  root_ = *std::move(root);
}

OrErrno<NodePtr> Backing::find(const Node& directory, const std::string& name) {
  return adopt(UniqueFd(::openat(directory.path_fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
}

OrErrno<NodePtr> Backing::adopt(UniqueFd path) {
  struct stat status{};
  if (!path.valid() || ::fstat(path.get(), &status) != 0) return tl::unexpected(errno);
  const FileId id{status.st_dev, status.st_ino};
  std::weak_ptr<Node>& known = nodes_[id];
  if (NodePtr node = known.lock()) return node;
  auto node = std::make_shared<Node>(id, std::move(path));
  known = node;
  return node;
}

OrErrno<std::string> read_bytes(const Node& node, off_t offset, std::size_t length) {
  const UniqueFd fd(::open(node.path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return tl::unexpected(errno);
  return read_bytes(fd.get(), offset, length);
}

OrErrno<std::string> read_bytes(int fd, off_t offset, std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = ::pread(fd, bytes.data() + done, length - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

off_t size_of(const Node& node) {
  struct stat status{};
  return ::fstat(node.path_fd(), &status) == 0 ? status.st_size : 0;
}

}  // namespace walguard::faultfs
