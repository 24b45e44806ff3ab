#include "operator/core/accepted_risk.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/policy.h"
#include "operator/core/rules.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// One line: "RULE: reason".
struct Line {
  std::string_view rule;
  std::string_view reason;  ///< empty: none is given, and the line has no effect
};

Line parse_line(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {trimmed(text), {}};
  return {trimmed(text.substr(0, colon)), trimmed(text.substr(colon + 1))};
}

/// Lines that are read: Kubernetes lets annotations be 256 KiB, and each finding is compared with each line.
constexpr int kMostLines = 100;

/// Calls `use` for each line that is not blank; views into the annotation.
template <typename Use>
void each_line(const Workload& workload, Use use) {
  if (!workload.annotations.accept_risk) return;
  std::string_view rest = *workload.annotations.accept_risk;
  for (int line_number = 0; !rest.empty() && line_number < kMostLines; ++line_number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const std::string_view line = trimmed(rest.substr(0, end)); !line.empty()) use(parse_line(line));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

bool may_accept(const Policy& policy, std::string_view namespace_name) {
  return std::ranges::any_of(policy.accept_risk_namespaces, [&](const std::string& entry) {
    return entry == "*" || entry == namespace_name;
  });
}

}  // namespace

std::optional<AcceptedRisk> accepted_risk(const Workload& workload, const Policy& policy,
                                          std::string_view rule) {
  if (const Exemption* exemption = exemption_for(policy, workload.namespace_name, rule)) {
    return AcceptedRisk{AcceptedRisk::By::kPolicy, exemption->reason};
  }
  if (!may_accept(policy, workload.namespace_name)) return std::nullopt;
  std::optional<AcceptedRisk> accepted;
  each_line(workload, [&](const Line& line) {
    if (!accepted && line.rule == rule && !line.reason.empty()) {
      accepted = AcceptedRisk{AcceptedRisk::By::kAnnotation, line.reason};
    }
  });
  return accepted;
}

std::vector<std::string> accept_risk_complaints(const Workload& workload, const Policy& policy) {
  const std::string annotation = "annotation walguard/accept-risk is not honoured: ";
  if (workload.annotations.accept_risk && !may_accept(policy, workload.namespace_name)) {
    return {annotation + "the policy does not let namespace " + workload.namespace_name + " accept risks"};
  }
  std::vector<std::string> complaints;
  each_line(workload, [&](const Line& line) {
    const std::string quoted = "\"" + std::string(line.rule) + "\"";
    if (find_rule(line.rule) == nullptr) {
      complaints.push_back(annotation + quoted + " is no rule; write \"RULE: reason\", one on each line");
    } else if (line.reason.empty()) {
      complaints.push_back(annotation + quoted + " gives no reason; write \"RULE: reason\"");
    }
  });
  return complaints;
}

}  // namespace walguard::core
