#include "operator/server/admission_handler.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/cluster_state.h"
#include "operator/core/probe_plan.h"
#include "operator/core/response.h"
#include "operator/core/scale.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/server/http_message.h"
#include "operator/wire/admission_response.h"
#include "operator/wire/admission_review.h"

namespace walguard::server {
namespace {

static_assert(kBodyPadding >= wire::PaddedView::kPadding,
              "the body must have the room that the parser reads");

constexpr std::string_view kJson = "application/json";

bool is_json(std::string_view content_type) {
  return content_type.empty() || content_type.substr(0, content_type.find(';')) == kJson;
}

std::string_view name_of(wire::DecodeError::Kind kind) {
  switch (kind) {
    case wire::DecodeError::Kind::kNotAReview:
      return "not-a-review";
    case wire::DecodeError::Kind::kBadObject:
      return "bad-object";
    case wire::DecodeError::Kind::kUnknownKind:
      return "unknown-kind";
  }
  return "not-a-review";
}

std::string joined(const std::vector<std::string_view>& rules) {
  std::string text;
  for (const std::string_view rule : rules) text.append(text.empty() ? "" : ",").append(rule);
  return text;
}

/// What a Scale scales, with the wanted replicas and with those of before.
struct ScaleTarget {
  bool is_scale = false;
  std::optional<core::Workload> wanted;  // nullopt: no Scale, or of a workload that is not in view
  std::optional<core::Workload> before;
};

ScaleTarget scale_target(const wire::Request& review, const core::Workload& asked,
                         const core::ClusterState& cluster) {
  ScaleTarget target;
  target.is_scale = review.sub_resource == "scale";
  if (!target.is_scale) return target;
  target.wanted = core::scaled_workload(asked, cluster);
  if (review.old_object) target.before = core::scaled_workload(*review.old_object, cluster);
  return target;
}

wire::AdmissionReader& reader_of_this_thread() {
  thread_local wire::AdmissionReader reader;
  return reader;
}

}  // namespace

void AdmissionHandler::handle(const HttpRequest& request, HttpResponse& response, bool mutating) const {
  const auto begin = std::chrono::steady_clock::now();
  const std::string_view endpoint = mutating ? "/mutate" : "/validate";
  if (!is_json(request.content_type)) {
    response.status = 415;
    response.body =
        "walguard: Content-Type \"" + std::string(request.content_type) + "\": send application/json\n";
    return;
  }
  const wire::PaddedView body(request.body.data(), request.body.size(), request.body.size() + kBodyPadding);
  const auto review = reader_of_this_thread().decode(body);
  if (!review) {
    refuse(review.error(), endpoint, response);
    return;
  }
  const core::Answer answered = answer(*review, mutating);
  response.content_type = kJson;
  response.body = wire::encode_response(*review, answered);
  parts_.metrics->count_answer(answered, std::chrono::steady_clock::now() - begin);
  if (answered.decision != core::Decision::kAllow) log_answer(*review, answered, endpoint);
}

core::Answer AdmissionHandler::answer(const wire::Request& review, bool mutating) const {
  if (!review.object) return {};  // DELETE, CONNECT, status: nothing about storage can change
  core::Answer answered;
  parts_.read_cluster([&](const core::ClusterState& cluster) {
    answered = judge(review, *review.object, mutating, cluster);
  });
  if (!review.dry_run && parts_.want) {
    for (const core::ProbeRequest& probe : answered.wanted_probes) parts_.want(probe);
  }
  return answered;
}

core::Answer AdmissionHandler::judge(const wire::Request& review, const core::Workload& asked, bool mutating,
                                     const core::ClusterState& cluster) const {
  const auto catalog = parts_.catalog();
  const auto policy = parts_.policy();
  const auto evidence = parts_.evidence();
  const core::UtcSeconds now = parts_.now();
  const ScaleTarget target = scale_target(review, asked, cluster);
  const core::Workload& object = target.wanted ? *target.wanted : asked;
  const auto& old_object = target.before ? target.before : review.old_object;
  const auto volumes = core::judge(object, cluster, *catalog, *evidence, *policy, now);
  std::optional<std::vector<core::JudgedVolume>> old_volumes;
  if (old_object) {
    old_volumes = core::judge_before_update(*old_object, object, cluster, *catalog, *evidence, *policy, now);
  }

  core::RequestFacts facts;
  facts.operation = review.operation;
  facts.mutating = mutating;
  facts.object = &object;
  facts.old_volumes = old_volumes ? &*old_volumes : nullptr;
  facts.old_replicas = review.old_object ? review.old_object->replicas : std::nullopt;
  facts.scale_target_in_view = !target.is_scale || target.wanted;
  facts.namespace_object = cluster.namespace_object(review.namespace_name);
  return core::respond(facts, volumes, *evidence, *policy, parts_.reach, now);
}

void AdmissionHandler::refuse(const wire::DecodeError& error, std::string_view endpoint,
                              HttpResponse& response) const {
  parts_.metrics->count_unreadable(name_of(error.kind));
  switch (error.kind) {
    case wire::DecodeError::Kind::kNotAReview:
      response.status = 400;
      response.body = "walguard: " + error.message + "\n";
      break;
    case wire::DecodeError::Kind::kBadObject:
      response.content_type = kJson;
      response.body = wire::encode_refusal(error.uid, 400, "walguard: " + error.message);
      break;
    case wire::DecodeError::Kind::kUnknownKind:
      response.content_type = kJson;
      response.body = wire::encode_warning(error.uid, "walguard: " + error.message);
      break;
  }
  AnswerRecord record;
  record.endpoint = endpoint;
  record.uid = error.uid;
  record.namespace_name = error.namespace_name;
  record.name = error.name;
  record.decision = error.kind == wire::DecodeError::Kind::kUnknownKind ? "warn" : "refused";
  record.rules = name_of(error.kind);
  record.detail = error.message;
  parts_.log(record);
}

void AdmissionHandler::log_answer(const wire::Request& review, const core::Answer& answer,
                                  std::string_view endpoint) const {
  AnswerRecord record;
  record.endpoint = endpoint;
  record.uid = review.uid;
  record.kind = review.kind.name;
  record.namespace_name = review.namespace_name;
  record.name = review.name;
  record.decision = core::name(answer.decision);
  record.mode = core::name(answer.mode);
  record.rules = joined(answer.rules);
  parts_.log(record);
}

}  // namespace walguard::server
