#include "operator/cli/webhook.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/controller/evidence_store.h"
#include "operator/controller/log.h"
#include "operator/controller/preflight_controller.h"
#include "operator/controller/preflight_runner.h"
#include "operator/controller/state_folder.h"
#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/process/child_process.h"
#include "operator/server/admission_handler.h"
#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/metrics.h"
#include "operator/server/tls_identity.h"
#include "operator/wire/kube_objects.h"
#include "operator/wire/report.h"

namespace walguard::cli {
namespace {

template <typename T>
using Result = tl::expected<T, std::string>;

core::UtcSeconds utc_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

LogSeverity severity_of(controller::LogLevel level) {
  switch (level) {
    case controller::LogLevel::kInfo:
      return LogSeverity::kInfo;
    case controller::LogLevel::kWarning:
      return LogSeverity::kWarning;
    case controller::LogLevel::kError:
      return LogSeverity::kError;
  }
  return LogSeverity::kError;
}

controller::LogLine log_line(Logger& logger) {
  return [&logger](controller::LogLevel level, const std::string& line) {
    logger.write(severity_of(level), line);
  };
}

void log_answer(Logger& logger, const server::AnswerRecord& record) {
  logger.write(LogSeverity::kInfo, "answered",
               {{"endpoint", record.endpoint},
                {"uid", record.uid},
                {"kind", record.kind},
                {"namespace", record.namespace_name},
                {"name", record.name},
                {"decision", record.decision},
                {"mode", record.mode},
                {"rules", record.rules},
                {"detail", record.detail}});
}

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

Result<void> make_data_dir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return tl::unexpected("--data-dir: \"" + path + "\": " + error.message() +
                        "; give a folder on a local disk that walguard may write to");
}

Result<std::optional<server::TlsFiles>> tls_files(const ServeOptions& options) {
  if (options.tls_cert.empty() || options.tls_key.empty()) {
    return tl::unexpected(
        std::string(options.tls_cert.empty() ? "--tls-cert" : "--tls-key") +
        ": missing; the webhook speaks HTTPS only: give the PEM files of its certificate and key");
  }
  return server::TlsFiles{options.tls_cert, options.tls_key};
}

}  // namespace

struct Webhook::Parts {
  Parts(const ServeOptions& serve_options, Logger& serve_logger, core::Catalog loaded)
      : options(serve_options), logger(serve_logger), catalog(std::move(loaded)) {
    policy.default_mode = options.mode;
  }

  const ServeOptions options;
  Logger& logger;
  const core::Catalog catalog;
  core::Policy policy;
  core::ProbeReach reach;
  server::Metrics metrics;
  std::atomic<bool> draining{false};
  // Declared so that each ends before what it uses.
  std::unique_ptr<controller::StateFolder> state;
  std::unique_ptr<controller::EvidenceStore> store;
  std::unique_ptr<controller::PreflightRunner> runner;
  std::unique_ptr<controller::PreflightController> preflights;
  std::unique_ptr<server::AdmissionHandler> admission;
  std::unique_ptr<server::HttpServer> https;
  std::unique_ptr<server::HttpServer> http;

  Result<void> open_state();
  Result<void> start_preflights();
  void make_admission();
  Result<void> listen();
  Result<int> start_listener(std::unique_ptr<server::HttpServer>& listener, const std::string& flag,
                             const std::string& address, std::optional<server::TlsFiles> tls);
  void route_https();
  void route_http();
  void answer_ready(server::HttpResponse& response) const;
  [[nodiscard]] server::MetricsSample sample() const;
};

Result<void> Webhook::Parts::open_state() {
  auto opened = controller::StateFolder::open(options.standalone, read_state_file, log_line(logger));
  if (!opened) return tl::unexpected("--standalone: " + opened.error());
  state = *std::move(opened);
  return {};
}

Result<void> Webhook::Parts::start_preflights() {
  if (auto made = make_data_dir(options.data_dir); !made) return made;
  auto opened = controller::EvidenceStore::open(options.data_dir, catalog);
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
  preflight_options.policy = policy;
  preflight_options.reach = reach;
  auto started =
      controller::PreflightController::start(*store, std::move(parts), std::move(preflight_options));
  if (!started) return tl::unexpected("--data-dir: " + started.error());
  preflights = *std::move(started);
  return {};
}

void Webhook::Parts::make_admission() {
  server::AdmissionParts parts;
  parts.catalog = &catalog;
  parts.metrics = &metrics;
  parts.policy = policy;
  parts.reach = reach;
  parts.cluster = [this] { return state->state(); };
  parts.evidence = [this] { return preflights->evidence(); };
  parts.want = [this](const core::ProbeRequest& request) { (void)preflights->want(request); };
  parts.now = utc_now;
  parts.log = [this](const server::AnswerRecord& record) { log_answer(logger, record); };
  admission = std::make_unique<server::AdmissionHandler>(std::move(parts));
}

