/// One leader among the replicas, by a Lease: the algorithm of client-go's tools/leaderelection.
///
/// A lease is taken over only after it was seen unchanged for its whole duration, counted on the observer's
/// own clock: clocks of nodes are never compared. Each write is guarded by the resourceVersion that was read,
/// so of two who try at once one is refused. A leader stops its work `renew_deadline` after it *sent* its
/// last renewal that succeeded; another may take over `lease_duration` after it has *seen* that renewal,
/// which is later. The time between the two is what the work has to end in.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "operator/controller/log.h"
#include "operator/kube/client.h"
#include "operator/wire/lease.h"

namespace walguard::controller {

using SteadyTime = std::chrono::steady_clock::time_point;

struct LeaderElectionOptions {
  std::string namespace_name;
  std::string lease_name = "walguard-leader";
  std::string identity;                              ///< unlike every other replica's: the pod's name
  std::chrono::milliseconds lease_duration{15'000};  ///< written as whole seconds, rounded up
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds retry_period{2'000};
  double jitter = 1.2;  ///< a candidate waits `retry_period` and up to so many times that more
};

/// What this replica knows of the lease.
struct LeaseView {
  std::optional<wire::LeaseRecord> record = {};  ///< nullopt: there is no such object
  SteadyTime seen_at = {};                       ///< when `record` was first seen as it is
  std::optional<SteadyTime> renewed_at = {};     ///< set while leading: when the last good renewal was sent
};

enum class LeaseStep : std::uint8_t {
  kCreate,   ///< there is no lease: make it
  kAcquire,  ///< it is free, run out, or our own from before a restart
  kRenew,    ///< it is ours
  kWait,     ///< another holds it
  kLost,     ///< we led and may not any more
};

/// Pure, thread-safe.
[[nodiscard]] LeaseStep next_lease_step(const LeaseView& view, const LeaderElectionOptions& options,
                                        SteadyTime now);

/// What a client for leases should be: one that gives up in time to try again before the deadline.
[[nodiscard]] kube::ClientOptions lease_client_options(const LeaderElectionOptions& options);

struct LeaderElectionParts {
  /// The leader's work, called on a thread of its own each time the lease was gained. Its token is stopped
  /// when the lease is lost or the election ends; it must then return within `lease_duration` -
  /// `renew_deadline`. Must not throw. Where it returns sooner, the lease stays held.
  std::function<void(const std::stop_token&)> work;
  LogLine log;
};

class Term;  // one time of leading; internal

class LeaderElection {
 public:
  /// `client`, made with lease_client_options(), must outlive it.
  LeaderElection(const kube::Client& client, LeaderElectionOptions options, LeaderElectionParts parts);

  /// Blocks until `stop` is requested; the work has then ended and the lease is given back, so that the next
  /// leader need not wait. Called once.
  void run(const std::stop_token& stop);

  /// Thread-safe.
  [[nodiscard]] bool is_leading() const { return leading_; }

 private:
  [[nodiscard]] std::optional<SteadyTime> acquire(const std::stop_token& stop);
  void lead(SteadyTime since, const std::stop_token& stop);
  void renew_until_lost(Term& term);
  void release();
  [[nodiscard]] bool observe(const std::stop_token& stop);
  [[nodiscard]] bool write(LeaseStep step, const std::stop_token& stop);
  void take(wire::LeaseRecord record);
  void say(LogLevel level, const std::string& line) const;

  const kube::Client& client_;
  const LeaderElectionOptions options_;
  const LeaderElectionParts parts_;
  LeaseView view_;  // of the thread in run()
  std::string last_problem_;
  std::atomic<bool> leading_{false};
};

}  // namespace walguard::controller
