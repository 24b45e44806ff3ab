#include "operator/cli/cluster_operator.h"

#include <array>
#include <chrono>
#include <climits>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <tl/expected.hpp>
#include <unistd.h>

#include "operator/cli/admission_server.h"
#include "operator/cli/cluster_duties.h"
#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/cli/serve_parts.h"
#include "operator/controller/certificate_store.h"
#include "operator/controller/certificates.h"
#include "operator/controller/cluster_index.h"
#include "operator/controller/evidence_watch.h"
#include "operator/controller/policy_watch.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/kubeconfig.h"
#include "operator/kube/resource.h"
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

/// By its resources that no other part keeps.
kube::ResourceType preflight_type(const char* plural, bool namespaced) {
  return {.group = "walguard.dev", .version = "v1alpha1", .plural = plural, .namespaced = namespaced};
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "walguard";
}

/// The flags, with what they leave open.
Result<ServeOptions> complete(ServeOptions options) {
  if (options.pod_name.empty()) options.pod_name = host_name();
  if (!options.namespace_name.empty() && options.image.empty()) {
    return tl::unexpected(
        std::string("--image: missing; name the image that preflight pods are to run, the one of this "
                    "walguard (WALGUARD_IMAGE), or leave out --namespace to only answer"));
  }
  return options;
}

}  // namespace

/// The parts in the order in which they start; each ends before what it uses.
struct ClusterOperator::Parts {
  Parts(ServeOptions serve_options, Logger& serve_logger)
      : options(std::move(serve_options)), logger(serve_logger) {}

  const ServeOptions options;
  Logger& logger;
  server::Metrics metrics;

  std::unique_ptr<kube::CurlTransport> transport;
  std::unique_ptr<kube::Client> client;
  std::unique_ptr<controller::PolicyWatch> policies;
  std::unique_ptr<controller::EvidenceWatch> evidence;
  std::unique_ptr<controller::ClusterIndex> index;
  std::unique_ptr<controller::CertificateStore> certificates;  // null: --tls-cert
  std::unique_ptr<AdmissionServer> server;
  std::jthread keeping_certificate;
  std::unique_ptr<ClusterDuties> duties;  // null: it only answers

  Result<void> connect();
  Result<void> start_policies();
  Result<void> start_index();
  Result<void> start_server();
  Result<void> start_duties();
  [[nodiscard]] Result<server::TlsSource> certificate();
  [[nodiscard]] server::TlsPem pem_of(const controller::TlsMaterial& material) const;
  [[nodiscard]] server::AdmissionParts admission();
  [[nodiscard]] server::MetricsSample sample() const;
  [[nodiscard]] std::string why_not_ready() const;
};

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

Result<void> ClusterOperator::Parts::start_policies() {
  controller::PolicyWatchParts parts;
  parts.defaults = policy_of_flags(options);
  parts.read_drivers = knowledge::load_drivers;
  parts.make_catalog = knowledge::load_embedded_catalog_with;
  parts.log = log_line(logger);
  auto started = controller::PolicyWatch::start(std::move(parts));
  if (!started) return tl::unexpected("knowledge: " + started.error());
  policies = *std::move(started);
  return {};
}

/// Further resources are added here, each with the part that reads it. What follows from a change waits for
/// `index->changes()`.
Result<void> ClusterOperator::Parts::start_index() {
  controller::ClusterIndexOptions index_options;
  index_options.log = log_line(logger);
  evidence = std::make_unique<controller::EvidenceWatch>(nullptr, log_line(logger));
  index = std::make_unique<controller::ClusterIndex>(*client, std::move(index_options));
  index->add(controller::policy_type(), *policies);
  index->add(preflight_type("volumepreflights", false), evidence->volume_preflights());
  index->add(preflight_type("claimpreflights", true), evidence->claim_preflights());
  index->start();
  return {};
}

server::TlsPem ClusterOperator::Parts::pem_of(const controller::TlsMaterial& material) const {
  return {.certificate = material.certificate,
          .private_key = material.private_key,
          .origin = "Secret " + options.namespace_name + "/" + options.tls_secret};
}

