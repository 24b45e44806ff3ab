// A run whose pods are allowed to start: reports, and what there is instead of them.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_steps.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

constexpr std::size_t kAgents = 2;
constexpr UtcSeconds kClockSlack = 60;  // between the clocks of two nodes and the API server's

Why describe(const Measurement& measured, Scope asked) {
  const Evidence& evidence = measured.evidence;
  const std::string reached = "as far as scope " + std::string(name(evidence.scope));
  const std::string first = evidence.reasons.empty() ? reached : evidence.reasons.front();
  if (!settles(measured, asked)) {
    if (measured.has_verdict()) return {"ScopeNotReached", "measured " + reached + " only"};
    return {"NoVerdict", first};
  }
  const auto& verdicts = evidence.verdicts;
  if (verdicts[Strategy::kWal] == Verdict::kUnsafe) return {"Unsafe", first};
  const bool all_safe = std::ranges::all_of(verdicts.values, [](Verdict v) { return v == Verdict::kSafe; });
  return all_safe ? Why{"Safe", "all checks passed, " + reached} : Why{"PartlySafe", first};
}

struct Agents {
  std::vector<const ObservedPod*> pods;              ///< of the current Job
  std::vector<const ObservedContainer*> containers;  ///< rank 0's, then rank 1's, as far as they are there
  std::vector<const ObservedPod*> pod_of;            ///< of each of these
};

Agents agents_of(const Step& step, const ObservedJob& job) {
  Agents agents;
  for (const ObservedPod& pod : step.observed.objects.pods) {
    if (pod.job_uid == job.uid) agents.pods.push_back(&pod);
  }
  std::ranges::stable_sort(agents.pods, {}, &ObservedPod::rank);
  for (const ObservedPod* const pod : agents.pods) {
    for (const ObservedContainer& container : pod->containers) {
      agents.containers.push_back(&container);
      agents.pod_of.push_back(pod);
    }
  }
  return agents;
}

/// Whether it is about this run: of its mount path, its nodes and its time. A pod that is gone, as the Job
/// controller makes it go when the other one has failed, cannot be asked for its node.
bool belongs_to(const ProbeReport& report, const Agents& agents, const ObservedJob& job) {
  const std::string path = mount_path(job.name);
  if (report.views.empty() || report.started + kClockSlack < job.started.value_or(0)) return false;
  const bool both_in_view = agents.containers.size() >= kAgents;
  return std::ranges::all_of(report.views, [&](const ProbeReport::View& view) {
    const bool on_our_node =
        std::ranges::any_of(agents.pods, [&](const ObservedPod* pod) { return pod->node == view.node; });
    return view.path == path && (on_our_node || !both_in_view);
  });
}

Why peer_unreachable(const Step& step, const ProbeReport& report) {
  const std::string said = report.evidence.reasons.empty() ? "" : ": " + report.evidence.reasons.front();
  std::string policies;
  for (const std::string& policy : step.observed.network_policies) {
    policies += (policies.empty() ? "" : ", ") + policy;
  }
  if (policies.empty()) {
    return {"PeerUnreachable",
            "the two pods did not reach each other; a NetworkPolicy, DNS or the network between "
            "the nodes is in the way" +
                said};
  }
  return {"NetworkPolicy", "the two pods did not reach each other; NetworkPolicy " + policies +
                               " in namespace " + step.run_namespace() + " may be in the way" + said};
}

std::vector<ProbedNode> probed_nodes(const Step& step, const Agents& agents) {
  std::vector<ProbedNode> nodes;
  for (const ObservedPod* const pod : agents.pods) {
    const auto it = std::ranges::find(step.world.nodes, pod->node, &ObservedNode::name);
    if (std::ranges::count(nodes, pod->node, &ProbedNode::name) > 0) continue;
    nodes.push_back({.name = pod->node, .kernel = it == step.world.nodes.end() ? "" : it->kernel});
  }
  return nodes;
}

Measurement measurement_of(const Step& step, const ProbeReport& report, const Agents& agents) {
  Measurement measured;
  measured.evidence = report.evidence;
  measured.evidence.key = step.status().run_key;
  measured.checks = report.checks;
  measured.nodes = probed_nodes(step, agents);
  if (step.observed.subject_differs_per_node && !measured.nodes.empty()) {
    const auto it = std::ranges::find(step.world.nodes, measured.nodes.front().name, &ObservedNode::name);
    const std::string hostname = it == step.world.nodes.end() ? measured.nodes.front().name : it->hostname;
    measured.evidence.key.volume += "@" + hostname;
  }
  measured.sqlite_version = report.sqlite_version;
  measured.operator_version = step.world.operator_version;
  return measured;
}

/// `report` is what the run is to be judged by.
void conclude(Step& step, const ProbeReport& report, const Agents& agents, const ObservedJob& job) {
  if (!belongs_to(report, agents, job)) {
    return finish(step, {"ForeignReport", "a pod of this run gave the report of another one"});
  }
  if (report.peer_never_came) return finish(step, peer_unreachable(step, report));
  if (step.is_class() && (!step.observed.runtime_handler || key_of(step) != step.status().run_key)) {
    return finish(step,
                  {"ClassChanged", "the class, or the RuntimeClass, was changed while the preflight ran"});
  }
  Measurement measured = measurement_of(step, report, agents);
  const Why why = describe(measured, step.spec().scope);
  finish(step, why, std::move(measured));
}

