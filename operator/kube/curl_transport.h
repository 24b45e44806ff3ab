/// HTTP to one API server through libcurl: TLS, proxies, HTTP/1.1 and HTTP/2, connections kept for the next
/// request.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/http.h"

namespace walguard::kube {

class CurlSession;

enum class HttpVersion : std::uint8_t {
  kNegotiated,  ///< HTTP/2 where TLS agrees on it, else HTTP/1.1
  kOnePointOne,
};

struct CurlTransportOptions {
  std::string user_agent = "walguard/" WALGUARD_VERSION;
  HttpVersion http_version = HttpVersion::kNegotiated;
  std::chrono::milliseconds connect_timeout{10'000};  ///< name look-up, TCP, proxy and TLS together
  std::size_t idle_sessions = 4;                      ///< kept with their connections between requests
};

/// Thread-safe: exchanges at the same time use connections of their own, which later ones use again.
///
/// A request that is stopped ends at once, whatever it waits for but for a name look-up, which getaddrinfo(3)
/// cannot be called back from. A certificate of the configuration that is replaced on disk is used by new
/// connections; connections are not used for new requests after ten minutes. An answer of 401 asks the
/// CredentialSource for another credential and tries once more.
class CurlTransport : public HttpTransport {
 public:
  /// Touches no file and no network.
  CurlTransport(ClusterConfig cluster, std::unique_ptr<CredentialSource> credentials,
                CurlTransportOptions options = {});
  ~CurlTransport() override;

  [[nodiscard]] tl::expected<HttpReply, TransportError> exchange(const HttpRequest& request,
                                                                 const BodySink& sink,
                                                                 const std::stop_token& stop) override;

 private:
  std::unique_ptr<CurlSession> take_session();
  void give_back(std::unique_ptr<CurlSession> session);

  const ClusterConfig cluster_;
  const std::unique_ptr<CredentialSource> credentials_;
  const CurlTransportOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<CurlSession>> idle_;
};

}  // namespace walguard::kube
