/// The judge of a Docker engine's requests with all that it works with: the engine's state, the mounts, the
/// policy, the evidence.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <tl/expected.hpp>

#include "operator/cli/docker_plugin.h"
#include "operator/cli/logger.h"
#include "operator/controller/evidence_store.h"
#include "operator/controller/snapshot.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/engine_state.h"
#include "operator/docker/mount_watch.h"
#include "operator/docker/plugin_judge.h"
#include "operator/server/authz_handler.h"
#include "operator/server/authz_metrics.h"
#include "operator/wire/docker_request.h"

namespace walguard::cli {

/// open, start, reload and stop are called by one thread, the rest by any.
class DockerGuard {
 public:
  /// Reads policy and evidence; asks the engine for nothing yet. The error names the flag, its value and the
  /// remedy. `logger` outlives it.
  [[nodiscard]] static tl::expected<std::shared_ptr<DockerGuard>, std::string> open(
      const DockerPluginOptions& options, Logger& logger);
  DockerGuard(const DockerGuard&) = delete;
  DockerGuard& operator=(const DockerGuard&) = delete;
  ~DockerGuard();

  /// Begins to ask the engine, and goes on until it answers.
  void start();
  /// Asks it no more.
  void stop();

  /// Never waits for the engine, the network or a preflight.
  [[nodiscard]] server::AuthzDecision judge(const wire::DockerRequest& request) const;

  /// The engine has made what it was let make. Waits for nothing.
  void made(const wire::CreateContainer& request, const std::string& id) const;

  /// Reads policy and evidence again. On an error what was in force stays so.
  [[nodiscard]] tl::expected<void, std::string> reload();

  [[nodiscard]] core::Mode mode() const;
  /// One line; empty where what is known of the engine is what it has.
  [[nodiscard]] std::string why_not_current() const;
  /// All but what the handler counts itself.
  [[nodiscard]] server::AuthzSample sample() const;

 private:
  struct Court;  // a judge and what it refers to
  struct Rulebook;

  DockerGuard(const DockerPluginOptions& options, Logger& logger);
  [[nodiscard]] tl::expected<void, std::string> connect(const core::Catalog& catalog);
  [[nodiscard]] tl::expected<void, std::string> open_store(const core::Catalog& catalog);
  [[nodiscard]] tl::expected<void, std::string> read_evidence();
  void use(Rulebook rulebook);
  [[nodiscard]] std::shared_ptr<Court> make_court(core::Catalog catalog, core::Mode mode);
  [[nodiscard]] std::shared_ptr<Court> court() const;

  const DockerPluginOptions options_;
  Logger& logger_;
  controller::Snapshot<core::Policy> policy_;
  controller::Snapshot<core::EvidenceBook> evidence_;
  std::unique_ptr<controller::EvidenceStore> store_;
  std::unique_ptr<docker::MountWatch> mounts_;
  std::unique_ptr<docker::EngineApi> api_;
  std::unique_ptr<docker::EngineState> engine_;
  bool own_drivers_ = false;  // of the policy in force
  mutable std::mutex mutex_;
  std::shared_ptr<Court> court_;  // guarded by mutex_; its judge refers to what stands above
};

}  // namespace walguard::cli
