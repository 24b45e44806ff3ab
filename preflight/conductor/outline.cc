#include "preflight/conductor/outline.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "preflight/checks/check.h"
#include "preflight/conductor/run.h"
#include "preflight/report/grade.h"
#include "preflight/report/report.h"

namespace walguard::preflight {

using report::Report;

namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text;
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

}  // namespace

bool is_needed(std::string_view check, const RunOptions& options) {
  return std::ranges::any_of(report::needs(), [&](const report::Need& need) {
    return need.check == check && std::ranges::any_of(options.strategies, [&](report::Strategy strategy) {
             return report::is_needed_by(need, strategy);
           });
  });
}

Report new_report(const RunOptions& options) {
  Report report;
  report.started = utc_now();
  report.probe_version = WALGUARD_VERSION;
  report.sqlite_version = sqlite3_libversion();
  report.views.resize(2);
  report.views[0].path = options.dir_a;
  report.views[0].node = options.node_a;
  report.views[1].path = options.dir_b;
  report.views[1].node = options.node_b;
  return report;
}

void conclude(Report& report, const RunOptions& options) {
  // A flag that decides nothing is none of the report's business.
  const report::Scope plain = report::measured_scope(report.views, /*trust_node_names=*/false);
  report.scope = report::measured_scope(report.views, options.trust_node_names);
  report.node_names_trusted = report.scope != plain;
  const report::Grade grade =
      report::grade(report, {.strategies = options.strategies, .node_scope_asked = options.node_scope_asked});
  report.verdict = grade.verdict;
  report.reasons = grade.reasons;
}

Report report_without_run(const RunOptions& options, const std::string& why) {
  Report report = new_report(options);
  if (options.dir_b.empty()) report.views.resize(1);  // nobody said where the other host has it
  for (const CheckDefinition& definition : all_checks()) {
    report::Check& check = report.checks.emplace_back();
    check.id = definition.id;
    check.detail = is_needed(definition.id, options) ? why : kNotNeeded;
  }
  conclude(report, options);
  return report;
}

}  // namespace walguard::preflight
