#include "operator/wire/observed_objects.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"
#include "operator/wire/job_manifest.h"
#include "operator/wire/report.h"
#include "operator/wire/text_forms.h"
#include "operator/wire/volume_source.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

// nlohmann throws where a field has another type than the API promises; `reading` makes a value of it.
template <typename Read>
auto reading(std::string_view json, Read read) -> tl::expected<decltype(read(Json())), std::string> {
  try {
    return read(Json::parse(json));
  } catch (const std::exception& error) {
    return tl::unexpected(std::string(error.what()));
  }
}

const Json& part(const Json& object, const char* field) {
  static const Json kNothing = Json::object();
  const auto it = object.find(field);
  return it == object.end() || it->is_null() ? kNothing : *it;
}

std::string text(const Json& object, std::string_view field) {
  const auto it = object.find(field);
  return it == object.end() || it->is_null() ? std::string() : it->get<std::string>();
}

core::UtcSeconds time(const Json& object, const char* field) {
  return parse_utc(text(object, field)).value_or(0);
}

bool is_deleting(const Json& meta) { return meta.contains("deletionTimestamp"); }

/// The condition of this type, where it holds or, with `wanted` "False", where it does not.
const Json* condition(const Json& status, std::string_view type, std::string_view wanted = "True") {
  for (const Json& each : part(status, "conditions")) {
    if (text(each, "type") == type && text(each, "status") == wanted) return &each;
  }
  return nullptr;
}

std::string one_line(std::string_view message) {
  constexpr std::size_t kLongest = 200;
  std::string line(message.substr(0, kLongest));
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line;
}

std::string owner_uid(const Json& meta) {
  for (const Json& owner : part(meta, "ownerReferences")) {
    if (text(owner, "kind") == "Job") return text(owner, "uid");
  }
  return {};
}

void read_end(const Json& terminated, core::ObservedContainer& container) {
  container.exit_code = terminated.value("exitCode", -1);
  const std::string message = text(terminated, "message");
  auto report = read_probe_report(message);
  if (report) {
    container.report = std::move(*report);
    return;
  }
  const std::string reason = text(terminated, "reason");
  const std::string how =
      "exit code " + std::to_string(*container.exit_code) + (reason.empty() ? "" : ", " + reason);
  container.problem = message.empty() ? "no termination message (" + how + ")"
                                      : report.error() + " (" + how + "): " + one_line(message);
}

core::ObservedContainer read_container(const Json& status) {
  core::ObservedContainer container;
  container.name = text(status, "name");
  const Json& state = part(status, "state");
  if (state.contains("terminated")) read_end(part(state, "terminated"), container);
  if (state.contains("waiting")) {
    const Json& waiting = part(state, "waiting");
    container.waiting_reason = text(waiting, "reason");
    container.waiting_message = one_line(text(waiting, "message"));
    if (container.waiting_reason.empty()) container.waiting_reason = "ContainerCreating";
  }
  return container;
}

int rank_of(const Json& meta) {
  const std::string index = text(part(meta, "annotations"), "batch.kubernetes.io/job-completion-index");
  return index == "1" ? 1 : 0;
}

core::ObservedPod pod_of(const Json& object) {
  core::ObservedPod pod;
  const Json& meta = object.at("metadata");
  const Json& status = part(object, "status");
  pod.name = text(meta, "name");
  pod.uid = text(meta, "uid");
  pod.job_uid = owner_uid(meta);
  pod.run = text(part(meta, "labels"), kRunLabel);
  pod.rank = rank_of(meta);
  pod.node = text(part(object, "spec"), "nodeName");
  pod.deleting = is_deleting(meta);
  const std::string phase = text(status, "phase");
  pod.ended = phase == "Succeeded" || phase == "Failed";
  pod.reason = text(status, "reason");
  pod.message = one_line(text(status, "message"));
  if (const Json* const refused = condition(status, "PodScheduled", "False")) {
    pod.unschedulable = one_line(text(*refused, "message"));
  }
  for (const Json& each : part(status, "containerStatuses")) pod.containers.push_back(read_container(each));
  return pod;
}

core::ObservedClaim claim_of(const Json& object) {
  core::ObservedClaim claim;
  const Json& meta = object.at("metadata");
  claim.name = text(meta, "name");
  claim.uid = text(meta, "uid");
  claim.created = time(meta, "creationTimestamp");
  claim.deleting = is_deleting(meta);
  claim.volume = text(part(object, "spec"), "volumeName");
  claim.bound = text(part(object, "status"), "phase") == "Bound" && !claim.volume.empty();
  for (const Json& mode : part(part(object, "spec"), "accessModes")) {
    if (const auto known = core::parse<core::AccessMode>(mode.get<std::string>())) {
      claim.access_modes.push_back(*known);
    }
  }
  return claim;
}

/// As storage is looked up by: csi and flexVolume name their driver, any other source is it.
std::string driver_of(const Json& spec) {
  for (const auto& [key, source] : spec.items()) {
    if (!is_volume_source(key) || source.is_null()) continue;
    return key == "csi" || key == "flexVolume" ? text(source, "driver") : key;
  }
  return {};
}

