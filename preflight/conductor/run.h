#ifndef WALGUARD_PREFLIGHT_CONDUCTOR_RUN_H_
#define WALGUARD_PREFLIGHT_CONDUCTOR_RUN_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

namespace walguard::preflight {

struct RunOptions {
  std::string dir_a;  ///< absolute
  std::string dir_b;  ///< absolute; the same as dir_a where there is one view
  /// Agent B is on another host, and dir_b is a path there.
  bool two_hosts = false;
  std::string node_a;  ///< the node's name, empty where nobody told it
  std::string node_b;
  bool trust_node_names = false;
  Profile profile = Profile::kQuick;
  std::vector<report::Strategy> strategies = {report::Strategy::kWal};
  bool node_scope_asked = false;
};

/// Told of what goes on, for a person who waits. Called from the run's thread; must not block.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;

  /// `what`: "preparation" or a check.
  virtual void begin(std::string_view what, double budget_seconds) = 0;
  virtual void tick() = 0;
  virtual void end() = 0;
  /// Something that the person should know and that is no result: "removed what a dead run left".
  virtual void notice(std::string_view text) = 0;
};

/// The longest that a run can take, once its agents are there.
[[nodiscard]] std::chrono::seconds longest_run(Profile profile);

/// The report of a run that could not begin, for a reason that says nothing of the storage: every check is
/// `not-run` with `why`, one line.
[[nodiscard]] report::Report report_without_run(const RunOptions& options, const std::string& why);

/// Runs the checks that the strategies need, through a session whose agents have greeted.
///
/// Makes a folder of its own in dir_a, works only there and removes it. Blocks for as long as the profile's
/// budgets allow, however the storage behaves; an interruption of the session ends it early, tidily.
///
/// The error is bad input (a directory that is not there, cannot be written, ...): one sentence with the
/// field, its value and a remedy. All other trouble is in the report, as `not-run` with its reason.
[[nodiscard]] tl::expected<report::Report, std::string> run_preflight(Session& session,
                                                                      const RunOptions& options,
                                                                      Progress& progress);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CONDUCTOR_RUN_H_
