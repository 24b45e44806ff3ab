#ifndef WALGUARD_PREFLIGHT_CLI_TWO_HOSTS_H_
#define WALGUARD_PREFLIGHT_CLI_TWO_HOSTS_H_

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <tl/expected.hpp>

#include "preflight/conductor/run.h"
#include "preflight/report/report.h"

/// A run between two hosts: `run DIR --listen` conducts and works in its own DIR, `run DIR --connect` works
/// for it in its own DIR and ends with the same report.
namespace walguard::preflight {

struct HostArguments {
  std::string listen;
  std::string connect;
  int wait_seconds = 120;
  std::string node_name;
  bool trust_node_names = false;

  [[nodiscard]] bool two_hosts() const { return !listen.empty() || !connect.empty(); }
};

void add_host_options(CLI::App& run, HostArguments& arguments);

/// What is to be delivered: the conductor's report, and the strategies that decide the exit code.
struct RunResult {
  report::Report report;
  std::vector<report::Strategy> strategies;
};

/// Nothing was measured: one line for stderr and the exit code (design section 9).
struct RunProblem {
  int exit_code;
  std::string message;
};

/// Runs on this host and the other one; blocks for the waiting time and the run. A peer that does not come,
/// goes away or is not what it should be gives a report that says so, `unproven`. WALGUARD_TOKEN is taken out
/// of the environment. Must be called in a single-threaded process.
[[nodiscard]] tl::expected<RunResult, RunProblem> run_on_two_hosts(const HostArguments& arguments,
                                                                   RunOptions options, Progress& progress);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_TWO_HOSTS_H_
