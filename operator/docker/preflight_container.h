/// Runs one preflight in a container of the engine, where a child process would say nothing: under a
/// sandbox's kernel, or on a volume that is mounted only while a container has it.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/controller/preflight_runner.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/engine_orders.h"
#include "operator/docker/preflight_pass.h"

namespace walguard::docker {

/// Every such container has it; its value is kPreflightLabelValue.
inline constexpr std::string_view kPreflightLabel = "walguard.preflight";
inline constexpr std::string_view kPreflightLabelValue = "run";

/// What is measured, and under what.
struct PreflightPlace {
  std::string volume;   ///< by name; empty: `path`
  std::string path;     ///< a bind's, on the engine's machine
  std::string runtime;  ///< by name; empty: one that shares the machine's kernel
};

struct PreflightContainerOptions {
  std::string image;  ///< walguard's own, with walguard-preflight in PATH
  std::string profile = "quick";
  std::chrono::milliseconds deadline{120'000};  ///< of the preflight itself
};

/// The JSON of POST /containers/create: no network, no new privileges, a root that is read-only, and of
/// root's rights the one that opens folders of other users. `runtime` empty: the engine's default.
[[nodiscard]] std::string preflight_container_json(const PreflightPlace& place, const std::string& runtime,
                                                   const PreflightContainerOptions& options);

/// What a container without a terminal wrote to stdout (1) or stderr (2), out of GET /containers/ID/logs:
/// frames of eight bytes of head, which hold the stream and the length, and the text.
/// https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ContainerAttach
[[nodiscard]] std::string stream_of_log(std::string_view log, unsigned char stream);

/// Thread-safe. What it refers to outlives it.
class PreflightContainers {
 public:
  PreflightContainers(EngineApi& api, EngineOrders& orders, PreflightPass& pass,
                      PreflightContainerOptions options);

  /// Blocks until the preflight has ended or its deadline has passed and the container is gone. After `stop`
  /// it is ended first, so that it can take its folder out of the volume.
  [[nodiscard]] controller::RunResult run(const PreflightPlace& place, const std::stop_token& stop);

  /// Removes containers that an earlier run of walguard has left. The error is one line.
  [[nodiscard]] tl::expected<void, std::string> remove_leftovers(const std::stop_token& stop);

 private:
  struct Made;
  [[nodiscard]] tl::expected<std::string, std::string> shared_kernel_runtime(const std::stop_token& stop);
  [[nodiscard]] tl::expected<Made, std::string> make(const PreflightPlace& place,
                                                     const std::stop_token& stop);
  [[nodiscard]] controller::RunResult run_to_the_end(const std::string& id, const std::stop_token& stop);
  [[nodiscard]] controller::RunResult read_result(const std::string& id, int exit_code,
                                                  const std::stop_token& stop);
  void end(const std::string& id_or_name, bool may_run);

  EngineApi& api_;
  EngineOrders& orders_;
  PreflightPass& pass_;
  const PreflightContainerOptions options_;
};

}  // namespace walguard::docker
