#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "operator/server/tls_identity.h"
#include "operator/server/unique_fd.h"

namespace walguard::server {

enum class IoStatus {
  kDone,       ///< `bytes` were moved (at least one), or the handshake is over
  kWantRead,   ///< call again when the socket is readable
  kWantWrite,  ///< call again when the socket is writable
  kClosed,     ///< the peer has ended the stream, or it broke: nothing more will come
};

struct IoResult {
  IoStatus status;
  std::size_t bytes = 0;
};

/// The byte stream of one connection, over TLS or plain. Nothing blocks. Used by one thread at a time.
class Transport {
 public:
  /// `socket` must be non-blocking. A null `ssl` means plain TCP; else it must be set up on that same socket.
  Transport(UniqueFd socket, SslPtr ssl);

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// At once kDone on a plain connection.
  IoResult handshake();
  /// True once a byte of the peer's handshake has come.
  [[nodiscard]] bool handshake_begun() const;
  /// True after a handshake that failed because the client spoke plain HTTP.
  [[nodiscard]] bool peer_speaks_plain_http() const { return plain_http_on_tls_; }

  IoResult read(std::span<char> into);
  /// True when read() may yield bytes although the socket is not readable: TLS has taken them in already.
  [[nodiscard]] bool has_buffered_input() const;
  IoResult write(std::string_view data);

  /// Ends our side of the stream: TLS close_notify, then FIN. The peer may go on sending.
  void send_end();
  /// Throws away what the peer has sent, undecrypted. Only after send_end(). kDone: there may be more.
  IoResult discard(std::span<char> scratch);
  /// Writes past TLS, as far as the socket takes it; for the one message to a client that does not speak TLS.
  void write_plain(std::string_view data);

 private:
  [[nodiscard]] IoResult plain_result(long moved, IoStatus when_blocked) const;
  IoResult tls_failure(int result);

  UniqueFd socket_;  // declared before ssl_, which refers to it
  SslPtr ssl_;
  bool tls_broken_ = false;
  bool plain_http_on_tls_ = false;
};

}  // namespace walguard::server
