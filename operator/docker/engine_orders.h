/// What walguard has a Docker engine do: make, start, end and remove the containers of its own preflights.
/// Apart from engine_api.h, so that whoever only reads cannot order anything.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include <tl/expected.hpp>

#include "operator/docker/engine_api.h"

namespace walguard::docker {

struct EngineOrder {
  std::string method = "POST";
  std::string target;  ///< path and query: "/containers/create?name=x"
  std::string body = {};
  std::chrono::milliseconds longest{10'000};  ///< for the whole answer
};

/// Thread-safe.
class EngineOrders {
 public:
  EngineOrders() = default;
  EngineOrders(const EngineOrders&) = delete;
  EngineOrders& operator=(const EngineOrders&) = delete;
  virtual ~EngineOrders() = default;

  /// The body of an answer of 2xx or 304, which says that it is so already. Blocks until it is there,
  /// something fails, time is up or `stop` is requested; what was ordered may then have been done all the
  /// same.
  [[nodiscard]] virtual tl::expected<std::string, EngineError> order(const EngineOrder& order,
                                                                     const std::stop_token& stop) = 0;
};

/// `host` as in connect_engine. Touches no file and no network.
[[nodiscard]] tl::expected<std::unique_ptr<EngineOrders>, std::string> connect_engine_orders(
    const std::string& host);

}  // namespace walguard::docker
