#include "operator/server/authz_handler.h"

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <variant>

#include "operator/core/verdict.h"
#include "operator/server/authz_metrics.h"
#include "operator/server/http_message.h"
#include "operator/server/timely_calls.h"
#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_api.h"
#include "operator/wire/docker_request.h"

namespace walguard::server {
namespace {

constexpr std::string_view kLate =
    "this could not be judged within a second, so it is refused; try again, and see the log of "
    "walguard-docker-plugin if it stays so";
constexpr std::string_view kFull =
    "nothing can be judged now: earlier judgements hang, so this is refused. Remedy: look for storage on "
    "this "
    "machine that does not answer, then restart walguard-docker-plugin";
constexpr std::string_view kBroken =
    "judging this failed, so it is refused; the log of walguard-docker-plugin says more. Remedy: "
    "docs/docker.md, \"The way "
    "out\"";
// What the log repeats of a name that a stranger chose.
constexpr std::size_t kLongestName = 128;

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
// clang 14 deduces nothing for aggregates.
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

AuthzRequestKind kind_of(const wire::DockerRequest& request) {
  return std::visit(
      Overloaded{[](const wire::NoStorage&) { return AuthzRequestKind::kNoStorage; },
                 [](const wire::CreateContainer&) { return AuthzRequestKind::kCreateContainer; },
                 [](const wire::StartContainer&) { return AuthzRequestKind::kStartContainer; },
                 [](const wire::CreateVolume&) { return AuthzRequestKind::kCreateVolume; },
                 [](const wire::RunService&) { return AuthzRequestKind::kRunService; }},
      request);
}

std::string_view object_of(const wire::DockerRequest& request) {
  const std::string_view name = std::visit(
      Overloaded{[](const wire::NoStorage&) { return std::string_view(); },
                 [](const wire::CreateContainer& create) { return std::string_view(create.container.name); },
                 [](const wire::StartContainer& start) { return std::string_view(start.container); },
                 [](const wire::CreateVolume& create) { return std::string_view(create.volume.name); },
                 [](const wire::RunService& run) { return std::string_view(run.service.name); }},
      request);
  return name.substr(0, kLongestName);
}

AuthzOutcome outcome_of(const AuthzDecision& decision) {
  if (!decision.allow) return AuthzOutcome::kDeny;
  return decision.message.empty() ? AuthzOutcome::kAllow : AuthzOutcome::kWarn;
}

AuthzDecision refusal(std::string_view message) {
  return {.allow = false, .message = std::string(message), .rule = {}, .verdict = core::Verdict::kUnproven};
}

}  // namespace

AuthzHandler::AuthzHandler(AuthzParts parts) : parts_(std::move(parts)), calls_(parts_.time) {}

void AuthzHandler::activate(const HttpRequest& /*request*/, HttpResponse& response) {
  response.content_type = wire::kPluginContentType;
  response.body = wire::activation();
}

void AuthzHandler::authorize_response(const HttpRequest& request, HttpResponse& response) {
  response.content_type = wire::kPluginContentType;
  response.body = wire::allow_answer();
  try {
    learn_id(request.body);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // The engine's events tell of that container too, a moment later.
  }
}

void AuthzHandler::learn_id(std::string_view body) {
  constexpr std::string_view kMakes = "/containers/create";
  constexpr int kCreated = 201;
  if (body.find(kMakes) == std::string_view::npos) return;
  const auto answer = wire::read_authz_response(body);
  if (!answer || answer->status != kCreated) return;
  const auto asked = wire::read_docker_request(answer->request);
  if (!asked || !std::holds_alternative<wire::CreateContainer>(*asked)) return;
  const auto id = wire::read_created_container(answer->body);
  if (!id) return;
  (void)calls_.run(
      [tell = parts_.made, create = std::get<wire::CreateContainer>(*asked), id = *id] { tell(create, id); });
}

void AuthzHandler::authorize_request(const HttpRequest& request, HttpResponse& response) {
  response.content_type = wire::kPluginContentType;
  const auto begin = std::chrono::steady_clock::now();
  const Concluded end = conclude(request.body);
  parts_.metrics->count(end.kind, end.outcome, std::chrono::steady_clock::now() - begin);
  response.status = end.status;
  response.body = end.answer;
}

AuthzHandler::Concluded AuthzHandler::conclude(std::string_view body) {
  try {
    const auto asked = wire::read_authz_request(body);
    if (asked) return judge_request(*asked);
    parts_.log(
        {.kind = name_of(AuthzRequestKind::kUnreadable), .decision = "failed", .detail = asked.error()});
    return {.outcome = AuthzOutcome::kFailed, .status = 400, .answer = wire::error_answer(asked.error())};
  } catch (const std::exception& error) {
    // What it says may repeat the request; its type cannot.
    parts_.log({.kind = name_of(AuthzRequestKind::kUnreadable),
                .decision = "failed",
                .detail = std::string("an exception: ") + typeid(error).name()});
  }
  return {.outcome = AuthzOutcome::kFailed, .answer = wire::deny_answer(kBroken)};
}

AuthzHandler::Concluded AuthzHandler::judge_request(const wire::AuthzRequest& asked) {
  auto read = wire::read_docker_request(asked);
  if (!read) {
    parts_.log({.kind = name_of(AuthzRequestKind::kUnreadable),
                .user = asked.user,
                .decision = name_of(AuthzOutcome::kDeny),
                .detail = read.error()});
    return {.outcome = AuthzOutcome::kDeny, .answer = wire::deny_answer("walguard: " + read.error())};
  }
  // Answered here and now, whatever state the judge is in.
  if (std::holds_alternative<wire::NoStorage>(*read)) {
    return {.kind = AuthzRequestKind::kNoStorage,
            .outcome = AuthzOutcome::kAllow,
            .answer = wire::allow_answer()};
  }
  const auto request = std::make_shared<const wire::DockerRequest>(*std::move(read));
  const Judged judged = judge(request);
  parts_.metrics->count_rule(judged.decision.rule);
  Concluded end{.kind = kind_of(*request), .outcome = judged.outcome, .answer = {}};
  end.answer = judged.decision.allow ? wire::allow_answer()
                                     : wire::deny_answer("walguard: " + judged.decision.message);
  if (end.outcome == AuthzOutcome::kAllow) return end;
  parts_.log({.kind = name_of(end.kind),
              .object = std::string(object_of(*request)),
              .user = asked.user,
              .decision = name_of(end.outcome),
              .verdict = core::name(judged.decision.verdict),
              .rule = judged.decision.rule,
              .detail = judged.failure.empty() ? judged.decision.message : judged.failure});
  return end;
}

AuthzHandler::Judged AuthzHandler::judge(const std::shared_ptr<const wire::DockerRequest>& request) {
  // Shared with the thread that judges: it may still be at it when nobody waits any more.
  const auto decision = std::make_shared<AuthzDecision>();
  try {
    const CallEnd end = calls_.run([ask = parts_.judge, request, decision] { *decision = ask(*request); });
    if (end == CallEnd::kLate) return {.decision = refusal(kLate), .outcome = AuthzOutcome::kFailed};
    if (end == CallEnd::kFull) return {.decision = refusal(kFull), .outcome = AuthzOutcome::kFailed};
    return {.decision = *decision, .outcome = outcome_of(*decision)};
  } catch (const std::exception& error) {
    return {.decision = refusal(kBroken),
            .outcome = AuthzOutcome::kFailed,
            .failure = std::string("an exception: ") + typeid(error).name()};
  } catch (...) {
    return {.decision = refusal(kBroken),
            .outcome = AuthzOutcome::kFailed,
            .failure = "an exception that is no std::exception"};
  }
}

}  // namespace walguard::server
