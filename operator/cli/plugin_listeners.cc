#include "operator/cli/plugin_listeners.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <tl/expected.hpp>

#include "operator/cli/docker_plugin.h"
#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/cli/serve_parts.h"
#include "operator/server/authz_handler.h"
#include "operator/server/authz_metrics.h"
#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/tls_identity.h"
#include "operator/server/unix_listener.h"
#include "operator/wire/authz_plugin.h"

namespace walguard::cli {
namespace {

/// A name is no address: what it resolves to is not ours to say.
bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24U == IN_LOOPBACKNET;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

server::HttpLimits plugin_limits() {
  server::HttpLimits limits;
  limits.body_bytes = wire::kMaxAuthzBytes;
  // The engine keeps its connections and is to be the one that closes them.
  limits.idle_keep_alive = std::chrono::hours{1};
  // A judgement may keep its loop for most of a second; what carries no storage then finds another.
  limits.threads = 4;
  return limits;
}

Result<server::TlsFiles> plugin_tls_files(const DockerPluginOptions& options) {
  for (const auto& [flag, value] :
       {std::pair("--tls-cert", &options.tls_cert), std::pair("--tls-key", &options.tls_key),
        std::pair("--tls-client-ca", &options.tls_client_ca)}) {
    if (!value->empty()) continue;
    return tl::unexpected(std::string(flag) +
                          ": missing; --listen speaks TLS and asks for the engine's certificate: give the "
                          "PEM files of the plugin's certificate and key, and of who signed the engine's");
  }
  return server::TlsFiles{.certificate = options.tls_cert,
                          .private_key = options.tls_key,
                          .client_authorities = options.tls_client_ca};
}

Result<Endpoint> loopback_endpoint(const std::string& flag, const std::string& text) {
  auto endpoint = parse_endpoint(flag, text);
  if (!endpoint || is_loopback(endpoint->host)) return endpoint;
  return tl::unexpected(
      flag + ": \"" + text +
      "\": is not an address of loopback; whoever reaches the plugin learns what the engine "
      "is asked. Give 127.0.0.1:PORT or [::1]:PORT");
}

}  // namespace

PluginListeners::PluginListeners(const DockerPluginOptions& options, Logger& logger,
                                 PluginListenerParts parts)
    : options_(options), logger_(logger), parts_(std::move(parts)), socket_path_(options.socket) {
  if (options.socket.empty() && options.listen.empty()) socket_path_ = kPluginSocket;
}

std::unique_ptr<server::HttpServer> PluginListeners::new_plugin_server(
    std::optional<server::TlsSource> tls) const {
  auto made = std::make_unique<server::HttpServer>(
      plugin_limits(), std::move(tls),
      [this](std::string_view line) { logger_.write(LogSeverity::kWarning, line); });
  made->route("POST", "/Plugin.Activate", server::AuthzHandler::activate);
  made->route("POST", "/AuthZPlugin.AuthZReq",
              [this](const server::HttpRequest& request, server::HttpResponse& response) {
                parts_.handler.authorize_request(request, response);
              });
  made->route("POST", "/AuthZPlugin.AuthZRes",
              [this](const server::HttpRequest& request, server::HttpResponse& response) {
                parts_.handler.authorize_response(request, response);
              });
  return made;
}

Result<void> PluginListeners::start_socket() {
  if (socket_path_.empty()) return {};
  // Where Docker has never run, nobody has made the folder yet; what keeps this from being made is said
  // below.
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(socket_path_).parent_path(), ignored);
  socket_ = new_plugin_server(std::nullopt);
  auto started = socket_->start(server::UnixSocketPlace{.path = socket_path_, .group = "docker"});
  if (!started) return tl::unexpected("--socket: " + started.error());
  logger_.write(LogSeverity::kInfo, "listening", {{"socket", socket_path_}});
  return {};
}

Result<void> PluginListeners::start_tls() {
  if (options_.listen.empty()) return {};
  const auto endpoint = loopback_endpoint("--listen", options_.listen);
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto files = plugin_tls_files(options_);
  if (!files) return tl::unexpected(files.error());
  tls_ = new_plugin_server(*std::move(files));
  const auto port = tls_->start(endpoint->host, endpoint->port);
  if (!port) return tl::unexpected("--listen: " + port.error());
  logger_.write(LogSeverity::kInfo, "listening", {{"https_port", std::to_string(*port)}});
  return {};
}

Result<void> PluginListeners::start_metrics() {
  if (options_.metrics_address.empty()) return {};
  const auto endpoint = parse_endpoint("--metrics-address", options_.metrics_address);
  if (!endpoint) return tl::unexpected(endpoint.error());
  metrics_ = std::make_unique<server::HttpServer>(
      server::HttpLimits{.threads = 1}, std::nullopt,
      [this](std::string_view line) { logger_.write(LogSeverity::kWarning, line); });
  metrics_->route("GET", "/healthz",
                  [this](const server::HttpRequest& /*request*/, server::HttpResponse& response) {
                    answer_health(response);
                  });
  metrics_->route("GET", "/metrics",
                  [this](const server::HttpRequest& /*request*/, server::HttpResponse& response) {
                    server::AuthzSample sample = parts_.sample();
                    sample.stuck = parts_.handler.stuck();
                    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                    response.body = parts_.metrics.render(sample);
                  });
  const auto port = metrics_->start(endpoint->host, endpoint->port);
  if (!port) return tl::unexpected("--metrics-address: " + port.error());
  logger_.write(LogSeverity::kInfo, "listening", {{"metrics_port", std::to_string(*port)}});
  return {};
}

/// It lives and answers; an engine that is not up yet is no fault of the plugin, which has to be there first.
void PluginListeners::answer_health(server::HttpResponse& response) const {
  const std::string why = parts_.why_not_current();
  response.body = why.empty() ? "ok\n" : "ok; the engine's state is not current: " + why + "\n";
}

Result<void> PluginListeners::start() {
  for (const auto step :
       {&PluginListeners::start_socket, &PluginListeners::start_tls, &PluginListeners::start_metrics}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  return {};
}

bool PluginListeners::drain() {
  bool clean = true;
  for (const auto& listener : {socket_.get(), tls_.get(), metrics_.get()}) {
    if (listener != nullptr) clean = listener->drain(options_.drain_timeout) && clean;
  }
  return clean;
}

void PluginListeners::reload_certificate() {
  if (!tls_) return;
  if (const auto reloaded = tls_->reload_certificate(); reloaded) {
    logger_.write(LogSeverity::kInfo, "certificate reloaded");
  } else {
    logger_.write(LogSeverity::kError, "certificate not reloaded", {{"error", reloaded.error()}});
  }
}

}  // namespace walguard::cli
