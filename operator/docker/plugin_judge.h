/// Judges what a Docker engine is asked to do: may this container be made or started on that storage?
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/resolved_path.h"
#include "operator/wire/docker_request.h"

namespace walguard::docker {

/// A preflight that would settle what is unproven.
struct WantedPreflight {
  core::EvidenceKey key;
  core::Strategy strategy = core::Strategy::kWal;
  core::Scope scope = core::Scope::kContainer;
  std::string volume;   ///< as the engine names it; empty: `path` is a bind
  std::string path;     ///< on the engine's host; empty: the volume is not there yet
  std::string runtime;  ///< of the container; empty: one on the host's own kernel
};

struct PluginAnswer {
  bool allow = false;
  /// Where it is refused the rule and the way out, as a user is to see it; else a warning for the log, empty
  /// where there is nothing to say. Holds nothing of environment, arguments or options that may be secret.
  std::string message = {};
  std::string rule = {};  ///< the worst finding's id; empty: none
  core::Verdict verdict = core::Verdict::kNotApplicable;
  std::vector<WantedPreflight> wanted = {};
};

/// What a judge works with. Every function is called from the threads that ask, must be thread-safe and must
/// not block.
struct PluginJudgeParts {
  std::function<std::shared_ptr<const EngineSnapshot>()> engine;
  /// Null: walguard does not see what the engine's machine has mounted, so nothing there is known.
  std::function<std::shared_ptr<const MountTable>()> mounts;
  ReadLink read_link;  ///< on the engine's machine; empty: symlinks are not followed
  std::function<std::shared_ptr<const core::EvidenceBook>()> evidence;
  std::function<std::shared_ptr<const core::Policy>()> policy;
  std::function<core::UtcSeconds()> now;                          ///< UTC
  std::function<std::chrono::steady_clock::time_point()> uptime;  ///< for what only counts for seconds
  /// Of every container whose label walguard.mode is not stricter. kOff and kAudit: nothing is refused;
  /// kWarn: nothing but what a container that asks for it (walguard.require-local) must not have; kGate:
  /// also what a preflight has found unsafe; kEnforce: all that is unsafe. What is unproven is refused only
  /// to a container that asks for it: there is no gate to hold it at.
  core::Mode mode = core::Mode::kEnforce;
};

/// Thread-safe. Answers from memory: never waits for the engine, the network or a preflight.
///
/// It remembers for seconds what it has let be created, since the engine's events come a moment after: of two
/// requests at once the second is judged with the first.
class PluginJudge {
 public:
  /// `catalog` must outlive it.
  PluginJudge(const core::Catalog& catalog, PluginJudgeParts parts);
  PluginJudge(const PluginJudge&) = delete;
  PluginJudge& operator=(const PluginJudge&) = delete;
  ~PluginJudge();

  [[nodiscard]] PluginAnswer answer(const wire::DockerRequest& request);

  /// The engine has made what `request` asks for: told before its client learns the id, and so before that
  /// can be started. A start of what nobody told of is refused.
  void made(const wire::CreateContainer& request, const std::string& id);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace walguard::docker
