#include "operator/controller/gate_keeper.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/gate_opener.h"
#include "operator/controller/log.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/probe_plan.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/wire/event.h"

namespace walguard::controller {
namespace {

using core::Decision;
using core::JudgedVolume;
using core::Severity;
using Type = wire::EventNote::Type;

wire::EventNote note_on(const GatedPod& pod, Type type, std::string_view reason, std::string message) {
  return {.object = {.api_version = "v1",
                     .kind = "Pod",
                     .namespace_name = pod.pod.namespace_name,
                     .name = pod.pod.name,
                     .uid = pod.uid},
          .type = type,
          .reason = std::string(reason),
          .message = std::move(message)};
}

core::Answer answer_for(const core::Workload& pod, const std::vector<JudgedVolume>& volumes,
                        const GateFacts& facts) {
  const core::RequestFacts request{.operation = core::Operation::kCreate,
                                   .mutating = false,
                                   .object = &pod,
                                   .old_volumes = nullptr,
                                   .old_replicas = std::nullopt,
                                   .namespace_object = facts.cluster.namespace_object(pod.namespace_name)};
  return core::respond(request, volumes, facts.evidence, facts.policy, facts.reach, facts.now);
}

/// "volume "data": unknown-driver: nobody knows x.csi.io", for each that waits.
std::string waiting_for(const std::vector<JudgedVolume>& volumes) {
  std::string text;
  for (const JudgedVolume& volume : volumes) {
    for (const core::Finding& finding : volume.judgement.findings) {
      if (finding.severity != Severity::kUnproven) continue;
      text += " volume \"" + volume.facts.volume + "\": " + std::string(finding.rule) + ": " +
              finding.reason + ".";
    }
  }
  return text;
}

/// A preflight that is wanted, and why there is none; "": there is one.
struct Wanted {
  core::ProbeRequest probe;
  std::string refusal = {};
};

std::string preflights_of(const std::vector<core::ProbeRequest>& probes, const std::vector<Wanted>& wanted) {
  std::string made;
  std::string refused;
  for (const core::ProbeRequest& probe : probes) {
    const std::string what = probe.key.text() + " up to scope " + std::string(core::name(probe.scope));
    const auto it = std::ranges::find(wanted, probe, &Wanted::probe);
    if (it != wanted.end() && !it->refusal.empty()) {
      refused += " No preflight of " + what + " is made: " + it->refusal + ".";
    } else {
      made += (made.empty() ? " A preflight of " : ", ") + what;
    }
  }
  if (!made.empty()) made += " decides; see: kubectl get volumepreflights.";
  return made + refused;
}

/// How it came that nothing holds the pod back.
wire::EventNote opening(const GatedPod& pod, const core::Answer& answer) {
  const bool guarantee = answer.mode != core::Mode::kOff && pod.pod.annotations.require_local.value_or(false);
  if (answer.mode < core::Mode::kGate && !guarantee) {
    return note_on(pod, Type::kNormal, kGateOpened,
                   "Mode " + std::string(core::name(answer.mode)) + " holds no pod back.");
  }
  if (answer.verdict == core::Verdict::kSafe || answer.verdict == core::Verdict::kNotApplicable) {
    std::string text = "Its storage may keep SQLite databases as they are shared here";
    if (!answer.evidence.empty()) text += " (preflight report " + answer.evidence + ")";
    return note_on(pod, Type::kNormal, kGateOpened, text + ".");
  }
  std::string text = "No preflight can settle what is open, and mode " +
                     std::string(core::name(answer.mode)) + " lets such pods run:";
  for (const std::string& warning : answer.warnings) text += " " + warning + ".";
  return note_on(pod, Type::kWarning, kGateOpened, std::move(text));
}

GateHolder holder_of(const GatedPod& pod) {
  return {.namespace_name = pod.pod.namespace_name,
          .name = pod.pod.name,
          .uid = pod.uid,
          .gates = pod.pod.pod.scheduling_gates};
}

}  // namespace

GateDecision decide_gate(const GatedPod& pod, const GateFacts& facts) {
  if (facts.reach.in_cluster && facts.cluster.namespace_object(pod.pod.namespace_name) == nullptr) {
    return {.note = note_on(pod, Type::kNormal, kPreflightPending,
                            "Held back by the scheduling gate " + std::string(core::kGateName) +
                                ": namespace " + pod.pod.namespace_name + " is not in view yet.")};
  }
  const auto volumes =
      core::judge(pod.pod, facts.cluster, facts.catalog, facts.evidence, facts.policy, facts.now);
  core::Answer answer = answer_for(pod.pod, volumes, facts);
  if (answer.decision == Decision::kDeny || !answer.message.empty()) {
    return {.note = note_on(pod, Type::kWarning, kPreflightFailed, std::move(answer.message)),
            .wanted_probes = std::move(answer.wanted_probes)};
  }
  if (answer.decision == Decision::kGate) {
    std::string text =
        "Held back by the scheduling gate " + std::string(core::kGateName) + ":" + waiting_for(volumes);
    return {.note = note_on(pod, Type::kNormal, kPreflightPending, std::move(text)),
            .wanted_probes = std::move(answer.wanted_probes)};
  }
  return {.open = true, .note = opening(pod, answer)};
}

GateKeeper::GateKeeper(const kube::Client& client, GateKeeperParts parts, GateKeeperOptions options)
    : client_(client), parts_(std::move(parts)), options_(options) {}

void GateKeeper::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pass(stop);
    std::unique_lock lock(mutex_);
    (void)changed_.wait_for(lock, stop, options_.look_every, [&] { return woken_; });
    woken_ = false;
  }
}

