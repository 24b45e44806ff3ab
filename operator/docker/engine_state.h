/// Keeps what a Docker engine has in memory: everything is listed, then its events are followed; where they
/// break off, everything is listed again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <tl/expected.hpp>

#include "operator/docker/engine_api.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_api.h"

namespace walguard::docker {

struct EngineHealth {
  bool current = false;
  std::string why_not_current;  ///< one line for people; empty where it is current
  std::uint64_t lists = 0;      ///< whole ones
  std::uint64_t events = 0;     ///< that were read
  int failures = 0;             ///< in a row
};

struct EngineStateOptions {
  /// Between two attempts; grows up to `longest_wait` with each failure in a row.
  std::chrono::milliseconds first_wait{200};
  std::chrono::milliseconds longest_wait{5'000};
  /// How long a stream of events is followed before everything is listed anew: what was missed for any
  /// reason is then seen.
  std::chrono::milliseconds relist_after{300'000};
  /// One line for the log when the engine is lost or found again. Called on the state's own thread.
  std::function<void(const std::string&)> on_change = [](const std::string&) {};
};

/// Thread-safe. `get`, `health` and `healthy` never wait for the engine. It has one thread of its own, which
/// asks the engine; a plugin must answer the engine's questions about those requests while it does.
class EngineState {
 public:
  using Options = EngineStateOptions;

  /// `api` must outlive it. Asks for nothing before `start`.
  explicit EngineState(EngineApi& api, Options options = {});
  EngineState(const EngineState&) = delete;
  EngineState& operator=(const EngineState&) = delete;
  ~EngineState();  ///< stops

  /// Called once.
  void start();
  /// Ends what is under way and waits for the thread. What was seen last stays, no longer current.
  void stop();

  /// Never null. What the caller holds stays as it is.
  [[nodiscard]] std::shared_ptr<const EngineSnapshot> get() const;
  [[nodiscard]] EngineHealth health() const;
  [[nodiscard]] bool healthy() const { return health().current; }

 private:
  using Problem = std::optional<std::string>;  // nullopt: none

  void run(const std::stop_token& stop);
  [[nodiscard]] Problem follow_once(const std::stop_token& stop);
  [[nodiscard]] tl::expected<EngineSnapshot, std::string> list(const std::stop_token& stop);
  [[nodiscard]] Problem list_volumes(EngineSnapshot& next, const std::stop_token& stop);
  [[nodiscard]] Problem list_containers(EngineSnapshot& next, const std::stop_token& stop);
  [[nodiscard]] Problem inspect(const std::string& id, EngineSnapshot& into, const std::stop_token& stop);
  [[nodiscard]] Problem take(const wire::DockerEvent& event, const std::stop_token& stop);
  void put(EngineSnapshot& into, wire::DockerContainer container);
  void replace(EngineSnapshot next);
  void set_current(EngineSnapshot next);
  void set_lost(const std::string& why);

  EngineApi& api_;
  const Options options_;
  mutable std::mutex mutex_;  // of snapshot_ and health_
  std::shared_ptr<const EngineSnapshot> snapshot_ = std::make_shared<const EngineSnapshot>();
  EngineHealth health_;
  std::jthread thread_;
};

}  // namespace walguard::docker
