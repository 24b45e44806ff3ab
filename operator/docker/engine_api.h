/// The API of a Docker engine, as far as walguard reads it. The seam between what is asked and how it
/// travels.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::docker {

struct EngineError {
  bool not_found = false;  ///< 404: the engine is there, and what was asked for is not
  std::string message;     ///< one line for people
};

/// Both calls block until they are answered, something fails, time is up, or `stop` is requested.
/// Thread-safe.
class EngineApi {
 public:
  /// Without its newline. False ends the stream as if it had come to its end.
  using OnLine = std::function<bool(std::string_view line)>;

  EngineApi() = default;
  EngineApi(const EngineApi&) = delete;
  EngineApi& operator=(const EngineApi&) = delete;
  virtual ~EngineApi() = default;

  /// The body of a GET that was answered with 2xx. `target` is path and query: "/containers/json?all=1".
  [[nodiscard]] virtual tl::expected<std::string, EngineError> get(const std::string& target,
                                                                   const std::stop_token& stop) = 0;

  /// A GET whose answer comes line by line for as long as `longest`. `on_open` is called once, as soon as the
  /// engine has begun to answer: what happens from then on will be in the lines. Returns in good order where
  /// time is up, the engine ends the stream or `on_line` says so. What the callbacks throw leaves it.
  [[nodiscard]] virtual tl::expected<void, EngineError> stream(const std::string& target,
                                                               std::chrono::milliseconds longest,
                                                               const std::function<void()>& on_open,
                                                               const OnLine& on_line,
                                                               const std::stop_token& stop) = 0;
};

/// `host` is what DOCKER_HOST holds: "unix:///var/run/docker.sock". The error says what is expected. Touches
/// no file and no network.
[[nodiscard]] tl::expected<std::unique_ptr<EngineApi>, std::string> connect_engine(const std::string& host);

/// The path of the socket in a DOCKER_HOST; the error says what is expected.
[[nodiscard]] tl::expected<std::string, std::string> socket_of(const std::string& host);

}  // namespace walguard::docker
