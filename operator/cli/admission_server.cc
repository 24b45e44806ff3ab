#include "operator/cli/admission_server.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/core/verdict.h"
#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/metrics.h"
#include "operator/server/tls_identity.h"
#include "operator/wire/policy_review.h"

namespace walguard::cli {

AdmissionServer::AdmissionServer(const ServeOptions& options, Logger& logger, AdmissionServerParts parts)
    : options_(options), logger_(logger), parts_(std::move(parts)), admission_(parts_.admission) {}

void AdmissionServer::route_https() {
  https_->route("POST", "/validate",
                [this](const server::HttpRequest& request, server::HttpResponse& response) {
                  admission_.validate(request, response);
                });
  https_->route("POST", "/mutate",
                [this](const server::HttpRequest& request, server::HttpResponse& response) {
                  admission_.mutate(request, response);
                });
  https_->route("POST", "/validate-policy",
                [this](const server::HttpRequest& request, server::HttpResponse& response) {
                  const auto answer = wire::review_policy(request.body, parts_.read_drivers);
                  response.status = answer ? 200 : 400;
                  if (answer) response.content_type = "application/json";
                  response.body = answer ? *answer : "walguard: " + answer.error() + "\n";
                });
}

std::string AdmissionServer::why_not_ready() const {
  return draining_ ? std::string("draining\n") : parts_.why_not_ready();
}

void AdmissionServer::route_http() {
  http_->route("GET", "/healthz",
               [](const server::HttpRequest&, server::HttpResponse& response) { response.body = "ok\n"; });
  http_->route("GET", "/readyz", [this](const server::HttpRequest&, server::HttpResponse& response) {
    const std::string why = why_not_ready();
    response.status = why.empty() ? 200 : 503;
    response.body = why.empty() ? "ok\n" + (parts_.remark ? parts_.remark() : "") : why;
  });
  http_->route("GET", "/metrics", [this](const server::HttpRequest&, server::HttpResponse& response) {
    server::MetricsSample sample = parts_.sample();
    sample.ready = why_not_ready().empty();
    sample.open_connections = https_->stats().open_connections;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = parts_.admission.metrics->render(sample);
  });
}

tl::expected<int, std::string> AdmissionServer::start_listener(std::unique_ptr<server::HttpServer>& listener,
                                                               const std::string& flag,
                                                               const std::string& address,
                                                               std::optional<server::TlsSource> tls) {
  const auto endpoint = parse_endpoint(flag, address);
  if (!endpoint) return tl::unexpected(endpoint.error());
  const bool secure = tls.has_value();
  listener = std::make_unique<server::HttpServer>(
      server::HttpLimits{}, std::move(tls),
      [this](std::string_view line) { logger_.write(LogSeverity::kWarning, line); });
  secure ? route_https() : route_http();
  auto port = listener->start(endpoint->host, endpoint->port);
  if (!port) return tl::unexpected(flag + ": " + port.error());
  return port;
}

tl::expected<void, std::string> AdmissionServer::start() {
  const auto https_port = start_listener(https_, "--listen", options_.listen, parts_.tls);
  if (!https_port) return tl::unexpected(https_port.error());
  const auto http_port = start_listener(http_, "--http-listen", options_.http_listen, std::nullopt);
  if (!http_port) return tl::unexpected(http_port.error());
  logger_.write(LogSeverity::kInfo, "serving",
                {{"version", WALGUARD_VERSION},
                 {"https_port", std::to_string(*https_port)},
                 {"http_port", std::to_string(*http_port)},
                 {"mode", core::name(options_.mode)}});
  return {};
}

bool AdmissionServer::drain() {
  draining_ = true;
  const bool clean = https_->drain(options_.drain_timeout);
  http_->drain(std::chrono::seconds{1});
  return clean;
}

void AdmissionServer::reload_certificate() {
  if (const auto reloaded = https_->reload_certificate(); reloaded) {
    logger_.write(LogSeverity::kInfo, "certificate reloaded");
  } else {
    logger_.write(LogSeverity::kError, "certificate not reloaded", {{"error", reloaded.error()}});
  }
}

tl::expected<void, std::string> AdmissionServer::use_certificate(server::TlsPem pem) {
  return https_->use_certificate(std::move(pem));
}

}  // namespace walguard::cli
