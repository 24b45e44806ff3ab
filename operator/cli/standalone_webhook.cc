#include "operator/cli/standalone_webhook.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

#include "operator/cli/admission_server.h"
#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/cli/serve_parts.h"
#include "operator/controller/evidence_store.h"
#include "operator/controller/preflight_controller.h"
#include "operator/controller/preflight_runner.h"
#include "operator/controller/state_folder.h"
#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/process/child_process.h"
#include "operator/server/admission_handler.h"
#include "operator/server/metrics.h"
#include "operator/wire/kube_objects.h"
#include "operator/wire/report.h"

namespace walguard::cli {
namespace {

/// Both programs are installed side by side; a PATH that finds another version's preflight should not win.
std::string preflight_binary(const ServeOptions& options) {
  constexpr std::string_view kName = "walguard-preflight";
  if (!options.preflight_binary.empty()) return options.preflight_binary;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return std::string(kName);
  for (const auto& folder : {self.parent_path(), self.parent_path() / ".." / "preflight"}) {
    const auto beside = folder / kName;
    if (std::filesystem::exists(beside, error)) return beside.string();
  }
  return std::string(kName);
}

Result<controller::StoragePaths> storage_paths(const ServeOptions& options) {
  controller::StoragePaths paths;
  for (const std::string& text : options.storage_paths) {
    auto path = controller::parse_storage_path(text);
    if (!path) return tl::unexpected("--storage-path: " + path.error());
    if (!paths.insert(*std::move(path)).second) {
      return tl::unexpected("--storage-path: \"" + text +
                            "\": the class was given before; name each class once");
    }
  }
  return paths;
}

Result<void> read_state_file(std::string_view file, std::string_view text, core::ClusterState& state) {
  const auto added = wire::add_kube_objects(text, file, state);
  return added ? Result<void>{} : tl::unexpected(added.error().text());
}

}  // namespace

struct StandaloneWebhook::Parts {
  Parts(const ServeOptions& serve_options, Logger& serve_logger, core::Catalog loaded)
      : options(serve_options),
        logger(serve_logger),
        catalog(std::make_shared<const core::Catalog>(std::move(loaded))) {
    core::Policy of_flags;
    of_flags.default_mode = options.mode;
    policy = std::make_shared<const core::Policy>(std::move(of_flags));
  }

  const ServeOptions options;
  Logger& logger;
  const std::shared_ptr<const core::Catalog> catalog;
  std::shared_ptr<const core::Policy> policy;
  core::ProbeReach reach;
  server::Metrics metrics;
  // Declared so that each ends before what it uses.
  std::unique_ptr<controller::StateFolder> state;
  std::unique_ptr<controller::EvidenceStore> store;
  std::unique_ptr<controller::PreflightRunner> runner;
  std::unique_ptr<controller::PreflightController> preflights;
  std::unique_ptr<AdmissionServer> server;

