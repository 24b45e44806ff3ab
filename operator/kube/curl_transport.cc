#include "operator/kube/curl_transport.h"

#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include <curl/curl.h>
#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_session.h"
#include "operator/kube/http.h"

namespace walguard::kube {
namespace {

constexpr int kUnauthorized = 401;

}  // namespace

CurlTransport::CurlTransport(ClusterConfig cluster, std::unique_ptr<CredentialSource> credentials,
                             CurlTransportOptions options)
    : cluster_(std::move(cluster)), credentials_(std::move(credentials)), options_(std::move(options)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);  // counted and thread-safe since curl 7.84
}

CurlTransport::~CurlTransport() {
  idle_.clear();
  curl_global_cleanup();
}

std::unique_ptr<CurlSession> CurlTransport::take_session() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<CurlSession>();
  auto session = std::move(idle_.back());  // the one used last has the warmest connection
  idle_.pop_back();
  return session;
}

void CurlTransport::give_back(std::unique_ptr<CurlSession> session) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < options_.idle_sessions) idle_.push_back(std::move(session));
}

tl::expected<HttpReply, TransportError> CurlTransport::exchange(const HttpRequest& request,
                                                                const BodySink& sink,
                                                                const std::stop_token& stop) {
  for (bool may_try_again = true;; may_try_again = false) {
    const auto credential = credentials_->current(stop);
    if (!credential) return tl::unexpected(TransportError{ExchangeFailure::kCredentials, credential.error()});
    // Given back only after a whole reply. Else it ends with its connection, which may be dead without either
    // side having been told: HTTP/2 would put the next request onto it
    // (https://github.com/golang/go/issues/39337).
    auto session = take_session();
    auto result = session->exchange(cluster_, options_, *credential, request, sink, stop);
    if (result) give_back(std::move(session));
    const bool refused = result && result->status == kUnauthorized;
    if (!refused || !may_try_again || !credentials_->forget(*credential)) return result;
  }
}

}  // namespace walguard::kube
