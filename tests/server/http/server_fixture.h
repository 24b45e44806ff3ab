#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "tests/server/http/test_certificate.h"
#include "tests/server/http/test_client.h"

namespace walguard::server::testing {

/// A server over TLS with POST /echo (the body comes back), POST /count (its length), GET /hello and POST
/// /throw.
class ServerTest : public ::testing::Test {
 protected:
  enum class Mode { kTls, kPlain };

  /// Adds the routes and starts; `more` may add further ones.
  template <class MoreRoutes>
  void start(HttpLimits limits, Mode mode, MoreRoutes more) {
    server_ = std::make_unique<HttpServer>(
        limits, mode == Mode::kTls ? std::optional(certificate_.files()) : std::nullopt,
        [this](std::string_view line) {
          const std::lock_guard lock(log_mutex_);
          log_.emplace_back(line);
        });
    server_->route("POST", "/echo", [](const HttpRequest& request, HttpResponse& response) {
      response.body = request.body;
      response.content_type = request.content_type;
    });
    server_->route("POST", "/count", [](const HttpRequest& request, HttpResponse& response) {
      response.body = std::to_string(request.body.size());
    });
    server_->route("GET", "/hello", [](const HttpRequest& request, HttpResponse& response) {
      response.body = "hello " + std::string(request.query);
    });
    server_->route("POST", "/throw",
                   [](const HttpRequest&, HttpResponse&) { throw std::runtime_error("the handler broke"); });
    more(*server_);
    const auto port = server_->start("127.0.0.1", 0);
    if (!port) throw std::runtime_error(port.error());
    port_ = *port;
  }
  void start(HttpLimits limits = {}, Mode mode = Mode::kTls) {
    start(limits, mode, [](HttpServer&) {});
  }

  [[nodiscard]] std::vector<std::string> log() {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }

  TestCertificate certificate_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
  int port_ = 0;
  std::unique_ptr<HttpServer> server_;  // last: its threads use the above
};

}  // namespace walguard::server::testing
