#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace walguard::server {

/// Readable bytes after the end of `HttpRequest::body`; their values mean nothing. simdjson reads in whole
/// blocks and so past the end of what it parses (its SIMDJSON_PADDING is 64): with this it needs no copy of
/// the body.
inline constexpr std::size_t kBodyPadding = 64;

/// One whole request. Every view is valid only until the handler returns.
struct HttpRequest {
  std::string_view method = {};        ///< as sent, e.g. "POST"
  std::string_view path = {};          ///< before the '?', as sent (not percent-decoded)
  std::string_view query = {};         ///< after the '?', as sent; "" without one
  std::string_view content_type = {};  ///< "" where the client gave none
  std::string_view body = {};          ///< followed by at least kBodyPadding readable bytes
};

struct HttpResponse {
  int status = 200;
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
  /// Further header fields. Content-Length, Content-Type and Connection are the server's own.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Answers one request. Called on the server's few threads, several at once, while other connections wait for
/// that thread: it must be thread-safe and answer from memory. May throw: the client gets a 500, the server
/// lives.
using HttpHandler = std::function<void(const HttpRequest&, HttpResponse&)>;

/// Receives one line (without newline) for the operator to read. Called from any thread; must not throw.
using HttpLog = std::function<void(std::string_view)>;

}  // namespace walguard::server
