/// The webhook's two listeners with their routes: /validate, /mutate and /validate-policy over HTTPS;
/// /healthz, /readyz and /metrics over plain HTTP. Where its state comes from is its owner's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/server/admission_handler.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/metrics.h"
#include "operator/server/tls_identity.h"
#include "operator/wire/policy.h"

namespace walguard::cli {

/// Every function is called from the serving threads and must not wait for anything.
struct AdmissionServerParts {
  server::AdmissionParts admission;
  server::TlsSource tls;
  std::function<std::string()> why_not_ready;  ///< for people, ending with a line feed; "" when ready
  /// What /readyz says though it is ready; "" for nothing. May be empty.
  std::function<std::string()> remark;
  wire::DriverReader read_drivers;  ///< for policies under review
  /// What is the owner's of the metrics; `ready` and the connections are the server's.
  std::function<server::MetricsSample()> sample;
};

class AdmissionServer {
 public:
  /// `options` and `logger` outlive it, as does `parts.admission.metrics`.
  AdmissionServer(const ServeOptions& options, Logger& logger, AdmissionServerParts parts);

  /// Returns once both ports answer. The error names the flag, its value and the remedy. Call once.
  [[nodiscard]] tl::expected<void, std::string> start();

  /// Stops being ready, answers what is under way, ends. False when the timeout cut something off.
  bool drain();

  /// Reads the certificate's files again; connections made from now on see it.
  void reload_certificate();
  /// Connections made from now on see this one. On an error the former stays.
  [[nodiscard]] tl::expected<void, std::string> use_certificate(server::TlsPem pem);

 private:
  tl::expected<int, std::string> start_listener(std::unique_ptr<server::HttpServer>& listener,
                                                const std::string& flag, const std::string& address,
                                                std::optional<server::TlsSource> tls);
  void route_https();
  void route_http();
  [[nodiscard]] std::string why_not_ready() const;

  const ServeOptions& options_;
  Logger& logger_;
  const AdmissionServerParts parts_;
  const server::AdmissionHandler admission_;
  std::atomic<bool> draining_{false};
  std::unique_ptr<server::HttpServer> https_;
  std::unique_ptr<server::HttpServer> http_;
};

}  // namespace walguard::cli
