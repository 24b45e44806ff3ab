#include "operator/cli/cluster_duties.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/cli/serve.h"
#include "operator/cli/serve_parts.h"
#include "operator/controller/certificate_store.h"
#include "operator/controller/cluster_index.h"
#include "operator/controller/cluster_preflights.h"
#include "operator/controller/event_writer.h"
#include "operator/controller/evidence_watch.h"
#include "operator/controller/gate_keeper.h"
#include "operator/controller/leader_election.h"
#include "operator/controller/log.h"
#include "operator/controller/policy_watch.h"
#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/probe_plan.h"
#include "operator/core/sharing.h"
#include "operator/kube/client.h"
#include "operator/wire/event.h"
#include "operator/wire/preflight_resource.h"

namespace walguard::cli {
namespace {

/// A status that could not be written is tried again so often.
constexpr std::chrono::seconds kPolicyReportInterval{30};
constexpr std::chrono::seconds kLongestWait{10};
constexpr std::chrono::milliseconds kListingInterval{200};

constexpr int kKilled = 137;  // as a container that got SIGKILL ends

controller::ClusterPreflightOptions preflight_options(const ServeOptions& options) {
  controller::ClusterPreflightOptions made;
  made.own_namespace = options.namespace_name;
  made.operator_version = WALGUARD_VERSION;
  made.job.image = options.image;
  made.job.image_pull_policy = options.image_pull_policy;
  made.job.image_pull_secrets = options.image_pull_secrets;
  made.job.trust_node_names = options.trust_node_names;
  made.job.start_patience = options.preflight_patience;
  made.limits.start_patience = options.preflight_patience;
  return made;
}

controller::LeaderElectionOptions lease_options(const ServeOptions& options) {
  controller::LeaderElectionOptions made;
  made.namespace_name = options.namespace_name;
  made.lease_name = options.lease_name;
  made.identity = options.pod_name;
  return made;
}

wire::EventNote note_of(const controller::PreflightEvent& event) {
  return {.object = {.api_version = std::string(wire::kPreflightApiVersion),
                     .kind = std::string(core::name(event.kind)),
                     .namespace_name = event.namespace_name,
                     .name = event.name,
                     .uid = event.uid},
          .type = event.warning ? wire::EventNote::Type::kWarning : wire::EventNote::Type::kNormal,
          .reason = event.reason,
          .message = event.message};
}

bool is_costly(const core::Catalog& catalog, const core::StorageClass& storage_class) {
  core::VariantQuery query;
  query.driver = storage_class.provisioner;
  query.parameters = &storage_class.parameters;
  const core::Catalog::Match match = catalog.find(query);
  return match.variant != nullptr && match.variant->costly_to_probe;
}

bool differs_per_node(const core::Catalog& catalog, std::string_view driver) {
  core::VariantQuery query;
  query.driver = driver;
  const core::Catalog::Match match = catalog.find(query);
  return match.variant != nullptr && match.variant->differs_per_node;
}

}  // namespace

ClusterDuties::ClusterDuties(ClusterDutyParts parts)
    : parts_(std::move(parts)),
      log_(log_line(parts_.logger)),
      events_(parts_.client, {.reporter = parts_.options.pod_name}, log_, utc_now),
      preflights_(parts_.client, preflight_parts(), preflight_options(parts_.options)),
      gates_(parts_.client, gate_parts()),
      lease_client_(parts_.transport, controller::lease_client_options(lease_options(parts_.options))),
      election_(lease_client_, lease_options(parts_.options),
                {.work = [this](const std::stop_token& stop) { lead(stop); }, .log = log_}),
      electing_([this](const std::stop_token& stop) { election_.run(stop); }) {}

std::vector<controller::GatedPod> ClusterDuties::gated_pods() const {
  std::vector<controller::GatedPod> pods;
  const auto state = parts_.index.read();
  for (const core::RunningPod* const held : state->gated_pods()) {
    pods.push_back({.pod = core::workload_of(*held), .uid = held->uid});
  }
  return pods;
}

controller::GateDecision ClusterDuties::decide(const controller::GatedPod& pod) const {
  const auto policy = parts_.policies.get();
  const auto evidence = parts_.evidence.get();
  const auto state = parts_.index.read();
  return controller::decide_gate(pod, {.cluster = *state,
                                       .catalog = *policy->catalog,
                                       .evidence = *evidence,
                                       .policy = policy->policy,
                                       .reach = parts_.reach,
                                       .now = utc_now()});
}

controller::GateKeeperParts ClusterDuties::gate_parts() {
  controller::GateKeeperParts made;
  made.gated_pods = [this] { return gated_pods(); };
  made.decide = [this](const controller::GatedPod& pod) { return decide(pod); };
  made.ensure = [this](const core::ProbeRequest& request,
                       const std::stop_token& stop) -> tl::expected<void, std::string> {
    auto ensured = preflights_.ensure(request, stop);
    if (!ensured) return tl::unexpected(std::move(ensured).error());
    return {};
  };
  made.post_event = [this](wire::EventNote note) { events_.post(std::move(note)); };
  made.log = log_;
  return made;
}

controller::ClusterPreflightParts ClusterDuties::preflight_parts() {
  controller::ClusterPreflightParts made;
  made.storage_class = [this](std::string_view name) -> std::optional<core::StorageClass> {
    const auto state = parts_.index.read();
    const core::StorageClass* const found = state->storage_class(name);
    if (found == nullptr) return std::nullopt;
    return *found;
  };
  made.runtime_handler = [this](std::string_view runtime_class) {
    const auto state = parts_.index.read();
    return core::runtime_handler(runtime_class, *state);
  };
  made.runtime_class = [this](std::string_view handler) -> std::optional<std::string> {
    const auto state = parts_.index.read();
    const core::RuntimeClass* const found = state->runtime_class_of_handler(handler);
    if (found == nullptr) return std::nullopt;
    return found->name;
  };
  made.is_costly = [this](const core::StorageClass& storage_class) {
    return is_costly(*parts_.policies.get()->catalog, storage_class);
  };
  made.differs_per_node = [this](const core::ObservedVolume& volume) {
    const auto state = parts_.index.read();
    const core::PersistentVolume* const known = state->persistent_volume(volume.name);
    if (known != nullptr && known->pinned_hostname) return false;  // there is no other node
    return differs_per_node(*parts_.policies.get()->catalog, volume.driver);
  };
  made.policy = [this] { return parts_.policies.get()->policy; };
  made.now = utc_now;
  made.emit = [this](const controller::PreflightEvent& event) { events_.post(note_of(event)); };
  if (const int last = parts_.options.exit_after_actions; last > 0) {
    // As a crash is: nothing is given back, nothing is said.
    made.after_action = [last, done = 0](core::ActionKind, bool) mutable {
      if (++done >= last) std::_Exit(kKilled);
    };
  }
  made.log = log_;
  return made;
}

/// Each part on a thread of its own; returns when all have ended.
void ClusterDuties::lead(const std::stop_token& stop) {
  std::vector<std::jthread> threads;
  if (parts_.certificates != nullptr) threads.emplace_back([&] { parts_.certificates->lead(stop); });
  if (!wait_for_the_whole_cluster(stop)) return;
  threads.emplace_back([&] { gates_.run(stop); });
  threads.emplace_back([&] { preflights_.run(stop); });
  threads.emplace_back([&] { report_policies(stop); });
  threads.emplace_back([&] { wake_on_change(stop); });
}

/// What was not listed yet looks as if it were not there: without its namespace's label a pod would be let
/// go, and without the policy that forbids it a preflight would begin. False: stopped before.
bool ClusterDuties::wait_for_the_whole_cluster(const std::stop_token& stop) const {
  std::uint64_t seen = parts_.index.changes().changes();
  while (!stop.stop_requested() && !controller::what_is_missing(parts_.index.status()).empty()) {
    seen = parts_.index.changes().wait(seen, kListingInterval, stop);
  }
  return !stop.stop_requested();
}

void ClusterDuties::report_policies(const std::stop_token& stop) {
  std::uint64_t seen = parts_.index.changes().changes();
  while (!stop.stop_requested()) {
    parts_.policies.report(parts_.client, stop);
    seen = parts_.index.changes().wait(seen, kPolicyReportInterval, stop);
  }
}

/// So that a gate opens as soon as its evidence is there, and a preflight begins as soon as it is ordered.
void ClusterDuties::wake_on_change(const std::stop_token& stop) {
  std::uint64_t seen = parts_.index.changes().changes();
  auto looked_at = parts_.evidence.get();
  while (!stop.stop_requested()) {
    seen = parts_.index.changes().wait(seen, kLongestWait, stop);
    gates_.wake();
    auto newest = parts_.evidence.get();  // another one after each change of a preflight
    if (newest != looked_at) preflights_.wake();
    looked_at = std::move(newest);
  }
}

}  // namespace walguard::cli
