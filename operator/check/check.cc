#include "operator/check/check.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "operator/check/compose_check.h"
#include "operator/check/judged.h"
#include "operator/check/manifests.h"
#include "operator/check/report.h"
#include "operator/core/accepted_risk.h"
#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/config_maps.h"
#include "operator/core/databases.h"
#include "operator/core/probe_plan.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/compose.h"
#include "operator/wire/manifest.h"

namespace walguard::check {
namespace {

using core::ClusterState;
using core::Workload;
using core::WorkloadKind;

/// nullopt: it makes no pods.
std::optional<Workload> workload_in(const core::ClusterObject& object) {
  if (const auto* pod = std::get_if<core::RunningPod>(&object)) return core::workload_of(*pod);
  if (const auto* workload = std::get_if<Workload>(&object)) return *workload;
  return std::nullopt;
}

/// One pod as this workload would make it. A StatefulSet's has the name and the claims that Kubernetes would
/// give it; another's has a name that no pod can have.
core::RunningPod pod_of(const Workload& workload, const std::string& ordinal = "0") {
  const bool numbered = workload.kind == WorkloadKind::kStatefulSet;
  core::RunningPod pod;
  pod.namespace_name = workload.namespace_name;
  pod.name = numbered ? workload.name + "-" + ordinal : core::stand_in_name(workload);
  pod.owner_kind = numbered ? "StatefulSet" : "";
  pod.spec = workload.pod;
  for (core::Volume& volume : pod.spec.volumes) {
    if (std::exchange(volume.from_template, false)) volume.claim = volume.name + "-" + pod.name;
  }
  return pod;
}

/// Those of `files` take the place of what is there already.
void take_config_maps(std::vector<ReadFile>& files, core::ConfigMaps& all) {
  for (ReadFile& file : files) {
    for (wire::ManifestObject& object : file.content.objects) {
      if (auto& config_map = object.config_map) {
        all.insert_or_assign({std::move(config_map->namespace_name), std::move(config_map->name)},
                             std::move(config_map->data));
        config_map.reset();
      }
    }
  }
}

/// A pod that is in view already stays as it is.
void add_pod(core::RunningPod pod, ClusterState& state) {
  if (state.pod(pod.namespace_name, pod.name) == nullptr) state.add(std::move(pod));
}

/// Namespace and name of each claim that an object of the input mounts by its name.
using ClaimNames = std::set<std::pair<std::string, std::string>>;

void add_names(const std::string& space, const core::PodSpec& pod, ClaimNames& claims) {
  for (const core::Volume& volume : pod.volumes) {
    if (volume.kind == core::VolumeKind::kClaim && !volume.from_template) claims.emplace(space, volume.claim);
  }
}

/// Those of `files` that make no pods are moved away: nothing else reads them. Returns the claims of the
/// others.
ClaimNames add_objects(std::vector<ReadFile>& files, ClusterState& state) {
  ClaimNames claims;
  for (ReadFile& file : files) {
    for (wire::ManifestObject& object : file.content.objects) {
      if (!object.object) continue;
      if (const auto* pod = std::get_if<core::RunningPod>(&*object.object)) {
        add_names(pod->namespace_name, pod->spec, claims);
        state.add(*pod);
      } else if (const auto* workload = std::get_if<Workload>(&*object.object)) {
        add_names(workload->namespace_name, workload->pod, claims);
        state.add(*workload);
      } else {
        state.add(std::move(*object.object));
      }
    }
  }
  return claims;
}

/// Of a StatefulSet's pods one stands for all, but where a claim of another one is mounted by its name too.
void add_replicas_on(const ClaimNames& claims, const Workload& set, ClusterState& state) {
  for (const core::Volume& volume : set.pod.volumes) {
    if (!volume.from_template) continue;
    const std::string prefix = volume.name + "-" + set.name + "-";
    for (auto at = claims.lower_bound({set.namespace_name, prefix}); at != claims.end(); ++at) {
      if (at->first != set.namespace_name || !at->second.starts_with(prefix)) break;
      const std::string ordinal = at->second.substr(prefix.size());
      if (ordinal.find_first_not_of("0123456789") == std::string::npos) add_pod(pod_of(set, ordinal), state);
    }
  }
}

/// The pods that the workloads of `files` would make, as far as they matter to others: all replicas share
/// what one of them mounts.
void add_pods(const std::vector<ReadFile>& files, const ClaimNames& claims, ClusterState& state) {
  for (const ReadFile& file : files) {
    for (const wire::ManifestObject& object : file.content.objects) {
      const auto* const workload = object.object ? std::get_if<Workload>(&*object.object) : nullptr;
      if (workload == nullptr || workload->replicas.value_or(1) == 0) continue;
      add_pod(pod_of(*workload), state);
      add_replicas_on(claims, *workload, state);
    }
  }
}

/// What `kubectl apply` would be told: pods that wait at the gate hold it by the time they are validated.
core::Decision decide_for(const Workload& workload, const std::vector<core::JudgedVolume>& volumes,
                          const ClusterState& state, const CheckBasis& basis) {
  core::Namespace in_namespace{.name = workload.namespace_name, .mode = basis.mode, .ignored = false};
  if (const auto* known = state.namespace_object(workload.namespace_name)) {
    in_namespace.ignored = known->ignored;
  }
  core::ProbeReach reach;
  reach.in_cluster = true;
  reach.default_runtime_only = false;
  Workload object = workload;
  core::RequestFacts facts;
  facts.object = &object;
  facts.namespace_object = &in_namespace;
  facts.mutating = true;
  if (core::respond(facts, volumes, basis.evidence, basis.policy, reach, basis.now).add_gate) {
    object.pod.scheduling_gates.emplace_back(core::kGateName);
  }
  facts.mutating = false;
  return core::respond(facts, volumes, basis.evidence, basis.policy, reach, basis.now).decision;
}

int line_of(const core::VolumeFacts& facts, const wire::ManifestObject& object) {
  const auto line = std::ranges::find(object.volume_lines, facts.volume, &wire::VolumeLine::volume);
  return line == object.volume_lines.end() ? object.line : line->line;
}

CheckedObject judge_object(const wire::ManifestObject& object, const Workload& workload,
                           const std::string& file, const ClusterState& state, const CheckBasis& basis) {
  auto volumes = core::judge(workload, state, basis.catalog, basis.evidence, basis.policy, basis.now);
  CheckedObject out;
  out.file = file;
  out.line = object.line;
  out.kind = object.kind;
  out.namespace_name = workload.namespace_name;
  out.name = workload.name;
  out.decision = decide_for(workload, volumes, state, basis);
  out.notes = core::annotation_complaints(workload);
  std::ranges::move(core::accept_risk_complaints(workload, basis.policy), std::back_inserter(out.notes));
  for (core::JudgedVolume& volume : volumes) {
    const int line = line_of(volume.facts, object);
    out.volumes.push_back(checked_volume(std::move(volume), workload, line, basis.policy));
  }
  return out;
}

/// What could not be read of the cluster may have been anything: another pod on a claim, what scales it, ...
void forget_completeness(ClusterState& state) {
  using core::ClusterKind;
  for (const ClusterKind kind : {ClusterKind::kPods, ClusterKind::kClaims, ClusterKind::kVolumes,
                                 ClusterKind::kStorageClasses, ClusterKind::kCsiDrivers, ClusterKind::kNodes,
                                 ClusterKind::kRuntimeClasses, ClusterKind::kAutoscalers}) {
    state.set_current(kind, false);
  }
}

/// The names of volumes that containers mount and the pod does not have, where a database is on them. The API
/// server refuses such a pod, and nobody could judge it.
std::vector<std::string> missing_volumes(const Workload& workload, const core::Catalog& catalog) {
  std::unordered_set<std::string_view> names;
  for (const core::Volume& volume : workload.pod.volumes) names.insert(volume.name);
  std::vector<core::Volume> missing;
  for (const core::Container& container : workload.pod.containers) {
    for (const core::VolumeMount& mount : container.mounts) {
      if (names.insert(mount.volume).second) missing.emplace_back().name = mount.volume;
    }
  }
  if (missing.empty()) return {};
  Workload as_meant = workload;
  std::ranges::copy(missing, std::back_inserter(as_meant.pod.volumes));
  const std::vector<core::DatabasesOnVolume> databases = core::find_databases(as_meant, catalog);
  std::vector<std::string> with_databases;
  for (std::size_t i = workload.pod.volumes.size(); i < databases.size(); ++i) {
    if (databases[i].certainty != core::Certainty::kNone)
      with_databases.push_back(as_meant.pod.volumes[i].name);
  }
  return with_databases;
}

void add_missing_volumes(const wire::ManifestObject& object, const Workload& workload,
                         const std::string& file, const core::Catalog& catalog, CheckReport& report) {
  for (const std::string& volume : missing_volumes(workload, catalog)) {
    report.errors.push_back({.file = file,
                             .document = 0,
                             .line = object.line,
                             .object = object.kind + " \"" + object.name + "\"",
                             .message = "volumeMounts: a database is on volume \"" + volume +
                                        "\", which is not among the volumes, so it is not judged; give the "
                                        "volume that name, or render the patch first (kustomize build)"});
  }
}

void take_errors(std::vector<ReadFile>& files, CheckReport& report) {
  for (ReadFile& file : files) std::ranges::move(file.content.errors, std::back_inserter(report.errors));
}

}  // namespace

CheckReport check(std::vector<ReadFile> input, std::vector<ReadFile> cluster, const CheckBasis& basis) {
  CheckReport report;
  report.cluster_in_view = !cluster.empty();
  report.engine_in_view = basis.host.kind != engine::DockerHost::Kind::kUnknown;
  take_errors(cluster, report);
  const bool cluster_is_whole = report.errors.empty();
  take_errors(input, report);
  core::ConfigMaps config_maps;
  take_config_maps(cluster, config_maps);
  take_config_maps(input, config_maps);
  ClusterState state;
  // Files alone do not tell what else the cluster has on a claim, or what scales a workload.
  if (!report.cluster_in_view) state.set_current(core::ClusterKind::kAutoscalers, false);
  if (!cluster_is_whole) forget_completeness(state);
  (void)add_objects(cluster, state);
  cluster.clear();
  const ClaimNames claims = add_objects(input, state);
  add_pods(input, claims, state);
  for (ReadFile& file : input) {
    report.objects_read += file.content.objects.size();
    for (const wire::ComposeFile& compose : file.compose) {
      auto services = check_compose(compose, {.file = file.path, .folder = file.folder}, basis.host, basis);
      report.objects_read += services.size();
      std::ranges::move(services, std::back_inserter(report.objects));
    }
    for (const wire::ManifestObject& object : file.content.objects) {
      auto workload = object.object ? workload_in(*object.object) : std::nullopt;
      if (workload) {
        core::fill_in(*workload, config_maps);
        report.objects.push_back(judge_object(object, *workload, file.path, state, basis));
        add_missing_volumes(object, *workload, file.path, basis.catalog, report);
      } else if (object.unread_containers) {
        ++report.not_judged[object.kind + " (" + object.api_version + ")"];
      }
    }
    file = {};  // thousands of them take more memory than what is said about them
  }
  return report;
}

}  // namespace walguard::check