void GateKeeper::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

GateCounts GateKeeper::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void GateKeeper::pass(const std::stop_token& stop) {
  std::vector<GateHolder> to_open;
  std::vector<wire::EventNote> openings;
  std::vector<GateDecision> held;
  for (const GatedPod& pod : parts_.gated_pods()) {
    // The API server keeps the two apart, and a deleted pod needs no opening: it was never started.
    if (!pod.pod.pod.node_name.empty() || pod.pod.being_deleted) continue;
    GateDecision decision = parts_.decide(pod);
    if (decision.open) {
      to_open.push_back(holder_of(pod));
      openings.push_back(std::move(decision.note));
      continue;
    }
    held.push_back(std::move(decision));
  }
  {
    const std::lock_guard lock(mutex_);
    counts_.held = held.size();
  }
  // Gates first: they are what people wait for.
  const auto on_result = [&](const GateHolder& pod, const tl::expected<bool, kube::ApiError>& result) {
    if (!result) {
      if (parts_.log && !stop.stop_requested()) {
        parts_.log(LogLevel::kWarning,
                   "gates: pod " + pod.namespace_name + "/" + pod.name + ": " + result.error().text());
      }
      return;
    }
    if (!*result) return;
    const auto note = std::ranges::find_if(
        openings, [&](const wire::EventNote& opened) { return opened.object.uid == pod.uid; });
    if (note != openings.end()) parts_.post_event(*note);
    const std::lock_guard lock(mutex_);
    ++counts_.opened;
  };
  open_gates(client_, to_open, options_.parallel, on_result, stop);
  ask_for_preflights(std::move(held), stop);
}

/// And tells each pod what holds it back, which may be that its preflight cannot be made.
void GateKeeper::ask_for_preflights(std::vector<GateDecision> held, const std::stop_token& stop) {
  std::vector<Wanted> wanted;
  std::set<std::string> refusals;
  for (const GateDecision& decision : held) {
    for (const core::ProbeRequest& probe : decision.wanted_probes) {
      if (std::ranges::find(wanted, probe, &Wanted::probe) != wanted.end()) continue;
      const auto made = parts_.ensure(probe, stop);
      if (stop.stop_requested()) return;
      wanted.push_back({.probe = probe, .refusal = made ? "" : made.error()});
      if (made || !refusals.insert(made.error()).second) continue;
      if (parts_.log && !refusals_.contains(made.error())) {
        parts_.log(LogLevel::kWarning, "gates: no preflight is made: " + made.error());
      }
    }
  }
  refusals_ = std::move(refusals);
  for (GateDecision& decision : held) {
    if (decision.note.reason == kPreflightPending)
      decision.note.message += preflights_of(decision.wanted_probes, wanted);
    parts_.post_event(std::move(decision.note));
  }
}

}  // namespace walguard::controller
