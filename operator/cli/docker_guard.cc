#include "operator/cli/docker_guard.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/cli/docker_plugin.h"
#include "operator/cli/logger.h"
#include "operator/cli/policy_file.h"
#include "operator/cli/serve_parts.h"
#include "operator/controller/evidence_store.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/engine_state.h"
#include "operator/docker/mount_watch.h"
#include "operator/docker/plugin_judge.h"
#include "operator/docker/resolved_path.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/server/authz_handler.h"
#include "operator/server/authz_metrics.h"
#include "operator/wire/docker_request.h"

namespace walguard::cli {

struct DockerGuard::Court {
  Court(core::Catalog drivers_and_more, docker::PluginJudgeParts parts)
      : catalog(std::move(drivers_and_more)), mode(parts.mode), judge(catalog, std::move(parts)) {}

  const core::Catalog catalog;
  const core::Mode mode;
  docker::PluginJudge judge;
};

/// What an administrator decided.
struct DockerGuard::Rulebook {
  core::Policy policy;
  core::Mode mode = core::Mode::kEnforce;
  core::Catalog catalog;
  bool own_drivers = false;  // the catalog is not just the one compiled in

  static Result<Rulebook> read(const DockerPluginOptions& options) {
    core::Policy defaults;
    defaults.default_mode = options.mode;
    auto merged = read_policy_option(options.policy, defaults);
    if (!merged) return tl::unexpected(merged.error());
    const bool own_drivers = !merged->drivers.empty();
    auto catalog = knowledge::load_embedded_catalog_with(std::move(merged->drivers));
    if (!catalog) return tl::unexpected("knowledge: " + catalog.error());
    // An engine has no namespaces: the mode is that of one without labels.
    const core::Mode mode = core::mode_of_namespace(merged->policy, {});
    return Rulebook{.policy = std::move(merged->policy),
                    .mode = mode,
                    .catalog = *std::move(catalog),
                    .own_drivers = own_drivers};
  }
};

DockerGuard::DockerGuard(const DockerPluginOptions& options, Logger& logger)
    : options_(options), logger_(logger) {}

DockerGuard::~DockerGuard() = default;

Result<std::shared_ptr<DockerGuard>> DockerGuard::open(const DockerPluginOptions& options, Logger& logger) {
  auto rulebook = Rulebook::read(options);
  if (!rulebook) return tl::unexpected(rulebook.error());
  std::shared_ptr<DockerGuard> guard(new DockerGuard(options, logger));
  for (const auto step : {&DockerGuard::connect, &DockerGuard::open_store}) {
    if (auto done = (*guard.*step)(rulebook->catalog); !done) return tl::unexpected(done.error());
  }
  guard->use(*std::move(rulebook));
  return guard;
}

Result<void> DockerGuard::connect(const core::Catalog& /*catalog*/) {
  auto api = docker::connect_engine(options_.docker_host);
  if (!api) return tl::unexpected("--docker-host: " + api.error());
  api_ = *std::move(api);
  auto socket = docker::socket_of(options_.docker_host);
  if (!socket) return tl::unexpected("--docker-host: " + socket.error());
  mounts_ = std::make_unique<docker::MountWatch>(
      [path = *std::move(socket)] { return docker::mountinfo_of_engine(path); });
  docker::EngineStateOptions options;
  options.on_change = [this](const std::string& line) {
    logger_.write(engine_->healthy() ? LogSeverity::kInfo : LogSeverity::kWarning, line);
  };
  engine_ = std::make_unique<docker::EngineState>(*api_, std::move(options));
  return {};
}

Result<void> DockerGuard::open_store(const core::Catalog& catalog) {
  if (auto made = make_data_dir(options_.data_dir); !made) return made;
  auto opened = controller::EvidenceStore::open(options_.data_dir, catalog);
  if (!opened) return tl::unexpected("--data-dir: " + opened.error());
  store_ = *std::move(opened);
  return read_evidence();
}

Result<void> DockerGuard::read_evidence() {
  auto kept = store_->load_all();
  if (!kept) return tl::unexpected("--data-dir: " + kept.error());
  evidence_.set(core::EvidenceBook(*std::move(kept)));
  return {};
}

void DockerGuard::use(Rulebook rulebook) {
  policy_.set(std::move(rulebook.policy));
  const auto before = court();
  // A judge remembers for seconds what it has allowed, so it stays where it would be made the same again.
  const bool same = before && before->mode == rulebook.mode && !rulebook.own_drivers && !own_drivers_;
  own_drivers_ = rulebook.own_drivers;
  if (same) return;
  auto next = make_court(std::move(rulebook.catalog), rulebook.mode);
  const std::lock_guard lock(mutex_);
  court_.swap(next);
}

std::shared_ptr<DockerGuard::Court> DockerGuard::make_court(core::Catalog catalog, core::Mode mode) {
  docker::PluginJudgeParts parts;
  parts.engine = [this] { return engine_->get(); };
  parts.mounts = [this] { return mounts_->current(); };
  parts.read_link = docker::system_read_link();
  parts.evidence = [this] { return evidence_.get(); };
  parts.policy = [this] { return policy_.get(); };
  parts.now = utc_now;
  parts.uptime = [] { return std::chrono::steady_clock::now(); };
  parts.mode = mode;
  return std::make_shared<Court>(std::move(catalog), std::move(parts));
}

std::shared_ptr<DockerGuard::Court> DockerGuard::court() const {
  const std::lock_guard lock(mutex_);
  return court_;
}

void DockerGuard::start() { engine_->start(); }
void DockerGuard::stop() { engine_->stop(); }

server::AuthzDecision DockerGuard::judge(const wire::DockerRequest& request) const {
  const auto sitting = court();
  docker::PluginAnswer answer = sitting->judge.answer(request);
  return {.allow = answer.allow,
          .message = std::move(answer.message),
          .rule = std::move(answer.rule),
          .verdict = answer.verdict};
}

void DockerGuard::made(const wire::CreateContainer& request, const std::string& id) const {
  court()->judge.made(request, id);
}

Result<void> DockerGuard::reload() {
  auto rulebook = Rulebook::read(options_);
  if (!rulebook) return tl::unexpected(rulebook.error());
  if (auto read = read_evidence(); !read) return read;
  use(*std::move(rulebook));
  return {};
}

core::Mode DockerGuard::mode() const { return court()->mode; }

std::string DockerGuard::why_not_current() const { return engine_->health().why_not_current; }

server::AuthzSample DockerGuard::sample() const {
  const docker::EngineHealth health = engine_->health();
  const auto snapshot = engine_->get();
  server::AuthzSample sample;
  sample.engine_current = health.current;
  sample.containers = snapshot->containers.size();
  sample.volumes = snapshot->volumes.size();
  sample.engine_lists = health.lists;
  sample.engine_events = health.events;
  sample.evidence_reports = evidence_.get()->all().size();
  return sample;
}

}  // namespace walguard::cli
