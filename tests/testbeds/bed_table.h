#ifndef WALGUARD_TESTS_TESTBEDS_BED_TABLE_H_
#define WALGUARD_TESTS_TESTBEDS_BED_TABLE_H_

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"
#include "tests/testbeds/bed.h"

/// The one table of test beds: every kind of storage the probe is run on, and what it must find there.
namespace walguard::testbeds {

/// What a bed belongs to, by what stands between the probe and the disk.
enum class BedGroup { kLocal, kOverlay, kFuse, kFault, kNetwork, kSandbox };
[[nodiscard]] std::string_view to_string(BedGroup group);

using Views = std::vector<std::filesystem::path>;  ///< one, or two of one directory

/// A bed that is ready to be probed.
struct Setup {
  std::vector<std::string> command;  ///< runs the probe to its end; its exit code is the probe's
  std::filesystem::path report;      ///< where the JSON report is found after that
  Views left_clean;                  ///< directories of this machine in which the run must leave nothing
};

/// Mounts what is needed, for as long as the Bed lives, and says how to run the probe with this --strategy.
/// Throws std::runtime_error where it cannot.
using SetUp = std::function<Setup(Bed& bed, const std::string& strategy)>;

struct BedCase {
  std::string name;  ///< letters and digits; also the name of its test
  BedGroup group = BedGroup::kLocal;
  std::string what;  ///< what a person should know of it, one line
  SetUp set_up;
  int expected_exit = 0;
  std::string strategy = "wal";  ///< what is asked for: wal, wal-exclusive, rollback or all
  /// Those that must come out so; the rest may be either.
  std::map<std::string, report::CheckResult> expected_checks = {};
  std::map<report::Strategy, report::Verdict> expected_verdicts = {};
  std::optional<report::Scope> expected_scope = {};
  bool in_guest = false;  ///< the command boots a kernel first, whose time and memory come on top
  /// Why it cannot be made on this machine, or nullopt. Asked before set_up.
  std::function<std::optional<std::string>()> why_not_here = why_no_beds;
};
void PrintTo(const BedCase& bed_case, std::ostream* stream);

/// Every bed, in the order in which they are reported. Names are unique.
[[nodiscard]] const std::vector<BedCase>& all_beds();

/// The set-up of a bed whose views are directories of this machine: the probe runs as a plain process.
[[nodiscard]] SetUp on_views(std::function<Views(Bed&)> make_views);

/// Each appends the beds of one file FOLDER/..._beds.cc. A new family of beds gets a function here and a line
/// in all_beds().
void add_local_beds(std::vector<BedCase>& table);
void add_fuse_beds(std::vector<BedCase>& table);
void add_remote_fuse_beds(std::vector<BedCase>& table);
void add_fault_beds(std::vector<BedCase>& table);
void add_network_beds(std::vector<BedCase>& table);
void add_gvisor_beds(std::vector<BedCase>& table);

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_BED_TABLE_H_
