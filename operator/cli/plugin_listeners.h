/// Where an authorization plugin is asked: a socket, TLS on loopback, and an address for metrics.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/cli/docker_plugin.h"
#include "operator/cli/logger.h"
#include "operator/server/authz_handler.h"
#include "operator/server/authz_metrics.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/tls_identity.h"

namespace walguard::cli {

/// All outlive the listeners. The functions are called from the serving threads and must not wait.
struct PluginListenerParts {
  server::AuthzHandler& handler;
  server::AuthzMetrics& metrics;
  std::function<server::AuthzSample()> sample;
  std::function<std::string()> why_not_current;  ///< one line; empty: it is
};

/// Used by one thread.
class PluginListeners {
 public:
  /// `options` and `logger` outlive it.
  PluginListeners(const DockerPluginOptions& options, Logger& logger, PluginListenerParts parts);

  /// Returns once every one answers, and has logged where. The error names the flag, its value and the
  /// remedy. Call once.
  [[nodiscard]] tl::expected<void, std::string> start();

  /// Answers what is under way, ends. False when the timeout cut something off.
  bool drain();

  void reload_certificate();

 private:
  [[nodiscard]] std::unique_ptr<server::HttpServer> new_plugin_server(
      std::optional<server::TlsSource> tls) const;
  [[nodiscard]] tl::expected<void, std::string> start_socket();
  [[nodiscard]] tl::expected<void, std::string> start_tls();
  [[nodiscard]] tl::expected<void, std::string> start_metrics();
  void answer_health(server::HttpResponse& response) const;

  const DockerPluginOptions& options_;
  Logger& logger_;
  const PluginListenerParts parts_;
  std::string socket_path_;  // "": none
  std::unique_ptr<server::HttpServer> socket_;
  std::unique_ptr<server::HttpServer> tls_;
  std::unique_ptr<server::HttpServer> metrics_;
};

}  // namespace walguard::cli
