#pragma once

#include <string>

#include <sys/types.h>
#include <tl/expected.hpp>

#include "operator/server/unique_fd.h"

namespace walguard::server {

/// Where a server listens for programs of its own machine.
struct UnixSocketPlace {
  std::string path;
  /// Who may connect beside root, where the system has such a group and this process may give the socket to
  /// it; else it is this process's own group. "" asks for nothing.
  std::string group;
  mode_t mode = 0660;
};

/// The name of a listening socket in the file system; removed when this goes, unless another program has put
/// a socket of its own there meanwhile.
class SocketFile {
 public:
  SocketFile() = default;
  SocketFile(std::string path, dev_t device, ino_t inode);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile() { remove(); }

  /// Now rather than at the end. Does nothing the second time.
  void remove();

 private:
  std::string path_;  // "": there is none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct UnixListener {
  UniqueFd socket;  ///< non-blocking
  SocketFile file;
};

/// Listens at `place`. The socket appears there with its mode and group already set, in one step.
///
/// What a program that died has left there is replaced. Refused: a socket that somebody answers at, and
/// whatever is no socket. Two programs that start at once take turns by a lock on the folder, so that one of
/// them is refused. The folder is not made. Blocks for as long as the file system does. The error names the
/// path and a remedy.
[[nodiscard]] tl::expected<UnixListener, std::string> listen_on_path(const UnixSocketPlace& place);

}  // namespace walguard::server
