#include "operator/check/judged.h"

#include <string>
#include <utility>

#include "operator/check/report.h"
#include "operator/core/accepted_risk.h"
#include "operator/core/decide.h"
#include "operator/core/policy.h"
#include "operator/core/response.h"
#include "operator/core/workload.h"

namespace walguard::check {

CheckedVolume checked_volume(core::JudgedVolume volume, const core::Workload& workload, int line,
                             const core::Policy& policy) {
  CheckedVolume out;
  out.line = line;
  out.verdict = volume.judgement.verdict;
  out.basis = volume.judgement.basis;
  for (core::Finding& finding : volume.judgement.findings) {
    CheckedFinding found;
    if (const auto accepted = core::accepted_risk(workload, policy, finding.rule)) {
      found.accepted = Accepted{.by_policy = accepted->by == core::AcceptedRisk::By::kPolicy,
                                .reason = std::string(accepted->reason)};
    }
    found.finding = std::move(finding);
    out.findings.push_back(std::move(found));
  }
  out.facts = std::move(volume.facts);
  return out;
}

}  // namespace walguard::check
