#include "preflight/link/line_channel.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kReadBytes = 32UL * 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

LineChannel::LineChannel(UniqueFd fd) : fd_(std::move(fd)) {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK) < 0) closed_ = true;
}

short LineChannel::poll_events() const {
  const int events = out_.empty() ? POLLIN : (POLLIN | POLLOUT);
  return static_cast<short>(events);
}

void LineChannel::send(std::string_view line) {
  if (closed_) return;
  out_ += line;
  out_ += '\n';
  flush();
}

void LineChannel::flush() {
  while (!closed_ && !out_.empty()) {
    const ssize_t sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (!would_block(errno)) out_.clear();  // nobody will read it; what has arrived may still be read
      return;
    }
    out_.erase(0, static_cast<std::size_t>(sent));
  }
}

void LineChannel::flush_all() {
  while (!closed_ && !out_.empty()) {
    pollfd entry{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    ::poll(&entry, 1, -1);
    flush();
  }
}

void LineChannel::receive() {
  std::array<char, kReadBytes> bytes;
  while (!closed_) {
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && would_block(errno)) return;
    if (got <= 0) {
      closed_ = true;
      return;
    }
    in_.append(bytes.data(), static_cast<std::size_t>(got));
    // One read at a time once a line's worth is in: the rest stays in the socket, and its sender waits.
    if (in_.size() > kMaxLineBytes) break;
  }
  if (in_.size() > kMaxLineBytes && in_.find('\n') == std::string::npos) closed_ = true;
}

std::optional<std::string> LineChannel::next_line() {
  const std::size_t newline = in_.find('\n', scanned_);
  if (newline == std::string::npos) {
    scanned_ = in_.size();
    return std::nullopt;
  }
  std::string line = in_.substr(0, newline);
  in_.erase(0, newline + 1);
  scanned_ = 0;
  return line;
}

}  // namespace walguard::preflight
