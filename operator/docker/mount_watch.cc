#include "operator/docker/mount_watch.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "operator/docker/mount_table.h"

namespace walguard::docker {
namespace {

std::optional<std::string> read_from_start(int file) {
  std::string text;
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t count = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

MountWatch::MountWatch(std::function<std::string()> path_of) : path_of_(std::move(path_of)) {}

MountWatch::~MountWatch() { close(); }

void MountWatch::close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  table_.reset();
}

bool MountWatch::open() {
  path_ = path_of_();
  if (!path_.empty()) file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  return file_ >= 0;
}

/// proc_pid_mountinfo(5): a change of the mounts makes the file ready with POLLPRI, once.
bool MountWatch::has_changed() const {
  pollfd wait{.fd = file_, .events = POLLPRI, .revents = 0};
  return ::poll(&wait, 1, 0) != 0;
}

std::shared_ptr<const MountTable> MountWatch::current() {
  const std::lock_guard lock(mutex_);
  // An open mountinfo outlives its process, and is then that of a namespace that nobody may be in.
  if (file_ >= 0 && ::access(path_.c_str(), R_OK) != 0) close();
  const bool opened = file_ < 0;
  if (opened && !open()) return nullptr;
  const bool changed = has_changed();  // before it is read: what changes meanwhile is seen the next time
  if (!opened && !changed && table_) return table_;
  const auto text = read_from_start(file_);
  if (!text || text->empty()) {
    close();
    return nullptr;
  }
  table_ = std::make_shared<const MountTable>(parse_mountinfo(*text));
  return table_;
}

std::string mountinfo_of_engine(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof(address.sun_path)) return {};
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0) return {};
  ucred peer{};
  socklen_t length = sizeof(peer);
  const bool connected = ::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const bool known = connected && ::getsockopt(file, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
  ::close(file);
  // 0: a process that this namespace has no number for.
  return known && peer.pid > 0 ? "/proc/" + std::to_string(peer.pid) + "/mountinfo" : std::string();
}

}  // namespace walguard::docker
