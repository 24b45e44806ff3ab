#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "operator/server/tls_identity.h"
#include "operator/server/unique_fd.h"

namespace walguard::server::testing {

/// Status 0: the connection ended before a whole answer had come.
struct Reply {
  int status = 0;
  std::string head = {};  ///< all of it, as sent
  std::string body = {};
};

/// One blocking connection to 127.0.0.1 that says exactly what a test tells it to. Every wait ends after
/// kPatience, as if the server had closed, so that a test fails rather than hangs.
class TestClient {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  /// A TCP connection on which TLS has not begun. Throws when there is no connection.
  explicit TestClient(int port);
  /// Likewise on a unix socket.
  explicit TestClient(const std::string& path);
  static TestClient tls(int port);

  /// Does the TLS handshake, showing a certificate where files are given; false when it fails.
  bool start_tls(const TlsFiles* shown = nullptr);
  /// False when the connection is broken.
  bool send(std::string_view data);
  /// The next answer. 100 Continue is an answer like any other.
  Reply receive(bool to_head_request = false);
  /// send() and receive().
  Reply ask(std::string_view request);
  /// Reads on; true when the server ends the connection without sending anything more.
  bool is_closed();
  /// True when the server has sent something or closed within `wait`.
  [[nodiscard]] bool is_readable(std::chrono::milliseconds wait) const;
  /// Ends our side of the stream only.
  void half_close();
  /// Common name of the certificate the server showed.
  [[nodiscard]] std::string server_name() const;
  /// The application protocol the handshake agreed on; "" for none.
  [[nodiscard]] std::string protocol() const;

 private:
  bool fill();
  [[nodiscard]] bool tls_has_input() const;

  UniqueFd socket_;
  SslContextPtr context_;
  SslPtr ssl_;
  std::string buffer_;
};

/// A POST with a body of known length.
std::string post(std::string_view target, std::string_view body, std::string_view more_headers = "");

/// Polls until `condition` holds; false when it does not within TestClient::kPatience.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + TestClient::kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace walguard::server::testing
