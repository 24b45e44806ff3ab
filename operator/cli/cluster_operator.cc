#include "operator/cli/cluster_operator.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/cli/admission_server.h"
#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/cli/serve_parts.h"
#include "operator/controller/cluster_index.h"
#include "operator/controller/snapshot.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/kubeconfig.h"
#include "operator/server/admission_handler.h"
#include "operator/server/metrics.h"
#include "operator/server/tls_identity.h"

namespace walguard::cli {
namespace {

/// Preflight pods mount any class that provisions, and may have any runtime that a RuntimeClass names.
core::ProbeReach cluster_reach() {
  core::ProbeReach reach;
  reach.in_cluster = true;
  reach.default_runtime_only = false;
  return reach;
}

std::chrono::sys_seconds utc_clock() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

core::Policy policy_of_flags(const ServeOptions& options) {
  core::Policy policy;
  policy.default_mode = options.mode;
  return policy;
}

}  // namespace

/// The parts in the order in which they start; each ends before what it uses.
struct ClusterOperator::Parts {
  Parts(const ServeOptions& serve_options, Logger& serve_logger)
      : options(serve_options), logger(serve_logger) {}

  const ServeOptions options;
  Logger& logger;
  server::Metrics metrics;

  // What answers depend on beside the index. Policy and evidence are replaced as a whole by whoever knows
  // better.
  std::shared_ptr<const core::Catalog> catalog;
  controller::Snapshot<core::Policy> policy;
  controller::Snapshot<core::EvidenceBook> evidence;

  std::unique_ptr<kube::CurlTransport> transport;
  std::unique_ptr<kube::Client> client;
  std::unique_ptr<controller::ClusterIndex> index;
  std::unique_ptr<AdmissionServer> server;

  Result<void> load_knowledge();
  Result<void> connect();
  Result<void> start_index();
  Result<void> start_server();
  [[nodiscard]] Result<server::TlsSource> certificate() const;
  [[nodiscard]] server::AdmissionParts admission();
  [[nodiscard]] server::MetricsSample sample() const;
};

Result<void> ClusterOperator::Parts::load_knowledge() {
  auto loaded = knowledge::load_embedded_catalog();
  if (!loaded) return tl::unexpected("knowledge: " + loaded.error());
  catalog = std::make_shared<const core::Catalog>(*std::move(loaded));
  policy.set(policy_of_flags(options));
  return {};
}

Result<void> ClusterOperator::Parts::connect() {
  auto cluster = kube::find_cluster(options.kubeconfig, options.context, kube::process_environment());
  if (!cluster) {
    return tl::unexpected(
        cluster.error() +
        " (--kubeconfig and --context name a cluster; --standalone DIR serves without one)");
  }
  logger.write(LogSeverity::kInfo, "cluster", {{"server", cluster->server}, {"from", cluster->source}});
  auto credentials = kube::make_credential_source(*cluster, utc_clock);
  transport = std::make_unique<kube::CurlTransport>(*std::move(cluster), std::move(credentials));
  client = std::make_unique<kube::Client>(*transport);
  return {};
}

/// Further resources are added here, each with the part that reads it: `index->add(type, sink)`. What follows
/// from a change waits for `index->changes()`.
Result<void> ClusterOperator::Parts::start_index() {
  controller::ClusterIndexOptions index_options;
  index_options.log = log_line(logger);
  index = std::make_unique<controller::ClusterIndex>(*client, std::move(index_options));
  index->start();
  return {};
}

/// Where the serving pair comes from. A keeper of it gives a server::PemSource, and has
/// AdmissionServer::reload_certificate() called whenever there is a new one.
Result<server::TlsSource> ClusterOperator::Parts::certificate() const {
  auto files = tls_files(options);
  if (!files) return tl::unexpected(files.error());
  return server::TlsSource(*std::move(files));
}

server::AdmissionParts ClusterOperator::Parts::admission() {
  server::AdmissionParts parts;
  parts.metrics = &metrics;
  parts.catalog = [this] { return catalog; };
  parts.policy = [this] { return policy.get(); };
  parts.reach = cluster_reach();
  parts.read_cluster = [this](const auto& use) {
    const auto state = index->read();
    use(*state);
  };
  parts.evidence = [this] { return evidence.get(); };
  // No `want`: the hook only answers (sideEffects None). The leader sees the gate and makes the preflight.
  parts.now = utc_now;
  parts.log = [this](const server::AnswerRecord& record) { log_answer(logger, record); };
  return parts;
}

server::MetricsSample ClusterOperator::Parts::sample() const {
  server::MetricsSample sample;
  for (const controller::IndexedResource& resource : index->status()) {
    sample.state_objects += resource.objects;
    sample.index.push_back({.kind = resource.name,
                            .stale = !resource.current,
                            .objects = resource.objects,
                            .unreadable = resource.unreadable});
  }
  sample.evidence_reports = evidence.get()->all().size();
  return sample;
}

/// Ready once everything was listed. An index that is cut off later stays ready: its answers are `unproven`,
/// and another replica would know no better.
Result<void> ClusterOperator::Parts::start_server() {
  auto tls = certificate();
  if (!tls) return tl::unexpected(tls.error());
  AdmissionServerParts parts;
  parts.admission = admission();
  parts.tls = *std::move(tls);
  parts.why_not_ready = [this] { return controller::what_is_missing(index->status()); };
  parts.sample = [this] { return sample(); };
  server = std::make_unique<AdmissionServer>(options, logger, std::move(parts));
  return server->start();
}

ClusterOperator::ClusterOperator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClusterOperator::~ClusterOperator() = default;

Result<std::unique_ptr<RunningServer>> ClusterOperator::start(const ServeOptions& options, Logger& logger) {
  auto parts = std::make_unique<Parts>(options, logger);
  for (const auto step :
       {&Parts::load_knowledge, &Parts::connect, &Parts::start_index, &Parts::start_server}) {
    if (auto done = (*parts.*step)(); !done) return tl::unexpected(done.error());
  }
  return std::unique_ptr<RunningServer>(new ClusterOperator(std::move(parts)));
}

bool ClusterOperator::drain() { return parts_->server->drain(); }

void ClusterOperator::reload_certificate() { parts_->server->reload_certificate(); }

}  // namespace walguard::cli
