/// Measures the storage of a Docker host that the judge could not settle, and keeps what is proven: as a
/// child process on the volume's path where the container shares the host's kernel, else in a container of
/// the same runtime.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <tl/expected.hpp>

#include "operator/controller/evidence_store.h"
#include "operator/controller/log.h"
#include "operator/controller/preflight_controller.h"
#include "operator/controller/preflight_runner.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/schedule.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/engine_orders.h"
#include "operator/docker/plugin_judge.h"
#include "operator/docker/preflight_container.h"
#include "operator/docker/preflight_pass.h"
#include "operator/process/child_process.h"

namespace walguard::docker {

struct HostPreflightOptions {
  controller::PreflightCommand command;
  process::ChildLimits child;
  PreflightContainerOptions container;  ///< without an image nothing is measured in containers
  core::Policy policy;
  core::ScheduleLimits limits{.first_backoff = 2};  ///< a volume that is wanted is made a moment later
  std::chrono::milliseconds tick{1000};
};

struct HostPreflightParts {
  /// Whether a path of the engine's machine shows the same files to this process. Must not wait for a
  /// filesystem. Empty: none does.
  std::function<bool(const std::string& path)> sees;
  std::function<core::UtcSeconds()> now;                  ///< UTC
  std::function<void(controller::RunOutcome)> count_run;  ///< may be empty
  controller::LogLine log;                                ///< may be empty
};

/// By the mountinfo of both, without a look at the path. `mountinfo` is the engine's, "" where it is not
/// seen.
[[nodiscard]] bool sees_files_of(const std::string& mountinfo, const std::string& path);

/// Thread-safe. Its threads ask the engine, whose plugin must answer about those requests meanwhile: see
/// `pass`.
class HostPreflights {
 public:
  /// Loads what `store` holds and measures it again ahead of its end. What is referred to outlives it.
  [[nodiscard]] static tl::expected<std::unique_ptr<HostPreflights>, std::string> start(
      controller::EvidenceStore& store, EngineApi& api, EngineOrders& orders, HostPreflightParts parts,
      HostPreflightOptions options);
  HostPreflights(const HostPreflights&) = delete;
  HostPreflights& operator=(const HostPreflights&) = delete;
  /// Ends what is under way and waits for it: containers are removed, as far as the engine answers.
  ~HostPreflights();

  /// Ends what is under way, waits for it and begins nothing more; what is proven stays in force. For a
  /// plugin that still answers: the engine asks it about the removal of our containers.
  void stop();

  /// Never waits for a run, the disk or the engine. The same key again costs nothing; of more keys than
  /// PreflightOptions::most_wanted the rest is dropped and asked for again by a later request.
  void want(const WantedPreflight& wanted);

  /// All evidence in force. Cheap.
  [[nodiscard]] std::shared_ptr<const core::EvidenceBook> evidence() const;
  [[nodiscard]] controller::PreflightController::Status status() const;

  /// Which requests to the engine are our own.
  [[nodiscard]] PreflightPass& pass() { return pass_; }

 private:
  HostPreflights(EngineApi& api, EngineOrders& orders, HostPreflightParts parts,
                 HostPreflightOptions options);
  struct Storage;
  void want_key(const core::EvidenceKey& key);
  [[nodiscard]] tl::expected<Storage, controller::RunResult> find_storage(const core::EvidenceKey& key,
                                                                          const std::stop_token& stop);
  [[nodiscard]] tl::expected<Storage, controller::RunResult> find_volume(const core::EvidenceKey& key,
                                                                         const std::string& name,
                                                                         const std::stop_token& stop);
  [[nodiscard]] controller::RunResult run(const core::ProbeRequest& request, const std::stop_token& stop);
  [[nodiscard]] controller::RunResult measure(const core::ProbeRequest& request, const std::stop_token& stop);
  [[nodiscard]] controller::RunResult run_at(const Storage& storage, const core::ProbeRequest& request,
                                             const std::stop_token& stop);
  [[nodiscard]] controller::RunResult run_in_container(const Storage& storage, const std::stop_token& stop);
  [[nodiscard]] bool clear_leftovers(const std::stop_token& stop);
  void keep_clearing(const std::stop_token& stop);

  EngineApi& api_;
  const HostPreflightParts parts_;
  const HostPreflightOptions options_;
  PreflightPass pass_;
  PreflightContainers containers_;
  // Held while leftovers are looked for, so that none of our own of now is taken for one.
  std::mutex leftovers_mutex_;
  std::condition_variable_any wake_;
  bool cleared_ = false;
  std::mutex running_mutex_;
  std::condition_variable ended_;
  int running_ = 0;
  std::stop_source stopping_;
  std::unique_ptr<controller::PreflightController> controller_;  // its threads use what stands above
  std::jthread clearer_;
};

/// A report as evidence about `key`, for what was measured on a Docker host: of a sandbox no further than one
/// container, since one container is what it ran in; refused where the filesystem is another than the one
/// that was judged.
[[nodiscard]] tl::expected<core::Evidence, std::string> host_evidence(std::string_view report,
                                                                      core::EvidenceKey key);

}  // namespace walguard::docker
