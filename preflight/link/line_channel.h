#ifndef WALGUARD_PREFLIGHT_LINK_LINE_CHANNEL_H_
#define WALGUARD_PREFLIGHT_LINK_LINE_CHANNEL_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// The longest line either side may send, in bytes, newline not counted.
inline constexpr std::size_t kMaxLineBytes = 256UL * 1024;

/// Lines over a stream socket, never blocking: a socketpair or TCP, with the same code.
///
/// Owns the descriptor. Not thread-safe. The owner polls fd() for poll_events() and calls receive() and
/// flush(). A peer that closes, errs or sends too long a line makes it closed; lines received before are
/// still handed out by next_line(). Whatever a peer sends, no more than one such line and one read is held.
class LineChannel {
 public:
  /// `fd` is made non-blocking.
  explicit LineChannel(UniqueFd fd, std::size_t max_line_bytes = kMaxLineBytes);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool closed() const { return closed_; }
  /// "it closed the connection", "ECONNRESET", ...; empty while it is open.
  [[nodiscard]] const std::string& why_closed() const { return why_closed_; }
  /// For a peer that has shown who it is.
  void set_max_line_bytes(std::size_t bytes) { max_line_bytes_ = bytes; }
  /// Hangs up, and forgets what was received and not handed out.
  void close(std::string_view why);
  /// POLLIN, and POLLOUT while something waits to be sent.
  [[nodiscard]] short poll_events() const;

  /// Queues the line with its newline and sends what the socket takes now.
  void send(std::string_view line);
  void flush();
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size(); }

  /// Takes in what has arrived.
  void receive();
  [[nodiscard]] std::optional<std::string> next_line();

  /// Blocks until all is sent or the peer is gone.
  void flush_all();

 private:
  void mark_closed(std::string_view why);

  UniqueFd fd_;
  std::size_t max_line_bytes_;
  std::string in_;
  std::size_t begin_ = 0;    // of the next line in in_
  std::size_t scanned_ = 0;  // from begin_ to here there is no newline
  std::string out_;
  bool closed_ = false;
  std::string why_closed_;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_LINE_CHANNEL_H_
