#include "operator/server/unix_listener.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "operator/server/unique_fd.h"

namespace walguard::server {
namespace {

constexpr gid_t kNoGroup = static_cast<gid_t>(-1);

tl::unexpected<std::string> no_listener(const std::string& path, const std::string& what,
                                        const std::string& remedy) {
  return tl::make_unexpected("cannot listen on \"" + path + "\": " + what + ". Remedy: " + remedy);
}

tl::unexpected<std::string> no_socket_file(const std::string& path, int error) {
  return no_listener(path, std::generic_category().message(error),
                     "give a path in a folder that exists and that this user may write to");
}

UniqueFd new_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

/// Callers have seen that the path fits.
sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

/// Held while what stands at a path of the folder is looked at and replaced, by every walguard that does so.
UniqueFd lock_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  UniqueFd opened(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return {};
  while (::flock(opened.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return {};
  }
  return opened;
}

/// Nothing where the path is free or holds what a dead program has left.
tl::expected<void, std::string> may_take(const std::string& path) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) {
    return errno == ENOENT ? tl::expected<void, std::string>() : no_socket_file(path, errno);
  }
  if (!S_ISSOCK(there.st_mode)) {
    return no_listener(path, "there is something else that is no socket",
                       "move it away, or give another path");
  }
  const UniqueFd socket = new_socket();
  const sockaddr_un address = address_of(path);
  const bool answered =
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!answered && errno == ECONNREFUSED) return {};
  // All else, a full queue too, is somebody.
  return no_listener(path, "a running program listens there already",
                     "stop that program first, or give another path");
}

gid_t group_id(const std::string& name) {
  if (name.empty()) return kNoGroup;
  std::vector<char> room(16384);
  group entry{};
  group* found = nullptr;
  while (::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == ERANGE)
    room.resize(room.size() * 2);
  return found != nullptr ? found->gr_gid : kNoGroup;
}

/// The last step makes the socket known under its name, so that nobody sees it with other rights.
tl::expected<UnixListener, std::string> bind_aside_and_rename(const UnixSocketPlace& place,
                                                              const std::string& aside) {
  UniqueFd socket = new_socket();
  const sockaddr_un address = address_of(aside);
  const auto give_up = [&] {
    const int error = errno;
    (void)::unlink(aside.c_str());
    return no_socket_file(place.path, error);
  };
  (void)::unlink(aside.c_str());  // of a program with our process id, which therefore is dead
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return give_up();
  if (const gid_t group = group_id(place.group); group != kNoGroup) {
    // Where this is not allowed fewer may connect than could, which is the harmless side.
    [[maybe_unused]] const int given = ::chown(aside.c_str(), static_cast<uid_t>(-1), group);
  }
  struct stat made{};
  if (::chmod(aside.c_str(), place.mode) != 0 || ::listen(socket.get(), SOMAXCONN) != 0 ||
      ::lstat(aside.c_str(), &made) != 0 || ::rename(aside.c_str(), place.path.c_str()) != 0)
    return give_up();
  return UnixListener{.socket = std::move(socket), .file = SocketFile(place.path, made.st_dev, made.st_ino)};
}

}  // namespace

SocketFile::SocketFile(std::string path, dev_t device, ino_t inode)
    : path_(std::move(path)), device_(device), inode_(inode) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

void SocketFile::remove() {
  const std::string path = std::exchange(path_, {});
  if (path.empty()) return;
  const UniqueFd lock = lock_folder(path);
  struct stat there{};
  const bool ours = ::lstat(path.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_;
  if (ours) (void)::unlink(path.c_str());
}

tl::expected<UnixListener, std::string> listen_on_path(const UnixSocketPlace& place) {
  // Docker looks for NAME.sock: the other name must not end like that.
  const std::string aside = place.path + "." + std::to_string(::getpid());
  if (place.path.empty() || aside.size() >= sizeof(sockaddr_un::sun_path)) {
    return no_listener(place.path, "the path is empty or too long for a socket",
                       "give one of at most 96 bytes");
  }
  const UniqueFd lock = lock_folder(place.path);
  if (!lock) return no_socket_file(place.path, errno);
  if (auto free = may_take(place.path); !free) return tl::make_unexpected(free.error());
  return bind_aside_and_rename(place, aside);
}

}  // namespace walguard::server
