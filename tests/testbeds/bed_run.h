#ifndef WALGUARD_TESTS_TESTBEDS_BED_RUN_H_
#define WALGUARD_TESTS_TESTBEDS_BED_RUN_H_

#include <optional>
#include <string>
#include <vector>

#include "preflight/report/report.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {

/// What came of one run of the probe on a bed.
struct BedRun {
  std::optional<int> exit_code;  ///< nullopt: it hung and was killed
  std::optional<report::Report> report;
  std::string complaint;  ///< what it said on stderr, or why its report cannot be read
  double seconds = 0;     ///< of the whole command, without setting up the bed
  /// Of all its processes together, looked at every 50 ms; memory they share counts once (Pss in proc(5)).
  long peak_memory_kib = 0;
  std::vector<std::string> not_as_expected;  ///< one line each; empty when the bed was found to be what it is
};

/// Sets the bed up, runs the probe once, takes the bed down. Blocks for the length of the run, at most two
/// minutes. Throws std::runtime_error where the bed cannot be set up.
[[nodiscard]] BedRun run_once(const BedCase& bed_case);

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_BED_RUN_H_