std::string first_problem(const Agents& agents) {
  for (const ObservedContainer* const container : agents.containers) {
    if (!container->problem.empty()) return container->problem;
  }
  return {};
}

/// No report will come any more.
void conclude_without_report(Step& step, const Agents& agents, const ObservedJob& job) {
  if (const std::string problem = first_problem(agents); !problem.empty()) {
    return finish(step, {"NoReport", "a pod ended without a report: " + problem});
  }
  if (job.failure.starts_with("DeadlineExceeded")) {
    const bool begun = std::ranges::all_of(agents.pods, [](const auto* pod) { return !pod->node.empty(); });
    return finish(step, begun
                            ? Why{"DeadlineExceeded", "the preflight took longer than it may: " + job.failure}
                            : why_it_does_not_start(step, agents.pods, "its pods did not start in time"));
  }
  finish(step, {"PodsGone", "the pods went away before they had a report: " + job.failure});
}

/// Not ready for as long as Kubernetes waits before it says so. A node that is not in view may be new.
bool on_a_dead_node(const Step& step, const ObservedPod& pod) {
  const auto it = std::ranges::find(step.world.nodes, pod.node, &ObservedNode::name);
  return it != step.world.nodes.end() && !it->ready;
}

/// A pod that goes before it has ended takes the run with it: nothing replaces it. That its node is dead is
/// enough: where many nodes are, Kubernetes deletes no pod of theirs for long.
bool ended_by_a_pod_that_goes(Step& step, const Agents& agents) {
  for (const ObservedPod* const pod : agents.pods) {
    if (pod->ended) continue;
    if (on_a_dead_node(step, *pod)) {
      finish(step, {"NodeLost", "node " + pod->node + " of pod " + pod->name + " is not ready"});
      return true;
    }
    if (pod->deleting) {
      finish(step, {"PodDeleted", "pod " + pod->name + " was deleted or evicted while it ran"});
      return true;
    }
  }
  return false;
}

/// Evicted and the like.
bool ended_by_the_kubelet(Step& step, const Agents& agents) {
  for (const ObservedPod* const pod : agents.pods) {
    if (!pod->ended || pod->reason.empty()) continue;
    finish(step, {pod->reason, "pod " + pod->name + ": " + pod->message});
    return true;
  }
  return false;
}

bool has_verdict(const ProbeReport& report) {
  return std::ranges::any_of(report.evidence.verdicts.values,
                             [](Verdict verdict) { return verdict != Verdict::kUnproven; });
}

const ProbeReport* report_to_judge_by(const Agents& agents, bool over) {
  for (const ObservedContainer* const container : agents.containers) {
    if (container->report) return &*container->report;
    if (!over && !container->exit_code) return nullptr;  // the conductor's own may still come
  }
  return nullptr;
}

/// Of an agent that gave up waiting for the other. Its Job then takes the other one away.
const ProbeReport* report_of_a_lonely_agent(const Agents& agents) {
  for (const ObservedContainer* const container : agents.containers) {
    if (container->report && container->report->peer_never_came) return &*container->report;
  }
  return nullptr;
}

bool has_begun(const Agents& agents, std::size_t expected) {
  return agents.containers.size() >= expected &&
         std::ranges::all_of(agents.containers,
                             [](const ObservedContainer* container) {
                               return container->exit_code || container->waiting_reason.empty();
                             }) &&
         std::ranges::all_of(agents.pods, [](const ObservedPod* pod) { return !pod->node.empty(); });
}

}  // namespace

void follow(Step& step, const ObservedJob& job) {
  const Agents agents = agents_of(step, job);
  const bool all_ended = agents.containers.size() >= kAgents &&
                         std::ranges::all_of(agents.containers, [](const auto* container) {
                           return container->exit_code.has_value();
                         });
  const bool over = all_ended || !job.failure.empty();
  const ProbeReport* const report = report_to_judge_by(agents, over);
  if (report != nullptr && has_verdict(*report)) return conclude(step, *report, agents, job);
  // That the other agent went away says less than why it did.
  if (ended_by_the_kubelet(step, agents)) return;
  if (const ProbeReport* const lonely = report_of_a_lonely_agent(agents)) {
    return conclude(step, *lonely, agents, job);
  }
  if (ended_by_a_pod_that_goes(step, agents)) return;
  if (report != nullptr) return conclude(step, *report, agents, job);
  if (over) return conclude_without_report(step, agents, job);
  const UtcSeconds resumed = job.started.value_or(step.now);
  const PreflightLimits& limits = step.world.limits;
  if (!has_begun(agents, kAgents)) {
    return wait_or_give_up(step, why_it_does_not_start(step, agents.pods, "its pods did not start in time"),
                           resumed + limits.start_patience);
  }
  if (step.status().reason != kMeasuring) {
    PreflightStatus status = step.status();
    status.reason = kMeasuring;
    status.message = "the pods are running";
    return step.write(std::move(status));
  }
  // The Job's own deadline comes first, where its controller lives.
  const UtcSeconds until = resumed + run_deadline(limits, step.spec().profile) + kClockSlack;
  wait_or_give_up(step, {std::string(kNotStarted), "the preflight did not end in time"}, until);
}

}  // namespace walguard::core