core::ObservedVolume volume_of(const Json& object) {
  core::ObservedVolume volume;
  const Json& meta = object.at("metadata");
  const Json& spec = part(object, "spec");
  volume.name = text(meta, "name");
  volume.created = time(meta, "creationTimestamp");
  volume.deleting = is_deleting(meta);
  volume.policy = text(spec, "persistentVolumeReclaimPolicy");
  volume.protected_policy = text(part(meta, "annotations"), kProtectedPolicyAnnotation);
  volume.provisioned_by = text(part(meta, "annotations"), kProvisionedByAnnotation);
  volume.driver = driver_of(spec);
  for (const Json& option : part(spec, "mountOptions"))
    volume.mount_options.push_back(option.get<std::string>());
  volume.mount_options = without_secrets(volume.mount_options);
  const Json& claim = part(spec, "claimRef");
  volume.claim_namespace = text(claim, "namespace");
  volume.claim_name = text(claim, "name");
  volume.claim_uid = text(claim, "uid");
  return volume;
}

core::ObservedJob job_of(const Json& object) {
  core::ObservedJob job;
  const Json& meta = object.at("metadata");
  const Json& status = part(object, "status");
  job.name = text(meta, "name");
  job.uid = text(meta, "uid");
  job.deleting = is_deleting(meta);
  job.suspended = part(object, "spec").value("suspend", false);
  job.started = parse_utc(text(status, "startTime"));
  // FailureTarget comes first, and the pods are on their way out by then.
  for (const char* const type : {"Failed", "FailureTarget"}) {
    if (const Json* const failed = condition(status, type); failed != nullptr && job.failure.empty()) {
      job.failure = text(*failed, "reason") + ": " + one_line(text(*failed, "message"));
    }
  }
  return job;
}

core::ObservedNode node_of(const Json& object) {
  core::ObservedNode node;
  const Json& meta = object.at("metadata");
  node.name = text(meta, "name");
  node.hostname = text(part(meta, "labels"), "kubernetes.io/hostname");
  if (node.hostname.empty()) node.hostname = node.name;
  const Json& status = part(object, "status");
  node.ready = condition(status, "Ready") != nullptr && !is_deleting(meta);
  node.kernel = text(part(status, "nodeInfo"), "kernelVersion");
  return node;
}

}  // namespace

tl::expected<RunLabels, std::string> read_run_labels(std::string_view json) {
  return reading(json, [](const Json& object) {
    const Json& meta = object.at("metadata");
    const Json& labels = part(meta, "labels");
    return RunLabels{.namespace_name = text(meta, "namespace"),
                     .name = text(meta, "name"),
                     .preflight_uid = text(labels, kPreflightUidLabel),
                     .run = text(labels, kRunLabel)};
  });
}

tl::expected<core::ObservedJob, std::string> read_job(std::string_view json) { return reading(json, job_of); }
tl::expected<core::ObservedPod, std::string> read_pod(std::string_view json) { return reading(json, pod_of); }
tl::expected<core::ObservedClaim, std::string> read_claim(std::string_view json) {
  return reading(json, claim_of);
}
tl::expected<core::ObservedVolume, std::string> read_volume(std::string_view json) {
  return reading(json, volume_of);
}
tl::expected<core::ObservedNode, std::string> read_node(std::string_view json) {
  return reading(json, node_of);
}

tl::expected<std::optional<core::ObservedWarning>, std::string> read_warning(std::string_view json) {
  return reading(json, [](const Json& object) -> std::optional<core::ObservedWarning> {
    if (text(object, "type") != "Warning") return std::nullopt;
    const Json& about = part(object, "involvedObject");
    return core::ObservedWarning{.object = text(about, "kind") + "/" + text(about, "name"),
                                 .reason = text(object, "reason"),
                                 .message = one_line(text(object, "message"))};
  });
}

tl::expected<core::ProbeReport, std::string> read_probe_report(std::string_view json) {
  auto evidence = evidence_from_report(json, {});
  if (!evidence) return tl::unexpected("it is no report: " + evidence.error());
  auto parsed = report::parse_report(json);
  if (!parsed) return tl::unexpected("it is no report: " + parsed.error());
  core::ProbeReport out;
  out.evidence = *std::move(evidence);
  out.started = parse_utc(parsed->started).value_or(0);
  for (const report::View& view : parsed->views) out.views.push_back({.path = view.path, .node = view.node});
  for (const report::Check& check : parsed->checks) {
    out.checks.push_back(
        {.id = check.id, .result = std::string(report::to_string(check.result)), .detail = check.detail});
  }
  out.sqlite_version = parsed->sqlite_version;
  // The words of preflight/link, listener.cc and connector.cc.
  out.peer_never_came = std::ranges::any_of(parsed->reasons, [](const std::string& reason) {
    return reason.find("the other host did not come") != std::string::npos ||
           reason.find("no conductor to connect to") != std::string::npos;
  });
  return out;
}

}  // namespace walguard::wire
