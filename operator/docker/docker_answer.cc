#include "operator/docker/docker_answer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/accepted_risk.h"
#include "operator/core/databases.h"
#include "operator/core/decide.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/docker/docker_facts.h"
#include "operator/docker/docker_remedy.h"
#include "operator/docker/plugin_judge.h"
#include "operator/wire/docker_container.h"
#include "preflight/text/printable.h"

namespace walguard::docker {
namespace {

using core::Finding;
using core::Mode;
using core::Severity;

/// An author may only be stricter than the administrator.
Mode mode_in_force(const core::Annotations& labels, Mode mode) {
  const auto own = labels.mode ? core::parse<Mode>(*labels.mode) : std::nullopt;
  return own && *own > mode ? *own : mode;
}

/// What a judgement is answered by.
struct Strictness {
  Mode mode;
  bool require_local;

  static Strictness of(const core::Annotations& labels, Mode mode) {
    const Mode in_force = mode_in_force(labels, mode);
    // Where an administrator has switched walguard off, nothing is held back.
    return {.mode = in_force, .require_local = in_force != Mode::kOff && labels.require_local == true};
  }

  [[nodiscard]] bool refuses(const Finding& finding, core::Certainty certainty) const {
    if (require_local) return finding.severity >= Severity::kUnproven;
    // What is only recognised is a guess: as in a cluster it warns.
    if (finding.severity != Severity::kUnsafe || certainty < core::Certainty::kFound) return false;
    return mode == Mode::kEnforce || (mode == Mode::kGate && finding.rule == "preflight-failed");
  }
};

/// One line of an answer, and what it speaks of.
struct Entry {
  const Finding* finding;
  const JudgedDockerVolume* volume;
  const wire::DockerContainer* container;
  bool of_another;  ///< the database is another container's
  bool accepted;
  bool refuses;
};

std::vector<Entry> entries_of(const JudgedDockerVolume& volume, const wire::DockerContainer& container,
                              const core::Workload& workload, const Strictness& strictness, bool of_another,
                              const AnswerBasis& basis) {
  std::vector<Entry> entries;
  for (const Finding& finding : volume.judgement.findings) {
    if (finding.severity == Severity::kInfo) continue;
    const bool accepted = core::accepted_risk(workload, basis.policy, finding.rule).has_value();
    const bool refuses = !accepted && strictness.refuses(finding, volume.volume.facts.certainty);
    entries.push_back({&finding, &volume, &container, of_another, accepted, refuses});
  }
  return entries;
}

std::string place_of(const Entry& entry) {
  std::string text = "volume \"" + entry.volume->volume.facts.volume + "\"";
  if (!entry.of_another) return text;
  const wire::DockerContainer& other = *entry.container;
  const std::string name = other.name.empty() ? other.id.substr(0, 12) : other.name;
  return text + ", on which container \"" + name + "\" has a database";
}

std::string reason_of(const Entry& entry, const AnswerBasis& basis) {
  const bool stale = entry.finding->rule == "scope-unknown" && !basis.engine_trouble.empty();
  if (!stale) return entry.finding->reason;
  return "it cannot be told which containers share it: " + basis.engine_trouble;
}

std::string line_of(const Entry& entry, const AnswerBasis& basis) {
  return place_of(entry) + ": " + std::string(entry.finding->rule) +
         (entry.accepted ? " (risk accepted)" : "") + ": " + reason_of(entry, basis) + ".";
}

/// Each finding that refuses, of the worst kind alone, then each way out once.
std::string refusal(const std::vector<Entry>& entries, const AnswerBasis& basis) {
  Severity worst = Severity::kInfo;
  for (const Entry& entry : entries) {
    if (entry.refuses) worst = std::max(worst, entry.finding->severity);
  }
  std::string text = "walguard:";
  std::vector<std::string> remedies;
  for (const Entry& entry : entries) {
    if (!entry.refuses || entry.finding->severity != worst) continue;
    text += " " + line_of(entry, basis);
    std::string remedy = docker_remedy(*entry.finding, entry.volume->volume, *entry.container);
    if (std::ranges::find(remedies, remedy) == remedies.end()) remedies.push_back(std::move(remedy));
  }
  for (const std::string& remedy : remedies) text += " Remedy: " + remedy + ".";
  return text;
}

std::string warning(const std::vector<Entry>& entries, const std::vector<std::string>& complaints,
                    const AnswerBasis& basis) {
  std::string text;
  for (const Entry& entry : entries) text += (text.empty() ? "" : " ") + line_of(entry, basis);
  for (const std::string& complaint : complaints) text += (text.empty() ? "" : " ") + complaint + ".";
  return text;
}

std::vector<std::string> complaints_about(const core::Workload& workload, const core::Policy& policy) {
  std::vector<std::string> complaints = core::annotation_complaints(workload);
  for (std::string& complaint : core::accept_risk_complaints(workload, policy)) {
    complaints.push_back(std::move(complaint));
  }
  return complaints;
}

bool is_to_be_measured(const core::Judgement& judgement) {
  constexpr std::array<std::string_view, 3> kRules = {"unknown-driver", "evidence-missing", "evidence-stale"};
  return judgement.verdict == core::Verdict::kUnproven &&
         std::ranges::any_of(judgement.findings, [&](const Finding& finding) {
           return std::ranges::find(kRules, finding.rule) != kRules.end();
         });
}

void add_wanted(PluginAnswer& answer, const JudgedDockerVolume& judged) {
  const core::VolumeFacts& facts = judged.volume.facts;
  if (!is_to_be_measured(judged.judgement) || facts.key.volume.empty() || !facts.scope) return;
  const bool is_volume = judged.volume.mount.kind == wire::DockerMount::Kind::kVolume;
  answer.wanted.push_back({.key = facts.key,
                           .strategy = facts.strategy,
                           .scope = *facts.scope,
                           .volume = is_volume ? judged.volume.mount.source : std::string(),
                           .path = judged.volume.host_path,
                           .runtime = facts.key.runtime_handler});
}

const Entry* decisive(const std::vector<Entry>& entries) {
  const auto refusing = std::ranges::find_if(entries, &Entry::refuses);
  if (refusing != entries.end()) return &*refusing;
  return entries.empty() ? nullptr : &entries.front();
}

}  // namespace

void keep_what_is_worse(core::Judgement& after, const core::Judgement& before) {
  std::erase_if(after.findings, [&](const Finding& finding) {
    return finding.severity != Severity::kUnsafe ||
           std::ranges::find(before.findings, finding.rule, &Finding::rule) != before.findings.end();
  });
}

PluginAnswer docker_answer(const wire::DockerContainer& container, const core::Workload& workload,
                           const std::vector<JudgedDockerVolume>& volumes,
                           const std::vector<EndangeredVolume>& endangered, const AnswerBasis& basis) {
  PluginAnswer answer{.allow = true};
  const Strictness own = Strictness::of(workload.annotations, basis.mode);
  if (own.mode == Mode::kOff) return answer;
  std::vector<Entry> entries;
  const auto add = [&](std::vector<Entry> more) { entries.insert(entries.end(), more.begin(), more.end()); };
  for (const JudgedDockerVolume& volume : volumes) {
    add(entries_of(volume, container, workload, own, false, basis));
    answer.verdict = std::max(answer.verdict, volume.judgement.verdict);
    add_wanted(answer, volume);
  }
  for (const EndangeredVolume& other : endangered) {
    const Strictness theirs = Strictness::of(other.workload.annotations, basis.mode);
    add(entries_of(other.volume, *other.container, other.workload, theirs, true, basis));
    answer.verdict = std::max(answer.verdict, other.volume.judgement.verdict);
  }
  std::ranges::stable_sort(entries, std::greater{},
                           [](const Entry& entry) { return entry.finding->severity; });
  answer.allow = std::ranges::none_of(entries, &Entry::refuses);
  const Entry* const most = decisive(entries);
  if (most != nullptr) answer.rule = most->finding->rule;
  answer.message =
      text::printable(answer.allow ? warning(entries, complaints_about(workload, basis.policy), basis)
                                   : refusal(entries, basis));
  return answer;
}

PluginAnswer not_judged(const core::Annotations& labels, const std::string& why, const AnswerBasis& basis) {
  const Strictness strictness = Strictness::of(labels, basis.mode);
  PluginAnswer answer;
  answer.allow = strictness.mode < Mode::kEnforce && !strictness.require_local;
  answer.verdict = core::Verdict::kUnproven;
  if (strictness.mode != Mode::kOff) answer.message = text::printable(why);
  return answer;
}

}  // namespace walguard::docker