/// Of files, where they are named; else walguard's own, which the replicas share and which comes as soon as
/// the API server answers.
Result<server::TlsSource> ClusterOperator::Parts::certificate() {
  if (!options.tls_cert.empty() || !options.tls_key.empty() || options.namespace_name.empty()) {
    auto files = tls_files(options);
    if (!files) return tl::unexpected(files.error());
    return server::TlsSource(*std::move(files));
  }
  controller::CertificateOptions certificate_options;
  certificate_options.namespace_name = options.namespace_name;
  certificate_options.secret = options.tls_secret;
  certificate_options.service = options.service_name;
  certificate_options.webhooks = options.webhook_name;
  controller::CertificateParts parts;
  parts.use = [this](const controller::TlsMaterial& material) {
    return server->use_certificate(pem_of(material));
  };
  parts.now = utc_now;
  parts.log = log_line(logger);
  certificates = std::make_unique<controller::CertificateStore>(*client, std::move(certificate_options),
                                                                std::move(parts));
  return server::TlsSource(server::TlsLater{});
}

server::AdmissionParts ClusterOperator::Parts::admission() {
  server::AdmissionParts parts;
  parts.metrics = &metrics;
  parts.catalog = [this] { return policies->get()->catalog; };
  parts.policy = [this] {
    const auto in_force = policies->get();
    return std::shared_ptr<const core::Policy>(in_force, &in_force->policy);
  };
  parts.reach = cluster_reach();
  parts.read_cluster = [this](const auto& use) {
    const auto state = index->read();
    use(*state);
  };
  parts.evidence = [this] { return evidence->get(); };
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
  sample.evidence_reports = evidence->get()->all().size();
  return sample;
}

/// Ready once everything was listed and there is a certificate. An index that is cut off later stays ready:
/// its answers are `unproven`, and another replica would know no better.
std::string ClusterOperator::Parts::why_not_ready() const {
  std::string text = controller::what_is_missing(index->status());
  const std::string no_certificate = certificates == nullptr ? "" : certificates->why_none();
  if (!no_certificate.empty()) text += "certificate: none yet: " + no_certificate + "\n";
  return text;
}

Result<void> ClusterOperator::Parts::start_server() {
  auto tls = certificate();
  if (!tls) return tl::unexpected(tls.error());
  AdmissionServerParts parts;
  parts.admission = admission();
  parts.tls = *std::move(tls);
  parts.why_not_ready = [this] { return why_not_ready(); };
  parts.sample = [this] { return sample(); };
  parts.remark = [this] { return controller::what_is_stale(index->status()); };
  parts.read_drivers = knowledge::load_drivers;
  server = std::make_unique<AdmissionServer>(options, logger, std::move(parts));
  if (auto started = server->start(); !started) return started;
  if (certificates != nullptr) {
    keeping_certificate = std::jthread([this](const std::stop_token& stop) { certificates->run(stop); });
  }
  return {};
}

Result<void> ClusterOperator::Parts::start_duties() {
  if (options.namespace_name.empty()) {
    logger.write(LogSeverity::kWarning,
                 "no --namespace: this walguard answers, and opens no gate and runs no preflight");
    return {};
  }
  duties = std::make_unique<ClusterDuties>(ClusterDutyParts{.options = options,
                                                            .logger = logger,
                                                            .transport = *transport,
                                                            .client = *client,
                                                            .index = *index,
                                                            .evidence = *evidence,
                                                            .policies = *policies,
                                                            .reach = cluster_reach(),
                                                            .certificates = certificates.get()});
  return {};
}

ClusterOperator::ClusterOperator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClusterOperator::~ClusterOperator() = default;

Result<std::unique_ptr<RunningServer>> ClusterOperator::start(const ServeOptions& options, Logger& logger) {
  auto completed = complete(options);
  if (!completed) return tl::unexpected(completed.error());
  auto parts = std::make_unique<Parts>(*std::move(completed), logger);
  for (const auto step : {&Parts::connect, &Parts::start_policies, &Parts::start_index, &Parts::start_server,
                          &Parts::start_duties}) {
    if (auto done = (*parts.*step)(); !done) return tl::unexpected(done.error());
  }
  return std::unique_ptr<RunningServer>(new ClusterOperator(std::move(parts)));
}

bool ClusterOperator::drain() { return parts_->server->drain(); }

void ClusterOperator::reload_certificate() { parts_->server->reload_certificate(); }

}  // namespace walguard::cli
