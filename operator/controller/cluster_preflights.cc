#include "operator/controller/cluster_preflights.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/rand.h>
#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/controller/preflight_observer.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/resource.h"
#include "operator/wire/job_manifest.h"
#include "operator/wire/preflight_resource.h"

namespace walguard::controller {
namespace {

using kube::ApiError;
using kube::DryRun;
using kube::ObjectName;
using kube::PatchKind;

constexpr core::UtcSeconds kLongestPause = 10;  // seconds after actions that were refused
// Whoever may make pods chooses where they may run, and so how many different preflights are wanted.
constexpr std::size_t kMostPlacements = 8;    // of one class, up to one scope
constexpr std::size_t kMostPreflights = 256;  // made by walguard

/// 64 hex digits; "" where the kernel's random source cannot be read.
std::string random_token() {
  constexpr std::size_t kBytes = 32;
  std::array<unsigned char, kBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string token;
  for (const unsigned char byte : bytes) {
    token += kHex[byte >> 4U];
    token += kHex[byte & 0xFU];
  }
  return token;
}

ObjectName object(const kube::ResourceType& type, const core::Action& action) {
  return {.type = type,
          .namespace_name = type.namespaced ? action.namespace_name : "",
          .name = action.name,
          .subresource = ""};
}

tl::expected<void, ApiError> outcome(const kube::Client::Object& answer) {
  if (answer) return {};
  return tl::unexpected(answer.error());
}

/// Gone already, or another object of that name by now: done.
tl::expected<void, ApiError> unless_gone(tl::expected<void, ApiError> removed) {
  if (!removed && (removed.error().is_not_found() || removed.error().is_conflict())) return {};
  return removed;
}

ApiError local_error(std::string message) {
  ApiError error;
  error.kind = ApiError::Kind::kCredentials;
  error.message = std::move(message);
  return error;
}

}  // namespace

ClusterPreflights::ClusterPreflights(const kube::Client& client, ClusterPreflightParts parts,
                                     ClusterPreflightOptions options)
    : client_(client), parts_(std::move(parts)), options_(std::move(options)) {}

void ClusterPreflights::run(const std::stop_token& stop) {
  swept_at_.reset();
  {
    // Who needed what was another leader's to know.
    const std::lock_guard lock(mutex_);
    known_.clear();
  }
  while (!stop.stop_requested()) {
    const Pass pass_done = pass(stop);
    if (pass_done == Pass::kActed) continue;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, pass_done == Pass::kIdle ? options_.idle_tick : options_.busy_tick,
                      [this] { return woken_; });
    woken_ = false;
  }
}

void ClusterPreflights::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

ClusterPreflights::Pass ClusterPreflights::pass(const std::stop_token& stop) {
  const core::UtcSeconds now = parts_.now();
  const bool sweep = !swept_at_ || now - *swept_at_ >= options_.sweep.count();
  auto world = PreflightObserver(client_, parts_, options_, stop).observe(sweep);
  if (!world) {
    if (!stop.stop_requested())
      log(LogLevel::kWarning, "preflights: cannot look at the cluster: " + world.error());
    return Pass::kFailed;
  }
  if (sweep) swept_at_ = now;
  recall(*world, now);
  std::vector<core::Action> actions = core::next_actions(*world, now);
  std::erase_if(actions, [&](const core::Action& action) {
    if (!action.preflight) return false;
    const auto trouble = troubles_.find(world->preflights[*action.preflight].object.uid);
    return trouble != troubles_.end() && now < trouble->second.again_at;
  });
  if (execute(*world, actions, now, stop)) return Pass::kActed;
  if (!actions.empty()) return Pass::kFailed;
  const bool busy = std::ranges::any_of(world->preflights, [](const core::ObservedPreflight& each) {
    const core::PreflightPhase phase = each.object.status.phase;
    return phase == core::PreflightPhase::kRunning || phase == core::PreflightPhase::kCleaningUp;
  });
  return busy ? Pass::kBusy : Pass::kIdle;
}

/// What the objects do not tell: what was refused, and who asked for what.
void ClusterPreflights::recall(core::PreflightWorld& world, core::UtcSeconds now) {
  std::map<std::string, Known, std::less<>> seen;
  const std::lock_guard lock(mutex_);
  for (core::ObservedPreflight& each : world.preflights) {
    if (const auto trouble = troubles_.find(each.object.uid); trouble != troubles_.end()) {
      for (const auto& [kind, refusal] : trouble->second.refusals) each.refusals.push_back(refusal);
    }
    if (each.object.kind != core::PreflightKind::kVolume) continue;
    const auto before = known_.find(each.object.name);
    const bool needed = before == known_.end() || core::is_worth_keeping(each);
    const core::UtcSeconds needed_at = needed ? now : before->second.needed_at;
    each.unneeded_for = now - needed_at;
    seen.insert_or_assign(
        each.object.name,
        Known{.automatic = each.object.automatic, .spec = each.object.spec, .needed_at = needed_at});
  }
  known_ = std::move(seen);
}

