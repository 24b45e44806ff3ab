/// One HTTP exchange with the API server, as the client sees it. The seam between what is asked (client.h)
/// and how it travels (curl_transport.h), so that the one is tested without the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::kube {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  ///< path and query below the server's URL: "/api/v1/pods?limit=500"
  std::string content_type = "application/json";  ///< sent only with a body
  std::string body = {};
  /// The longest time without a byte from the server, before the answer and within it.
  std::chrono::milliseconds silence{30'000};
  /// The longest time for the whole exchange; nullopt: as long as bytes come, as for a watch.
  std::optional<std::chrono::milliseconds> deadline = std::chrono::milliseconds(60'000);
  /// Called once, on the thread that called exchange(), when the head of a 2xx reply is there and before its
  /// body; may block. What it throws leaves exchange(). Empty: nobody asks.
  std::function<void()> on_begin = {};
  /// Bytes of a body that is collected; a longer one is kTooLarge.
  std::size_t largest_body = std::size_t{256} << 20U;
};

struct HttpReply {
  int status = 0;
  std::optional<std::chrono::seconds> retry_after;  ///< header Retry-After, where it is a number of seconds
  std::string body;                                 ///< empty where a BodySink took it
};

/// Why an exchange has no whole reply.
enum class ExchangeFailure : std::uint8_t {
  kUnreachable,  ///< no connection: name, address, TLS, proxy
  kCut,          ///< the connection ended, or broke the protocol, before the reply did
  kSilent,       ///< no byte for `silence`, or `deadline` passed
  kTooLarge,     ///< more than `largest_body`
  kCredentials,  ///< a token, certificate or plugin that cannot be used: nothing was sent
  kStopped,      ///< by the stop token, or by the sink
};

struct TransportError {
  ExchangeFailure failure = ExchangeFailure::kUnreachable;
  std::string message;  ///< one line for people; holds no secret
};

/// Takes the body of a 2xx reply in pieces, on the thread that called exchange(); false ends the exchange as
/// kStopped. What it throws leaves exchange().
using BodySink = std::function<bool(std::string_view piece)>;

class HttpTransport {
 public:
  HttpTransport() = default;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;
  virtual ~HttpTransport() = default;

  /// Blocks until the reply is there, something failed, or `stop` is requested by any thread. A reply of any
  /// status is a reply. Without a sink, and for every status but 2xx, the body is collected. Thread-safe.
  [[nodiscard]] virtual tl::expected<HttpReply, TransportError> exchange(const HttpRequest& request,
                                                                         const BodySink& sink,
                                                                         const std::stop_token& stop) = 0;
};

}  // namespace walguard::kube
