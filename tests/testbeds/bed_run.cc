#include "tests/testbeds/bed_run.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>

#include <sys/types.h>

#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {
namespace {

using testing_support::Program;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{110};
constexpr int kExitSafe = 0;
constexpr int kExitBadInput = 2;

// 0 of a process that is gone.
long memory_kib(pid_t pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; rollup >> word;) {
    long kib = 0;
    if (word == "Pss:" && rollup >> kib) return kib;
  }
  return 0;
}

// Until the probe ends, or patience does.
void watch_memory(Program& probe, BedRun& run) {
  const auto give_up = Clock::now() + kPatience;
  while (probe.running() && Clock::now() < give_up) {
    long sum = 0;
    for (const pid_t pid : probe.family()) sum += memory_kib(pid);
    run.peak_memory_kib = std::max(run.peak_memory_kib, sum);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Bad input makes no report.
void take_report(const std::filesystem::path& path, BedRun& run) {
  if (run.exit_code == kExitBadInput) return;
  auto report = report::parse_report(read_file(path));
  if (report) {
    run.report = *std::move(report);
  } else {
    run.complaint += "no report: " + report.error();
  }
}

void compare_exit(const BedCase& bed_case, BedRun& run) {
  if (run.exit_code == bed_case.expected_exit) return;
  run.not_as_expected.push_back(
      (run.exit_code ? "exit code " + std::to_string(*run.exit_code) : std::string("hung")) + ", expected " +
      std::to_string(bed_case.expected_exit));
}

void compare_report(const BedCase& bed_case, BedRun& run) {
  if (bed_case.expected_exit == kExitBadInput) return;
  if (!run.report) {
    run.not_as_expected.emplace_back("no report");
    return;
  }
  for (const auto& [id, expected] : bed_case.expected_checks) {
    const auto found = std::ranges::find(run.report->checks, id, &report::Check::id);
    if (found != run.report->checks.end() && found->result == expected) continue;
    run.not_as_expected.push_back(id + ": " +
                                  (found == run.report->checks.end()
                                       ? "missing"
                                       : std::string(to_string(found->result)) + " (" + found->detail + ")") +
                                  ", expected " + std::string(to_string(expected)));
  }
  for (const auto& [strategy, expected] : bed_case.expected_verdicts) {
    const report::Verdict verdict = run.report->verdict[strategy];
    if (verdict == expected) continue;
    run.not_as_expected.push_back(std::string(to_string(strategy)) + " is " +
                                  std::string(to_string(verdict)) + ", expected " +
                                  std::string(to_string(expected)));
  }
  if (bed_case.expected_scope && run.report->scope != bed_case.expected_scope) {
    run.not_as_expected.push_back("scope " + std::string(to_string(run.report->scope)) + ", expected " +
                                  std::string(to_string(*bed_case.expected_scope)));
  }
  const bool all_is_safe = bed_case.expected_exit == kExitSafe;
  if (run.report->reasons.empty() == all_is_safe) return;
  run.not_as_expected.push_back(all_is_safe ? "reason given: " + run.report->reasons.front()
                                            : "no reason given");
}

void compare_left_behind(const Views& views, BedRun& run) {
  for (const auto& view : views) {
    if (const auto left = testing_support::probe_folder(view)) {
      run.not_as_expected.push_back("left behind: " + left->string());
    }
  }
}

}  // namespace

BedRun run_once(const BedCase& bed_case) {
  Bed bed;
  const Setup setup = bed_case.set_up(bed, bed_case.strategy);
  BedRun run;
  const auto start = Clock::now();
  Program probe(setup.command);
  watch_memory(probe, run);
  run.exit_code = probe.wait(std::chrono::seconds(1));
  run.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  run.complaint = probe.err();
  take_report(setup.report, run);
  compare_exit(bed_case, run);
  compare_report(bed_case, run);
  compare_left_behind(setup.left_clean, run);
  return run;
}

}  // namespace walguard::testbeds
