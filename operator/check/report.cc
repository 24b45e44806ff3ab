#include "operator/check/report.h"

#include <algorithm>
#include <string>

#include "operator/core/verdict.h"

namespace walguard::check {
namespace {

void count(Summary& summary, const CheckedVolume& volume) {
  switch (standing(volume)) {
    case core::Severity::kUnsafe:
      ++summary.unsafe;
      break;
    case core::Severity::kUnproven:
      ++summary.unproven;
      break;
    case core::Severity::kWarning:
    case core::Severity::kInfo:
      ++(volume.verdict == core::Verdict::kSafe ? summary.safe : summary.accepted);
      break;
  }
  for (const CheckedFinding& found : volume.findings) {
    if (found.finding.severity == core::Severity::kWarning && !found.accepted) ++summary.warnings;
  }
}

}  // namespace

std::string title_of(const CheckedObject& object) {
  const std::string owner = object.namespace_name.empty() ? "" : object.namespace_name + "/";
  return object.kind + " " + owner + object.name;
}

core::Severity standing(const CheckedVolume& volume) {
  core::Severity worst = core::Severity::kInfo;
  for (const CheckedFinding& found : volume.findings) {
    if (!found.accepted) worst = std::max(worst, found.finding.severity);
  }
  return worst;
}

bool fails(core::Severity severity, FailOn fail_on) {
  switch (fail_on) {
    case FailOn::kUnsafe:
      return severity >= core::Severity::kUnsafe;
    case FailOn::kUnproven:
      return severity >= core::Severity::kUnproven;
    case FailOn::kWarning:
      return severity >= core::Severity::kWarning;
  }
  return true;
}

Summary summarise(const CheckReport& report) {
  Summary summary;
  for (const CheckedObject& object : report.objects) {
    for (const CheckedVolume& volume : object.volumes) count(summary, volume);
    summary.warnings += object.notes.size();
  }
  return summary;
}

}  // namespace walguard::check
