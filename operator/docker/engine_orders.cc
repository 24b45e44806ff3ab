#include "operator/docker/engine_orders.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/docker/engine_api.h"
#include "operator/docker/engine_connection.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/http.h"
#include "operator/wire/docker_api.h"

namespace walguard::docker {
namespace {

constexpr int kNotModified = 304;
constexpr int kNoSuchThing = 404;

class CurlEngineOrders : public EngineOrders {
 public:
  explicit CurlEngineOrders(const kube::ClusterConfig& engine)
      : transport_(engine, kube::make_credential_source(engine, [] { return std::chrono::sys_seconds(); }),
                   {.http_version = kube::HttpVersion::kOnePointOne,
                    .connect_timeout = std::chrono::milliseconds(2'000)}) {}

  tl::expected<std::string, EngineError> order(const EngineOrder& order,
                                               const std::stop_token& stop) override {
    kube::HttpRequest request;
    request.method = order.method;
    request.target = order.target;
    request.body = order.body;
    request.silence = order.longest;
    request.deadline = order.longest;
    request.largest_body = std::size_t{1} << 20U;
    auto reply = transport_.exchange(request, {}, stop);
    if (!reply) return tl::unexpected(EngineError{.message = std::move(reply.error().message)});
    const bool done = (reply->status >= 200 && reply->status < 300) || reply->status == kNotModified;
    if (done) return std::move(reply->body);
    return tl::unexpected(EngineError{.not_found = reply->status == kNoSuchThing,
                                      .message = "the engine answered " + std::to_string(reply->status) +
                                                 ": " + wire::read_docker_error(reply->body)});
  }

 private:
  kube::CurlTransport transport_;
};

}  // namespace

tl::expected<std::unique_ptr<EngineOrders>, std::string> connect_engine_orders(const std::string& host) {
  return connection_to(host).map([](const kube::ClusterConfig& engine) -> std::unique_ptr<EngineOrders> {
    return std::make_unique<CurlEngineOrders>(engine);
  });
}

}  // namespace walguard::docker
