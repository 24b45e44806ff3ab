#include "operator/controller/preflight_observer.h"

#include <cstddef>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"
#include "operator/wire/job_manifest.h"
#include "operator/wire/observed_objects.h"
#include "operator/wire/preflight_resource.h"

namespace walguard::controller {
namespace {

constexpr std::string_view kRunPrefix = "walguard-pf-";  // of core::run_name

std::string of_our_runs() {
  return std::string(wire::kManagedByLabel) + "=" + std::string(wire::kManagedBy) + "," +
         std::string(wire::kRunLabel);
}

bool is_about_run(std::string_view object, std::string_view run) {
  const std::size_t slash = object.find('/');
  const std::string_view name = object.substr(slash == std::string_view::npos ? 0 : slash + 1);
  return name == run || (name.starts_with(run) && name.substr(run.size()).starts_with("-"));
}

bool peer_never_came(const core::RunObjects& objects) {
  for (const core::ObservedPod& pod : objects.pods) {
    for (const core::ObservedContainer& container : pod.containers) {
      if (container.report && container.report->peer_never_came) return true;
    }
  }
  return false;
}

/// A ClaimPreflight that is done: nothing of its run is left, and it is not begun again.
bool is_over(const core::Preflight& preflight) {
  return preflight.status.phase == core::PreflightPhase::kDone && !preflight.deleting;
}

/// An object that cannot be read is as good as a failed request: nothing is decided without it.
template <typename Value>
Value readable(tl::expected<Value, std::string> value) {
  if (!value) throw std::runtime_error(value.error());
  return *std::move(value);
}

}  // namespace

void PreflightObserver::list(const kube::ResourceType& type, const kube::Selection& selection,
                             const TakeItem& take) const {
  std::vector<std::string> items;
  const auto listed =
      client_.list(type, selection,
                   {.restart = [&] { items.clear(); },
                    .item = [&](const kube::ObjectView& object) { items.emplace_back(object.json); }},
                   stop_);
  if (!listed) throw Failed{listed.error().text()};
  for (const std::string& item : items) take(item);
}

std::optional<std::string> PreflightObserver::get(const kube::ResourceType& type,
                                                  const std::string& namespace_name,
                                                  const std::string& name) const {
  auto object =
      client_.get({.type = type, .namespace_name = namespace_name, .name = name, .subresource = ""}, stop_);
  if (object) return *std::move(object);
  if (object.error().is_not_found()) return std::nullopt;
  throw Failed{object.error().text()};
}

tl::expected<core::PreflightWorld, std::string> PreflightObserver::observe(bool sweep) {
  try {
    world_.own_namespace = options_.own_namespace;
    world_.operator_version = options_.operator_version;
    world_.limits = options_.limits;
    world_.policy = parts_.policy();
    read_preflights();
    std::set<std::string> namespaces = {options_.own_namespace};
    for (const core::ObservedPreflight& each : world_.preflights) {
      if (!each.object.namespace_name.empty() && !is_over(each.object)) {
        namespaces.insert(each.object.namespace_name);
      }
    }
    for (const std::string& each : namespaces) read_objects(each);
    for (core::ObservedPreflight& each : world_.preflights) {
      const core::PreflightStatus& status = each.object.status;
      read_volumes({status.volume, status.foreign_volume}, each.objects);
      if (each.object.kind == core::PreflightKind::kClaim && !is_over(each.object)) read_subject(each);
      if (status.phase == core::PreflightPhase::kRunning) read_obstacles(each);
    }
    read_volumes({}, world_.orphans);
    if (sweep) read_lost_volumes();
    read_nodes(sweep);
    return std::move(world_);
  } catch (const Failed& failed) {
    return tl::unexpected(failed.what);
  } catch (const std::runtime_error& error) {
    return tl::unexpected(std::string(error.what()));
  }
}

void PreflightObserver::read_preflights() {
  for (const kube::ResourceType* const type : {&api::kVolumePreflights, &api::kClaimPreflights}) {
    list(*type, {}, [&](std::string_view json) {
      auto preflight = wire::read_preflight(json);
      if (!preflight) return;  // admission lets none in that cannot be read; another version's is left alone
      core::ObservedPreflight& observed = world_.preflights.emplace_back();
      observed.object = *std::move(preflight);
      const core::PreflightSpec& spec = observed.object.spec;
      if (observed.object.kind == core::PreflightKind::kVolume) {
        observed.storage_class = parts_.storage_class(spec.storage_class);
        // An index that has yet to see it must not cost a verdict.
        observed.class_is_gone = !observed.storage_class && observed.object.automatic &&
                                 !get(api::kStorageClasses, "", spec.storage_class);
        observed.costly =
            observed.storage_class && parts_.is_costly && parts_.is_costly(*observed.storage_class);
      }
      observed.runtime_handler = parts_.runtime_handler(spec.runtime_class);
      index_of_uid_.emplace(observed.object.uid, world_.preflights.size() - 1);
    });
  }
}

core::RunObjects* PreflightObserver::objects_of(const std::string& preflight_uid,
                                                const std::string& namespace_name) {
  const auto it = index_of_uid_.find(preflight_uid);
  if (it != index_of_uid_.end()) {
    core::ObservedPreflight& observed = world_.preflights[it->second];
    const std::string& own = observed.object.namespace_name;
    // Anybody may put our labels on a pod elsewhere: it is none of the run's.
    return (own.empty() ? options_.own_namespace : own) == namespace_name ? &observed.objects : nullptr;
  }
  // In other namespaces Kubernetes' own garbage collection takes what is left.
  return namespace_name == options_.own_namespace ? &world_.orphans : nullptr;
}

void PreflightObserver::read_objects(const std::string& namespace_name) {
  const kube::Selection ours{
      .namespace_name = namespace_name, .label_selector = of_our_runs(), .field_selector = ""};
  const auto each = [&](const kube::ResourceType& type, const auto& read, const auto& into) {
    list(type, ours, [&](std::string_view json) {
      const wire::RunLabels labels = readable(wire::read_run_labels(json));
      core::RunObjects* const objects = objects_of(labels.preflight_uid, namespace_name);
      if (objects != nullptr) into(*objects).push_back(readable(read(json)));
    });
  };
  each(api::kJobs, wire::read_job, [](core::RunObjects& objects) -> auto& { return objects.jobs; });
  each(api::kPods, wire::read_pod, [](core::RunObjects& objects) -> auto& { return objects.pods; });
  if (namespace_name != options_.own_namespace) return;
  each(api::kClaims, wire::read_claim, [](core::RunObjects& objects) -> auto& { return objects.claims; });
}

void PreflightObserver::read_subject(core::ObservedPreflight& observed) const {
  const core::Preflight& object = observed.object;
  const auto claim = get(api::kClaims, object.namespace_name, object.spec.claim);
  if (!claim) return;
  observed.subject = readable(wire::read_claim(*claim));
  if (observed.subject->volume.empty()) return;
  const auto volume = get(api::kVolumes, "", observed.subject->volume);
  if (!volume) return;
  observed.subject_volume = readable(wire::read_volume(*volume));
  observed.subject_differs_per_node =
      parts_.differs_per_node && parts_.differs_per_node(*observed.subject_volume);
}

void PreflightObserver::read_volumes(std::set<std::string> names, core::RunObjects& objects) const {
  for (const core::ObservedClaim& claim : objects.claims) names.insert(claim.volume);
  names.erase("");
  for (const std::string& name : names) {
    if (const auto volume = get(api::kVolumes, "", name)) {
      objects.volumes.push_back(readable(wire::read_volume(*volume)));
    }
  }
}

/// Volumes that were made for a claim of ours, and outlived it and what remembered them.
void PreflightObserver::read_lost_volumes() {
  std::set<std::string> known;
  const auto remember = [&](const core::RunObjects& objects) {
    for (const core::ObservedVolume& volume : objects.volumes) known.insert(volume.name);
  };
  for (const core::ObservedPreflight& each : world_.preflights) remember(each.objects);
  remember(world_.orphans);
  list(api::kVolumes, {}, [&](std::string_view json) {
    core::ObservedVolume volume = readable(wire::read_volume(json));
    const bool for_us =
        volume.claim_namespace == options_.own_namespace && volume.claim_name.starts_with(kRunPrefix);
    if (for_us && !known.contains(volume.name)) world_.orphans.volumes.push_back(std::move(volume));
  });
}

void PreflightObserver::read_nodes(bool all) {
  world_.all_nodes = all;
  if (all) {
    list(api::kNodes, {},
         [&](std::string_view json) { world_.nodes.push_back(readable(wire::read_node(json))); });
    return;
  }
  std::set<std::string> names;
  const auto remember = [&](const core::RunObjects& objects) {
    for (const core::ObservedPod& pod : objects.pods) names.insert(pod.node);
  };
  for (const core::ObservedPreflight& each : world_.preflights) remember(each.objects);
  remember(world_.orphans);
  names.erase("");
  for (const std::string& name : names) {
    if (const auto node = get(api::kNodes, "", name))
      world_.nodes.push_back(readable(wire::read_node(*node)));
  }
}

/// What explains a run that does not go on. Worth having, never worth failing for.
void PreflightObserver::read_obstacles(core::ObservedPreflight& observed) const {
  const core::Preflight& object = observed.object;
  const std::string& where = object.namespace_name.empty() ? options_.own_namespace : object.namespace_name;
  const std::string run = core::run_name(object, object.status.run);
  try {
    list(api::kEvents, {.namespace_name = where, .label_selector = "", .field_selector = "type=Warning"},
         [&](std::string_view json) {
           auto warning = wire::read_warning(json);
           if (warning && *warning && is_about_run((*warning)->object, run)) {
             observed.warnings.push_back(**std::move(warning));
           }
         });
    if (!peer_never_came(observed.objects)) return;
    list(api::kNetworkPolicies, {.namespace_name = where, .label_selector = "", .field_selector = ""},
         [&](std::string_view json) {
           if (auto labels = wire::read_run_labels(json)) observed.network_policies.push_back(labels->name);
         });
  } catch (const Failed&) {
    return;
  }
}

}  // namespace walguard::controller