void Webhook::Parts::route_https() {
  https->route("POST", "/validate",
               [this](const server::HttpRequest& request, server::HttpResponse& response) {
                 admission->validate(request, response);
               });
  https->route("POST", "/mutate", [this](const server::HttpRequest& request, server::HttpResponse& response) {
    admission->mutate(request, response);
  });
}

void Webhook::Parts::answer_ready(server::HttpResponse& response) const {
  const auto status = state->status();
  response.status = 503;
  if (draining) {
    response.body = "draining\n";
  } else if (!status.error.empty()) {
    response.body = "state: " + status.error + "\n" +
                    (status.loaded ? "the last good state stays in force\n" : "no state was loaded yet\n");
  } else {
    response.status = 200;
    response.body = "ok\n";
  }
}

server::MetricsSample Webhook::Parts::sample() const {
  const auto status = state->status();
  const auto probes = preflights->status();
  server::MetricsSample sample;
  sample.ready = status.error.empty() && !draining;
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
  sample.open_connections = https->stats().open_connections;
  return sample;
}

void Webhook::Parts::route_http() {
  http->route("GET", "/healthz",
              [](const server::HttpRequest&, server::HttpResponse& response) { response.body = "ok\n"; });
  http->route("GET", "/readyz",
              [this](const server::HttpRequest&, server::HttpResponse& response) { answer_ready(response); });
  http->route("GET", "/metrics", [this](const server::HttpRequest&, server::HttpResponse& response) {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics.render(sample());
  });
}

Result<int> Webhook::Parts::start_listener(std::unique_ptr<server::HttpServer>& listener,
                                           const std::string& flag, const std::string& address,
                                           std::optional<server::TlsFiles> tls) {
  const auto endpoint = parse_endpoint(flag, address);
  if (!endpoint) return tl::unexpected(endpoint.error());
  const bool secure = tls.has_value();
  listener = std::make_unique<server::HttpServer>(
      server::HttpLimits{}, std::move(tls),
      [this](std::string_view line) { logger.write(LogSeverity::kWarning, line); });
  secure ? route_https() : route_http();
  auto port = listener->start(endpoint->host, endpoint->port);
  if (!port) return tl::unexpected(flag + ": " + port.error());
  return port;
}

Result<void> Webhook::Parts::listen() {
  auto tls = tls_files(options);
  if (!tls) return tl::unexpected(tls.error());
  const auto https_port = start_listener(https, "--listen", options.listen, *std::move(tls));
  if (!https_port) return tl::unexpected(https_port.error());
  const auto http_port = start_listener(http, "--http-listen", options.http_listen, std::nullopt);
  if (!http_port) return tl::unexpected(http_port.error());
  logger.write(LogSeverity::kInfo, "serving",
               {{"version", WALGUARD_VERSION},
                {"https_port", std::to_string(*https_port)},
                {"http_port", std::to_string(*http_port)},
                {"mode", core::name(options.mode)}});
  return {};
}

Webhook::Webhook(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Webhook::~Webhook() = default;

tl::expected<std::unique_ptr<Webhook>, std::string> Webhook::start(const ServeOptions& options,
                                                                   Logger& logger) {
  auto catalog = knowledge::load_embedded_catalog();
  if (!catalog) return tl::unexpected("knowledge: " + catalog.error());
  auto parts = std::make_unique<Parts>(options, logger, *std::move(catalog));
  for (const auto step : {&Parts::open_state, &Parts::start_preflights}) {
    if (auto done = (*parts.*step)(); !done) return tl::unexpected(done.error());
  }
  parts->make_admission();
  if (auto done = parts->listen(); !done) return tl::unexpected(done.error());
  return std::unique_ptr<Webhook>(new Webhook(std::move(parts)));
}

bool Webhook::drain() {
  parts_->draining = true;
  const bool clean = parts_->https->drain(parts_->options.drain_timeout);
  parts_->http->drain(std::chrono::seconds{1});
  return clean;
}

void Webhook::reload_certificate() {
  if (const auto reloaded = parts_->https->reload_certificate(); reloaded) {
    parts_->logger.write(LogSeverity::kInfo, "certificate reloaded");
  } else {
    parts_->logger.write(LogSeverity::kError, "certificate not reloaded", {{"error", reloaded.error()}});
  }
}

}  // namespace walguard::cli