std::optional<std::string> ClusterPreflights::refusal_of(const core::PreflightSpec& wanted) const {
  std::size_t automatic = 0;
  std::vector<core::Placement> placements;
  for (const auto& [name, known] : known_) {
    if (!known.automatic) continue;
    ++automatic;
    const bool alike = known.spec.storage_class == wanted.storage_class && known.spec.scope == wanted.scope;
    if (alike && std::ranges::find(placements, known.spec.placement) == placements.end()) {
      placements.push_back(known.spec.placement);
    }
  }
  // The first of a class, and the one for pods that go anywhere, are as many as there are classes.
  const bool further = !placements.empty() && wanted.placement != core::Placement{} &&
                       std::ranges::find(placements, wanted.placement) == placements.end();
  if (!further) return std::nullopt;
  const std::string remedy =
      ": delete some before class " + wanted.storage_class + " is measured on another choice of nodes";
  if (placements.size() >= kMostPlacements) {
    return "there are VolumePreflights for " + std::to_string(placements.size()) +
           " choices of nodes already up to scope " + std::string(core::name(wanted.scope)) + remedy;
  }
  if (automatic >= kMostPreflights) {
    return "there are " + std::to_string(automatic) + " VolumePreflights already" + remedy;
  }
  return std::nullopt;
}

tl::expected<std::string, std::string> ClusterPreflights::ensure(const core::ProbeRequest& request,
                                                                 const std::stop_token& stop) {
  if (!parts_.storage_class(request.key.storage_class)) {
    return tl::unexpected("there is no StorageClass " + request.key.storage_class);
  }
  std::string runtime_class;
  if (!request.key.runtime_handler.empty()) {
    auto found = parts_.runtime_class(request.key.runtime_handler);
    if (!found) return tl::unexpected("there is no RuntimeClass of handler " + request.key.runtime_handler);
    runtime_class = *std::move(found);
  }
  const core::Preflight wanted = wire::preflight_for(request, std::move(runtime_class));
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(wanted.name); known != known_.end()) {
      known->second.needed_at = parts_.now();
      return wanted.name;
    }
    if (auto refusal = refusal_of(wanted.spec)) return tl::unexpected(*std::move(refusal));
  }
  const auto created =
      client_.create(api::kVolumePreflights, "", wire::manifest_of(wanted), DryRun::kNo, stop);
  if (!created && !created.error().is_already_exists()) return tl::unexpected(created.error().text());
  {
    const std::lock_guard lock(mutex_);
    known_.emplace(wanted.name, Known{.automatic = true, .spec = wanted.spec, .needed_at = parts_.now()});
  }
  wake();
  return wanted.name;
}

/// Whether anything was done. Where all is refused, to try again at once would be refused again.
bool ClusterPreflights::execute(const core::PreflightWorld& world, const std::vector<core::Action>& actions,
                                core::UtcSeconds now, const std::stop_token& stop) {
  bool acted = false;
  std::set<std::optional<std::size_t>> failed;
  for (const core::Action& action : actions) {
    if (stop.stop_requested()) return acted;
    if (failed.contains(action.preflight)) continue;
    const Done done = perform(world, action, stop);
    if (done) {
      acted = true;
    } else {
      failed.insert(action.preflight);
    }
    note(world, action, done, now);
    if (parts_.after_action) parts_.after_action(action.kind, done.has_value());
  }
  return acted;
}

void ClusterPreflights::note(const core::PreflightWorld& world, const core::Action& action, const Done& done,
                             core::UtcSeconds now) {
  if (!done) {
    log(LogLevel::kWarning, "preflights: cannot " + std::string(core::name(action.kind)) + " " + action.name +
                                ": " + done.error().text());
  }
  if (!action.preflight) return;
  const std::string& uid = world.preflights[*action.preflight].object.uid;
  if (done) {
    const auto trouble = troubles_.find(uid);
    if (trouble == troubles_.end()) return;
    trouble->second.refusals.erase(action.kind);
    if (trouble->second.refusals.empty()) troubles_.erase(trouble);
    return;
  }
  Trouble& trouble = troubles_[uid];
  constexpr int kMostDoublings = 4;
  trouble.again_at =
      now + std::min(kLongestPause, core::UtcSeconds{1} << std::min(trouble.failures++, kMostDoublings));
  // Only what Kubernetes says about the objects is worth telling: not that our own status was written by
  // someone else.
  if (action.kind == core::ActionKind::kWriteStatus || done.error().kind != ApiError::Kind::kStatus) return;
  trouble.refusals[action.kind] = {.action = std::string(core::name(action.kind)),
                                   .code = done.error().code,
                                   .message = done.error().message};
}

