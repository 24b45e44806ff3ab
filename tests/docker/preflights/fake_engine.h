/// An engine that has one volume, makes containers and asks the plugin about it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/docker/engine_api.h"
#include "operator/docker/engine_orders.h"

namespace walguard::docker::testing {

/// Thread-safe. Fields are set before the first call, but through `change`.
class FakeEngine : public EngineApi, public EngineOrders {
 public:
  std::optional<std::string> volume_json;  // GET /volumes/NAME; nullopt: 404
  std::string list_json = "[]";            // GET /containers/json
  std::string report;                      // what the container writes to stdout
  std::string error_text;                  // and to stderr
  int exit_code = 0;
  std::optional<EngineError> create_error;
  bool start_fails = false;
  bool hangs = false;  // the container does not end by itself
  int list_failures = 0;

  void change(const std::function<void(FakeEngine&)>& how) {
    const std::lock_guard lock(mutex_);
    how(*this);
  }
  /// "POST /containers/create?name=...", with its body behind a line break where it has one.
  std::vector<std::string> orders() const {
    const std::lock_guard lock(mutex_);
    return orders_;
  }
  std::size_t count(std::string_view part) const {
    const auto all = orders();
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const std::string& order) { return order.find(part) != std::string::npos; }));
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  tl::expected<std::string, EngineError> get(const std::string& target, const std::stop_token&) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(target);
    if (target == "/info") {
      return R"({"OperatingSystem":"Debian GNU/Linux 12","DefaultRuntime":"runsc","Runtimes":{"runc":{"path":"runc"},"runsc":{"path":"runsc"}}})";
    }
    if (target.starts_with("/volumes/")) {
      if (!volume_json) return tl::unexpected(EngineError{.not_found = true, .message = "no such volume"});
      return *volume_json;
    }
    if (target.starts_with("/containers/json")) {
      if (list_failures-- > 0) return tl::unexpected(EngineError{.message = "the engine is not up"});
      return list_json;
    }
    if (target.find("/logs?") != std::string::npos) return frame(1, report) + frame(2, error_text);
    return tl::unexpected(EngineError{.not_found = true, .message = "no such thing: " + target});
  }

  tl::expected<void, EngineError> stream(const std::string&, std::chrono::milliseconds,
                                         const std::function<void()>&, const OnLine&,
                                         const std::stop_token&) override {
    return {};
  }

  tl::expected<std::string, EngineError> order(const EngineOrder& order,
                                               const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    orders_.push_back(order.method + " " + order.target + (order.body.empty() ? "" : "\n" + order.body));
    if (order.target.starts_with("/containers/create")) {
      if (create_error) return tl::unexpected(*create_error);
      return R"({"Id":")" + std::string(64, 'a') + R"(","Warnings":[]})";
    }
    if (order.target.ends_with("/start") && start_fails) {
      return tl::unexpected(EngineError{.message = "the runtime is broken"});
    }
    if (order.target.find("/wait") == std::string::npos) return "";
    const bool waits = hangs;
    lock.unlock();
    while (waits && !stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (waits) return tl::unexpected(EngineError{.message = "stopped"});
    return R"({"StatusCode":)" + std::to_string(exit_code) + "}";
  }

  static std::string frame(char stream, const std::string& text) {
    std::string head = {stream, 0, 0, 0};
    for (const unsigned shift : {24U, 16U, 8U, 0U}) head += static_cast<char>(text.size() >> shift & 255U);
    return text.empty() ? "" : head + text;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> orders_;
  std::vector<std::string> asked_;
};

}  // namespace walguard::docker::testing
