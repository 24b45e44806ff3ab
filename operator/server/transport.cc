#include "operator/server/transport.h"

#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "operator/server/tls_identity.h"
#include "operator/server/unique_fd.h"

namespace walguard::server {

Transport::Transport(UniqueFd socket, SslPtr ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {}

IoResult Transport::handshake() {
  if (!ssl_) return {IoStatus::kDone};
  ERR_clear_error();  // else an error that another connection left on this thread would be taken for ours
  const int result = SSL_accept(ssl_.get());
  if (result == 1) return {IoStatus::kDone};
  const bool http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  const IoResult failure = tls_failure(result);
  plain_http_on_tls_ = failure.status == IoStatus::kClosed && http;
  return failure;
}

bool Transport::handshake_begun() const { return ssl_ && BIO_number_read(SSL_get_rbio(ssl_.get())) > 0; }

IoResult Transport::read(std::span<char> into) {
  if (!ssl_) {
    return plain_result(::recv(socket_.get(), into.data(), into.size(), 0), IoStatus::kWantRead);
  }
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  return result == 1 ? IoResult{IoStatus::kDone, bytes} : tls_failure(result);
}

bool Transport::has_buffered_input() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

IoResult Transport::write(std::string_view data) {
  if (!ssl_) {
    return plain_result(::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL), IoStatus::kWantWrite);
  }
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_.get(), data.data(), data.size(), &bytes);
  return result == 1 ? IoResult{IoStatus::kDone, bytes} : tls_failure(result);
}

void Transport::send_end() {
  // After a fatal TLS error, or within the handshake, there is no session to end.
  if (ssl_ && !tls_broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // one way: the peer's answer is not awaited
  }
  ::shutdown(socket_.get(), SHUT_WR);
}

IoResult Transport::discard(std::span<char> scratch) {
  return plain_result(::recv(socket_.get(), scratch.data(), scratch.size(), 0), IoStatus::kWantRead);
}

void Transport::write_plain(std::string_view data) {
  [[maybe_unused]] const auto sent = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
}

IoResult Transport::plain_result(long moved, IoStatus when_blocked) const {
  if (moved > 0) return {IoStatus::kDone, static_cast<std::size_t>(moved)};
  const bool blocked = moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return {blocked ? when_blocked : IoStatus::kClosed};
}

IoResult Transport::tls_failure(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::kWantRead};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::kWantWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::kClosed};
    default:
      tls_broken_ = true;
      return {IoStatus::kClosed};
  }
}

}  // namespace walguard::server
