#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/tls_identity.h"
#include "operator/server/unix_listener.h"

namespace walguard::server {

/// Counted since the start, but for the first two, which are of now. For metrics.
struct HttpStats {
  std::size_t open_connections = 0;
  std::size_t threads = 0;
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;           ///< answered by a handler or the router, refused ones included
  std::uint64_t failed_handshakes = 0;  ///< TLS that ended in an error, not at the deadline
  std::uint64_t deadlines_missed = 0;   ///< requests, handshakes and answers the client was too slow for
  std::uint64_t evicted = 0;            ///< closed to make room at `max_connections`
};

/// An HTTP/1.1 server over TLS or in the clear, built so that no client can hold it up.
///
/// A connection costs a file descriptor and a few kilobytes, never a thread: every socket is non-blocking and
/// belongs to one of a few event loops, which reads, decrypts and parses what has come, calls the handler
/// once a request is whole, and holds every wait to a deadline. A stalled handshake, a trickling request and
/// an idle connection so cost the next request nothing. ARCHITECTURE: acceptor thread -> EventLoop (one a
/// thread) -> Connection -> Transport (TLS or plain), RequestParser (Boost.Beast), Router.
///
/// Answers without a handler: 400 not HTTP, 404 no such path, 405 with Allow, 408 too slow, 413 body over the
/// limit (chunked ones too), 415 compressed body, 431 head over the limit, 500 handler threw, 505 other HTTP
/// version.
///
/// One thread owns the server and calls route, start and drain; stats, reload_certificate and use_certificate
/// may be called from any. It installs no signal handler; its threads block all signals, so they reach the
/// caller's. SIGPIPE included.
class HttpServer {
 public:
  /// Without `tls` it speaks plain HTTP. The files are read by start(). `log` gets the rare line an operator
  /// needs (a handler that threw, no file descriptors left).
  HttpServer(HttpLimits limits, std::optional<TlsSource> tls, HttpLog log);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// Closes what is open without waiting for it, like drain(0).
  ~HttpServer();

  /// Before start(). `path` is compared exactly. HEAD is answered by the handler for GET.
  void route(std::string method, std::string path, HttpHandler handler);

  /// Listens and serves; returns at once with the port bound, which is `port` unless that is 0 (any free
  /// one). `host` is a name or an address, "" every address. The error names the file or address at fault and
  /// a remedy; after one, nothing runs. Call once.
  [[nodiscard]] tl::expected<int, std::string> start(const std::string& host, int port);

  /// The same on a socket in the file system, which is removed at the end.
  [[nodiscard]] tl::expected<void, std::string> start(const UnixSocketPlace& place);

  /// Reads the TLS source again. New connections get the new certificate, open ones keep theirs. On an error
  /// (which names the file) the old certificate stays in use. Does nothing on a plain server.
  [[nodiscard]] tl::expected<void, std::string> reload_certificate();

  /// The same with another pair, which is the source from then on.
  [[nodiscard]] tl::expected<void, std::string> use_certificate(TlsPem pem);

  /// Stops accepting, closes idle connections, answers the requests already under way with "Connection:
  /// close", and returns once all are closed or `timeout` has passed, when the rest is cut. A handler that
  /// does not return is waited for. True when nothing had to be cut. After that the server is done for good;
  /// later calls return true.
  bool drain(std::chrono::milliseconds timeout);

  [[nodiscard]] HttpStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace walguard::server
