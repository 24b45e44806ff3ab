#ifndef WALGUARD_PREFLIGHT_REPORT_GRADE_H_
#define WALGUARD_PREFLIGHT_REPORT_GRADE_H_

#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"

/// The one grader: from what was measured to a verdict for each strategy. The probe grades with it, and the
/// operator uses the same code to refuse a report that claims more than its checks show.
///
/// Pure and thread-safe; retains no argument.
namespace walguard::report {

/// One line of the table of needs: which strategies stand on a check, and from which scope on.
struct Need {
  std::string_view check;
  bool wal;
  bool wal_exclusive;
  bool rollback;
  Scope from;                ///< needed at this scope and every wider one
  Verdict when_unsupported;  ///< what an honest refusal of the filesystem means
};

[[nodiscard]] bool is_needed_by(const Need& need, Strategy strategy);

/// The whole table, in the order in which the checks run.
[[nodiscard]] const std::vector<Need>& needs();

struct GradeRequest {
  /// The strategies asked for; all others read `unproven`.
  std::vector<Strategy> strategies = {Strategy::kWal};
  /// The person said that one node is all there will ever be (`--scope node`).
  bool node_scope_asked = false;
};

struct Grade {
  Verdicts verdict;
  std::vector<std::string> reasons;  ///< "check-id: why", what makes it unsafe first
};

/// Judges `report.checks`, `report.views` and `report.scope`; its own verdict and reasons are not looked at.
///
/// A needed check that failed is `unsafe`; one that did not run, or is not in the report, is `unproven`.
/// Where all passed, a network filesystem seen through a single client is `unproven` all the same, unless one
/// node was asked for: one view says nothing about what a second client would see.
[[nodiscard]] Grade grade(const Report& report, const GradeRequest& request);

/// The widest scope the views allow a pass to speak of: inside a sandbox's own kernel nothing is known past
/// the container; `cluster` takes two different, known boot_ids and no one name for both nodes; all else is
/// one node.
///
/// `trust_node_names`: views of two names are two nodes, whatever the boot_id. For test clusters whose nodes
/// share one kernel and differ in their mounts.
[[nodiscard]] Scope measured_scope(const std::vector<View>& views, bool trust_node_names);

/// Whether another machine may be writing to the same files, by the name mountinfo gives (design section 6).
/// Inside gVisor every volume reads as 9p and says nothing about a network.
[[nodiscard]] bool is_network_filesystem(const View& view);

}  // namespace walguard::report

#endif  // WALGUARD_PREFLIGHT_REPORT_GRADE_H_
