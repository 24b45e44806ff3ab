/// Answers a Docker engine that asks its authorization plugin: bytes -> request -> decision -> bytes.
///
/// What carries no storage is answered at once and without asking the judge: the plugin's own questions to
/// the engine come back to it for authorization, and an engine must stay usable while its plugin cannot
/// judge. Everything else is judged within a second or refused with the reason. Whatever goes wrong is a
/// refusal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "operator/core/verdict.h"
#include "operator/server/authz_metrics.h"
#include "operator/server/http_message.h"
#include "operator/server/timely_calls.h"
#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_request.h"

namespace walguard::server {

struct AuthzDecision {
  bool allow = false;
  /// Of a refusal the reason and the way out; else a warning, empty where there is none.
  std::string message = {};
  std::string rule = {};  ///< id of the worst finding; empty: none
  core::Verdict verdict = core::Verdict::kNotApplicable;
};

/// One line of the log: each refusal, and what was let through with a warning. Nothing of the environment,
/// the arguments or the body stands in it.
struct AuthzRecord {
  std::string_view kind = {};  ///< of name_of(): "create-container"
  std::string object = {};     ///< the name that the request gives, cut; empty where it gives none
  std::string user = {};       ///< of the client's certificate
  std::string_view decision = {};
  std::string_view verdict = {};
  std::string rule = {};
  std::string detail = {};
};

/// Every function is called from several threads at once.
struct AuthzParts {
  AuthzMetrics* metrics = nullptr;  ///< outlives the handler
  /// May take long, or throw; runs on a thread of its own and may outlive the handler: it owns what it uses.
  std::function<AuthzDecision(const wire::DockerRequest&)> judge;
  std::function<void(const AuthzRecord&)> log;
  /// The engine has made this container and is about to tell its client the id. As `judge`.
  std::function<void(const wire::CreateContainer&, const std::string& id)> made =
      [](const wire::CreateContainer&, const std::string&) {};
  TimelyOptions time = {};
};

/// Thread-safe.
class AuthzHandler {
 public:
  explicit AuthzHandler(AuthzParts parts);

  /// POST /Plugin.Activate: what kind of plugin this is.
  static void activate(const HttpRequest& request, HttpResponse& response);
  /// POST /AuthZPlugin.AuthZReq: may the engine do this? HTTP 400 for what is no such question, else 200.
  void authorize_request(const HttpRequest& request, HttpResponse& response);
  /// POST /AuthZPlugin.AuthZRes: may it answer that? Always: what was done is done. Of containers that were
  /// made the id is passed on.
  void authorize_response(const HttpRequest& request, HttpResponse& response);

  /// Requests whose judgement is overdue now.
  [[nodiscard]] unsigned stuck() const { return calls_.stuck(); }
  /// Once no request comes any more. False where a judgement hangs, see TimelyCalls.
  bool stop() { return calls_.stop(); }

 private:
  struct Judged {
    AuthzDecision decision;
    AuthzOutcome outcome = AuthzOutcome::kFailed;
    std::string failure = {};  // for the log, where it says more than the decision's message
  };
  struct Concluded {
    AuthzRequestKind kind = AuthzRequestKind::kUnreadable;
    AuthzOutcome outcome = AuthzOutcome::kFailed;
    int status = 200;
    std::string answer;
  };

  [[nodiscard]] Concluded conclude(std::string_view body);
  [[nodiscard]] Concluded judge_request(const wire::AuthzRequest& asked);
  [[nodiscard]] Judged judge(const std::shared_ptr<const wire::DockerRequest>& request);
  void learn_id(std::string_view body);

  const AuthzParts parts_;
  TimelyCalls calls_;
};

}  // namespace walguard::server