ClusterPreflights::Done ClusterPreflights::perform(const core::PreflightWorld& world,
                                                   const core::Action& action, const std::stop_token& stop) {
  using Kind = core::ActionKind;
  const auto remove = [&](const kube::ResourceType& type, std::optional<int> grace) -> Done {
    kube::DeleteOptions options;
    options.uid = action.uid;
    options.grace_seconds = grace;
    if (type == api::kJobs) options.propagation = kube::Propagation::kBackground;
    return unless_gone(client_.remove(object(type, action), options, stop));
  };
  switch (action.kind) {
    case Kind::kEmitEvent:
      if (action.preflight) emit(world.preflights[*action.preflight].object, action);
      return {};
    case Kind::kWriteStatus:
    case Kind::kCreateClaim:
    case Kind::kCreateJob:
    case Kind::kCreateService:
    case Kind::kCreateSecret:
      return create(world, action, stop);
    case Kind::kResumeJob:
      return outcome(
          client_.patch(object(api::kJobs, action), PatchKind::kMerge, wire::resume_patch(), {}, stop));
    case Kind::kDeleteJob:
      return remove(api::kJobs, std::nullopt);
    case Kind::kDeletePod:
      return remove(api::kPods, action.force ? std::optional(0) : std::nullopt);
    case Kind::kDeleteClaim:
      return remove(api::kClaims, std::nullopt);
    case Kind::kSetVolumeToDelete:
    case Kind::kProtectVolume:
    case Kind::kReleaseVolume:
      return change_volume(action, stop);
    case Kind::kDeletePreflight: {
      if (!action.preflight) return {};
      const bool is_class = world.preflights[*action.preflight].object.kind == core::PreflightKind::kVolume;
      return remove(is_class ? api::kVolumePreflights : api::kClaimPreflights, std::nullopt);
    }
  }
  return {};
}

ClusterPreflights::Done ClusterPreflights::change_volume(const core::Action& action,
                                                         const std::stop_token& stop) {
  std::string patch;
  if (action.kind == core::ActionKind::kSetVolumeToDelete) {
    patch = wire::set_to_delete_patch(action.uid);
  } else if (action.kind == core::ActionKind::kProtectVolume) {
    patch = wire::protect_patch(action.uid, action.policy);
  } else {
    patch = wire::release_patch(action.uid, action.policy);
  }
  return outcome(client_.patch(object(api::kVolumes, action), PatchKind::kJson, patch, {}, stop));
}

ClusterPreflights::Done ClusterPreflights::create(const core::PreflightWorld& world,
                                                  const core::Action& action, const std::stop_token& stop) {
  using Kind = core::ActionKind;
  if (!action.preflight) return {};
  const core::Preflight& preflight = world.preflights[*action.preflight].object;
  if (action.kind == Kind::kWriteStatus) {
    if (!action.status) return {};
    const bool is_class = preflight.kind == core::PreflightKind::kVolume;
    const ObjectName name{.type = is_class ? api::kVolumePreflights : api::kClaimPreflights,
                          .namespace_name = preflight.namespace_name,
                          .name = preflight.name,
                          .subresource = "status"};
    return outcome(
        client_.patch(name, PatchKind::kJson, wire::status_patch(preflight, *action.status), {}, stop));
  }
  const wire::RunManifest run{.preflight = preflight,
                              .run = action.name,
                              .namespace_name = action.namespace_name,
                              .claim = action.claim,
                              .job_uid = action.uid,
                              .deadline = core::run_deadline(options_.limits, preflight.spec.profile)};
  const kube::ResourceType* type = &api::kServices;
  std::string json;
  if (action.kind == Kind::kCreateClaim) {
    type = &api::kClaims;
    json = wire::claim_manifest(run);
  } else if (action.kind == Kind::kCreateJob) {
    type = &api::kJobs;
    json = wire::job_manifest(run, options_.job);
  } else if (action.kind == Kind::kCreateSecret) {
    const std::string token = random_token();
    if (token.empty()) return tl::unexpected(local_error("there are no random numbers for a token"));
    type = &api::kSecrets;
    json = wire::secret_manifest(run, token);
  } else {
    json = wire::service_manifest(run);
  }
  const auto created = client_.create(*type, action.namespace_name, std::move(json), DryRun::kNo, stop);
  if (!created && created.error().is_already_exists()) return {};  // by a pass that ended too early
  return outcome(created);
}

void ClusterPreflights::emit(const core::Preflight& about, const core::Action& action) const {
  log(action.warning ? LogLevel::kWarning : LogLevel::kInfo,
      std::string(core::name(about.kind)) + " " + about.name + ": " + action.reason + ": " + action.message);
  if (!parts_.emit) return;
  parts_.emit({.kind = about.kind,
               .namespace_name = about.namespace_name,
               .name = about.name,
               .uid = about.uid,
               .warning = action.warning,
               .reason = action.reason,
               .message = action.message});
}

void ClusterPreflights::log(LogLevel level, const std::string& line) const {
  if (parts_.log) parts_.log(level, line);
}

}  // namespace walguard::controller
