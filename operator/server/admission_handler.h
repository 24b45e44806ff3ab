/// Answers /validate and /mutate: bytes -> Request -> judgement -> Answer -> bytes.
///
/// Everything comes from memory: no call to the API server, no disk, no wait. Stateless but for the counters.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/server/http_message.h"
#include "operator/server/metrics.h"
#include "operator/wire/admission_review.h"

namespace walguard::server {

/// One line of the answer log: every answer that is not a plain allow. Views are valid during the call only.
struct AnswerRecord {
  std::string_view endpoint;  ///< "/validate" or "/mutate"
  std::string_view uid;
  std::string_view kind;
  std::string_view namespace_name;
  std::string_view name;
  std::string_view decision;  ///< of core::Decision, or "refused" for what could not be read
  std::string_view mode;
  std::string rules;  ///< ids, comma-separated
  std::string_view detail;
};

/// Calls its argument with the cluster's state, which stays as it is until that returns.
using ReadCluster = std::function<void(const std::function<void(const core::ClusterState&)>&)>;

/// Every function is called from the serving threads, several at once; none may wait for anything.
struct AdmissionParts {
  Metrics* metrics = nullptr;  ///< outlives the handler
  std::function<std::shared_ptr<const core::Catalog>()> catalog;
  std::function<std::shared_ptr<const core::Policy>()> policy;
  core::ProbeReach reach;
  ReadCluster read_cluster;
  std::function<std::shared_ptr<const core::EvidenceBook>()> evidence;
  /// Asks for a preflight; never called on a dry run. Empty where the hook only answers, as in a cluster.
  std::function<void(const core::ProbeRequest&)> want;
  std::function<core::UtcSeconds()> now;
  std::function<void(const AnswerRecord&)> log;
};

/// Thread-safe: each serving thread has a parser of its own.
class AdmissionHandler {
 public:
  explicit AdmissionHandler(AdmissionParts parts) : parts_(std::move(parts)) {}

  /// HTTP 400 for what is no AdmissionReview v1 with a UID, 415 for another content type; else always 200.
  void validate(const HttpRequest& request, HttpResponse& response) const {
    handle(request, response, false);
  }
  void mutate(const HttpRequest& request, HttpResponse& response) const { handle(request, response, true); }

 private:
  void handle(const HttpRequest& request, HttpResponse& response, bool mutating) const;
  [[nodiscard]] core::Answer answer(const wire::Request& review, bool mutating) const;
  [[nodiscard]] core::Answer judge(const wire::Request& review, const core::Workload& asked, bool mutating,
                                   const core::ClusterState& cluster) const;
  void refuse(const wire::DecodeError& error, std::string_view endpoint, HttpResponse& response) const;
  void log_answer(const wire::Request& review, const core::Answer& answer, std::string_view endpoint) const;

  const AdmissionParts parts_;
};

}  // namespace walguard::server
