#include "operator/core/decide.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

/// What the table has said of one strategy so far.
struct Tally {
  bool unsafe = false;
  bool unproven = false;
  bool documented = false;
  bool measured = false;
  std::string_view open_question;  // the first unsafe rule that could not be excluded
};

/// A passing measurement answers what was not known; it never talks an unsafe rule out of a fact.
bool settled_by_evidence(const Rule& rule, Match match, const EvidenceAnswer& evidence) {
  if (!rule.discharged_by_evidence || evidence.verdict != Verdict::kSafe) return false;
  return rule.rule_class == Rule::Class::kUnproven || match == Match::kUnknown;
}

bool measures(const Rule& rule) {
  return rule.id == "preflight-passed" || rule.id == "cluster-filesystem-proven";
}

Severity severity_of(const Rule& rule, const RuleInput& input) {
  if (rule.only_warns != nullptr && rule.only_warns(input)) return Severity::kWarning;
  switch (rule.rule_class) {
    case Rule::Class::kUnsafe:
      return Severity::kUnsafe;
    case Rule::Class::kUnproven:
      return Severity::kUnproven;
    case Rule::Class::kWarning:
      return Severity::kWarning;
    case Rule::Class::kSafe:
      return Severity::kInfo;
  }
  return Severity::kUnproven;
}

void count(Tally& tally, const Rule& rule, Match match, Severity severity) {
  if (match == Match::kUnknown) {
    if (rule.rule_class == Rule::Class::kUnsafe && tally.open_question.empty()) tally.open_question = rule.id;
    return;
  }
  if (rule.rule_class == Rule::Class::kSafe) {
    (measures(rule) ? tally.measured : tally.documented) = true;
    return;
  }
  tally.unsafe = tally.unsafe || severity == Severity::kUnsafe;
  tally.unproven = tally.unproven || severity == Severity::kUnproven;
}

Verdict verdict_of(const Tally& tally) {
  if (tally.unsafe) return Verdict::kUnsafe;
  const bool shown_safe = tally.documented || tally.measured;
  if (tally.unproven || !tally.open_question.empty() || !shown_safe) return Verdict::kUnproven;
  return Verdict::kSafe;
}

Basis basis_of(const Tally& tally) {
  if (tally.documented && tally.measured) return Basis::kBoth;
  if (tally.measured) return Basis::kMeasured;
  return tally.documented ? Basis::kDocumented : Basis::kNone;
}

Finding finding_of(const Rule& rule, const RuleInput& input, Severity severity) {
  return {rule.id, severity, rule.reason(input), rule.detail, rule.remedy, rule.source};
}

/// Every unproven verdict names what would settle it, also where a question is merely open: a measurement, or
/// the remedy of the open rule itself where no measurement answers it.
Finding open_question_finding(const Tally& tally) {
  const Rule& missing = *find_rule("evidence-missing");
  const Rule* open = tally.open_question.empty() ? nullptr : find_rule(tally.open_question);
  std::string reason = open == nullptr
                           ? std::string{"nothing documents this volume as safe, and nobody has measured it"}
                           : "it cannot be excluded that " + std::string(open->id) + " applies";
  const Rule& helps = open == nullptr || open->discharged_by_evidence ? missing : *open;
  return {missing.id, Severity::kUnproven, std::move(reason), helps.detail, helps.remedy, helps.source};
}

bool has(const std::vector<Finding>& findings, Severity severity) {
  return std::ranges::find(findings, severity, &Finding::severity) != findings.end();
}

void apply(const Rule& rule, const RuleInput& input, PerStrategy<Tally>& tallies, Judgement& judgement) {
  const Severity severity = severity_of(rule, input);
  for (const Strategy strategy : kStrategies) {
    if (!rule.touches.contains(strategy)) continue;
    const Match match = rule.match(input, strategy);
    if (match == Match::kNo || settled_by_evidence(rule, match, input.evidence[strategy])) continue;
    count(tallies[strategy], rule, match, severity);
    const bool reported = match == Match::kYes && strategy == input.facts.strategy;
    if (reported) judgement.findings.push_back(finding_of(rule, input, severity));
  }
}

/// A safe rule is no finding where the verdict is not safe: it would read as a contradiction.
void drop_safe_findings(std::vector<Finding>& findings) {
  std::erase_if(findings, [](const Finding& finding) { return finding.severity == Severity::kInfo; });
}

}  // namespace

Judgement decide(const VolumeFacts& facts, const EvidenceBook& evidence, const Policy& policy,
                 UtcSeconds now) {
  const RuleInput input = make_rule_input(facts, evidence, policy, now);
  Judgement judgement;
  PerStrategy<Tally> tallies;
  for (const Rule& rule : rules()) apply(rule, input, tallies, judgement);

  for (const Strategy strategy : kStrategies) judgement.verdicts[strategy] = verdict_of(tallies[strategy]);
  judgement.verdict = judgement.verdicts[facts.strategy];
  if (judgement.verdict == Verdict::kSafe) {
    judgement.basis = basis_of(tallies[facts.strategy]);
  } else {
    drop_safe_findings(judgement.findings);
  }
  if (judgement.verdict == Verdict::kUnproven && !has(judgement.findings, Severity::kUnproven)) {
    judgement.findings.push_back(open_question_finding(tallies[facts.strategy]));
  }
  std::ranges::stable_sort(judgement.findings, std::greater{}, &Finding::severity);
  if (const Evidence* counted = input.evidence[facts.strategy].evidence) judgement.evidence = counted->digest;
  return judgement;
}

}  // namespace walguard::core