  Result<void> open_state();
  Result<void> start_preflights();
  Result<void> start_server();
  [[nodiscard]] server::AdmissionParts admission();
  [[nodiscard]] std::string why_not_ready() const;
  [[nodiscard]] server::MetricsSample sample() const;
};

Result<void> StandaloneWebhook::Parts::open_state() {
  auto opened = controller::StateFolder::open(options.standalone, read_state_file, log_line(logger));
  if (!opened) return tl::unexpected("--standalone: " + opened.error());
  state = *std::move(opened);
  return {};
}

Result<void> StandaloneWebhook::Parts::start_preflights() {
  if (auto made = make_data_dir(options.data_dir); !made) return made;
  auto opened = controller::EvidenceStore::open(options.data_dir, *catalog);
  if (!opened) return tl::unexpected("--data-dir: " + opened.error());
  store = *std::move(opened);

  auto paths = storage_paths(options);
  if (!paths) return tl::unexpected(paths.error());
  reach = controller::reach_of(*paths);
  controller::PreflightCommand command;
  command.binary = preflight_binary(options);
  runner = std::make_unique<controller::PreflightRunner>(std::move(command), *std::move(paths),
                                                         process::ChildLimits{});
  controller::PreflightParts parts;
  parts.run = [this](const core::ProbeRequest& request, const std::stop_token& stop) {
    return runner->run(request, stop);
  };
  parts.read_report = wire::evidence_from_report;
  parts.now = utc_now;
  parts.count_run = [this](controller::RunOutcome outcome) {
    metrics.count_preflight(controller::name(outcome));
  };
  parts.log = log_line(logger);
  controller::PreflightOptions preflight_options;
  preflight_options.policy = *policy;
  preflight_options.reach = reach;
  auto started =
      controller::PreflightController::start(*store, std::move(parts), std::move(preflight_options));
  if (!started) return tl::unexpected("--data-dir: " + started.error());
  preflights = *std::move(started);
  return {};
}

server::AdmissionParts StandaloneWebhook::Parts::admission() {
  server::AdmissionParts parts;
  parts.metrics = &metrics;
  parts.catalog = [this] { return catalog; };
  parts.policy = [this] { return policy; };
  parts.reach = reach;
  parts.read_cluster = [this](const auto& use) {
    const auto snapshot = state->state();
    use(*snapshot);
  };
  parts.evidence = [this] { return preflights->evidence(); };
  parts.want = [this](const core::ProbeRequest& request) { (void)preflights->want(request); };
  parts.now = utc_now;
  parts.log = [this](const server::AnswerRecord& record) { log_answer(logger, record); };
  return parts;
}

std::string StandaloneWebhook::Parts::why_not_ready() const {
  const auto status = state->status();
  if (status.error.empty()) return {};
  return "state: " + status.error + "\n" +
         (status.loaded ? "the last good state stays in force\n" : "no state was loaded yet\n");
}

server::MetricsSample StandaloneWebhook::Parts::sample() const {
  const auto status = state->status();
  const auto probes = preflights->status();
  server::MetricsSample sample;
  sample.state_objects = status.objects;
  sample.state_files = status.files;
  if (status.loaded) {
    sample.state_loaded_at =
        std::chrono::duration_cast<std::chrono::seconds>(status.loaded_at.time_since_epoch()).count();
  }
  sample.state_failed_reloads = status.failed_reloads;
  sample.state_broken = !status.error.empty();
  sample.evidence_reports = preflights->evidence()->all().size();
  sample.preflights_running = probes.running;
  sample.preflights_waiting = probes.waiting;
  return sample;
}

Result<void> StandaloneWebhook::Parts::start_server() {
  auto tls = tls_files(options);
  if (!tls) return tl::unexpected(tls.error());
  AdmissionServerParts parts;
  parts.admission = admission();
  parts.tls = *std::move(tls);
  parts.why_not_ready = [this] { return why_not_ready(); };
  parts.sample = [this] { return sample(); };
  parts.read_drivers = knowledge::load_drivers;
  server = std::make_unique<AdmissionServer>(options, logger, std::move(parts));
  return server->start();
}

StandaloneWebhook::StandaloneWebhook(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
StandaloneWebhook::~StandaloneWebhook() = default;

Result<std::unique_ptr<RunningServer>> StandaloneWebhook::start(const ServeOptions& options, Logger& logger) {
  auto catalog = knowledge::load_embedded_catalog();
  if (!catalog) return tl::unexpected("knowledge: " + catalog.error());
  auto parts = std::make_unique<Parts>(options, logger, *std::move(catalog));
  for (const auto step : {&Parts::open_state, &Parts::start_preflights, &Parts::start_server}) {
    if (auto done = (*parts.*step)(); !done) return tl::unexpected(done.error());
  }
  return std::unique_ptr<RunningServer>(new StandaloneWebhook(std::move(parts)));
}

bool StandaloneWebhook::drain() { return parts_->server->drain(); }

void StandaloneWebhook::reload_certificate() { parts_->server->reload_certificate(); }

}  // namespace walguard::cli
