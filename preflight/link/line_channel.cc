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

#include "preflight/link/errno_name.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kReadBytes = 32UL * 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

LineChannel::LineChannel(UniqueFd fd, std::size_t max_line_bytes)
    : fd_(std::move(fd)), max_line_bytes_(max_line_bytes) {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK) < 0) mark_closed(errno_name(errno));
}

void LineChannel::mark_closed(std::string_view why) {
  if (std::exchange(closed_, true)) return;
  why_closed_ = why;
}

void LineChannel::close(std::string_view why) {
  closed_ = true;
  why_closed_ = why;
  fd_.reset();
  in_.clear();
  out_.clear();
  begin_ = scanned_ = 0;
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
  in_.erase(0, begin_);
  scanned_ -= std::exchange(begin_, 0);
  std::array<char, kReadBytes> bytes;
  // One read at a time once a line's worth is in: the rest stays in the socket, and its sender waits.
  while (!closed_ && in_.size() <= max_line_bytes_) {
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && would_block(errno)) break;
    if (got < 0) mark_closed(errno_name(errno));
    if (got == 0) mark_closed("it closed the connection");
    if (got > 0) in_.append(bytes.data(), static_cast<std::size_t>(got));
    if (got < static_cast<ssize_t>(bytes.size())) break;  // that was all; what comes now is polled for
  }
  if (in_.size() > max_line_bytes_ && in_.find('\n') == std::string::npos) {
    mark_closed("it sent a line of more than " + std::to_string(max_line_bytes_) + " bytes");
  }
}

std::optional<std::string> LineChannel::next_line() {
  const std::size_t newline = in_.find('\n', scanned_);
  if (newline == std::string::npos) {
    scanned_ = in_.size();
    return std::nullopt;
  }
  std::string line = in_.substr(begin_, newline - begin_);
  begin_ = scanned_ = newline + 1;
  return line;
}

}  // namespace walguard::preflight
