/// A real Docker engine (dockerd) on a machine of its own, its command and its API.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/docker_engine/machine.h"

namespace walguard::docker_engine {

/// Of the image that `Engine::load_image` gives every engine: tests/docker_engine/wal_app.
inline constexpr const char* kImage = "wal_app:1";

/// The route that creates containers, of the newest API that Docker 20.10 has.
inline constexpr const char* kCreate = "/v1.41/containers/create";

struct ApiRequest {
  std::string method = "GET";
  std::string path;  ///< sent as it is: "/v1.41/containers/json"
  std::string body = {};
  /// Empty: the header is left out.
  std::string content_type = "application/json";
  bool chunked = false;  ///< the length of the body is not announced
};

struct ApiAnswer {
  int status = 0;  ///< 0: there was none
  std::string body;
};

class Engine {
 public:
  /// Writes the engine's settings; it does not run yet. `machine` outlives it.
  explicit Engine(const Machine& machine);

  /// Which authorization plugins the engine asks, by name. Heeded at its start, or after `reload`.
  void set_plugins(const std::vector<std::string>& names);
  /// The runtime of containers that name none. Not heeded by an engine that runs before `reload`.
  void set_default_runtime(const std::string& name);
  /// Starts dockerd and waits until it serves; throws std::runtime_error with the end of its log where it
  /// does not.
  void start();
  /// SIGHUP: reads its settings again. Waits until it has.
  void reload();
  void stop();
  [[nodiscard]] std::string log() const;

  /// Imports `kImage`. Throws std::runtime_error where it cannot.
  void load_image() const;

  /// `docker ARGUMENT...`, as a person calls it on that machine.
  [[nodiscard]] CommandResult docker(const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds deadline = std::chrono::minutes(1)) const;
  /// One request to the API, byte for byte what the `docker` command would not send.
  [[nodiscard]] ApiAnswer api(const ApiRequest& request) const;

  /// Whether runsc is among its runtimes: where the package is installed.
  [[nodiscard]] static bool has_gvisor();

 private:
  void write_settings() const;

  const Machine& machine_;
  std::vector<std::string> plugins_;
  std::string default_runtime_ = "runc";
  std::unique_ptr<Daemon> daemon_;  // null: not started
};

}  // namespace walguard::docker_engine
