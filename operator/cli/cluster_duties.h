/// What one replica of walguard does for all of a cluster: it keeps the webhook's certificate, runs
/// preflights, opens gates and says what became of policies. Which replica, a Lease decides.
#pragma once

#include <stop_token>
#include <thread>
#include <vector>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/controller/certificate_store.h"
#include "operator/controller/cluster_index.h"
#include "operator/controller/cluster_preflights.h"
#include "operator/controller/event_writer.h"
#include "operator/controller/evidence_watch.h"
#include "operator/controller/gate_keeper.h"
#include "operator/controller/leader_election.h"
#include "operator/controller/policy_watch.h"
#include "operator/core/probe_plan.h"
#include "operator/kube/client.h"

namespace walguard::cli {

/// What the duties read and use; all of it outlives them.
struct ClusterDutyParts {
  const ServeOptions& options;
  Logger& logger;
  kube::HttpTransport& transport;
  const kube::Client& client;
  const controller::ClusterIndex& index;
  const controller::EvidenceWatch& evidence;
  controller::PolicyWatch& policies;
  core::ProbeReach reach;
  controller::CertificateStore* certificates;  ///< null: the certificate is somebody else's
};

/// Runs from construction to destruction, whenever this replica leads.
class ClusterDuties {
 public:
  explicit ClusterDuties(ClusterDutyParts parts);
  ClusterDuties(const ClusterDuties&) = delete;
  ClusterDuties& operator=(const ClusterDuties&) = delete;
  /// Ends the work under way, gives the lease back, and waits for both.
  ~ClusterDuties() = default;

  [[nodiscard]] bool is_leading() const { return election_.is_leading(); }
  [[nodiscard]] controller::GateCounts gates() const { return gates_.counts(); }

 private:
  [[nodiscard]] controller::GateKeeperParts gate_parts();
  [[nodiscard]] controller::ClusterPreflightParts preflight_parts();
  [[nodiscard]] std::vector<controller::GatedPod> gated_pods() const;
  [[nodiscard]] controller::GateDecision decide(const controller::GatedPod& pod) const;
  void lead(const std::stop_token& stop);
  [[nodiscard]] bool wait_for_the_whole_cluster(const std::stop_token& stop) const;
  void report_policies(const std::stop_token& stop);
  void wake_on_change(const std::stop_token& stop);

  const ClusterDutyParts parts_;
  const controller::LogLine log_;
  controller::EventWriter events_;
  controller::ClusterPreflights preflights_;
  controller::GateKeeper gates_;
  const kube::Client lease_client_;
  controller::LeaderElection election_;
  std::jthread electing_;  // last: it ends before what it uses
};

}  // namespace walguard::cli
