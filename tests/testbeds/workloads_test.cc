// What the SQLite workloads find by themselves, whatever the other checks say: each on storage with one
// fault.
#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"
#include "tests/testbeds/faultfs_mount.h"

namespace walguard::testbeds {
namespace {

using report::CheckResult;
using ::testing::HasSubstr;
using testing_support::Program;

struct WorkloadCase {
  std::string name;
  std::string strategy;
  std::string check;
  std::string fault;  // as in faultfs -o; empty: none
  int mounts;
  CheckResult expected;
  std::string reason;  // part of it; empty: any
};
void PrintTo(const WorkloadCase& workload_case, std::ostream* stream) { *stream << workload_case.name; }

constexpr CheckResult kPass = CheckResult::kPass;
constexpr CheckResult kFail = CheckResult::kFail;

const std::vector<WorkloadCase>& cases() {
  static const std::string wal = "wal-workload";
  static const std::string rollback = "rollback-workload";
  static const std::string exclusive = "exclusive-workload";
  static const std::vector<WorkloadCase> table = {
      {"RollbackOnTwoSoundMounts", "rollback", rollback, "", 2, kPass, "hot journals rolled back"},
      {"ExclusiveOnTwoSoundMounts", "wal-exclusive", exclusive, "", 2, kPass, "never a -shm"},
      {"ExclusiveNeedsNoMmap", "wal-exclusive", exclusive, "fault=mmap-refused", 1, kPass, ""},
      {"RollbackNeedsNoMmap", "rollback", rollback, "fault=mmap-refused", 1, kPass, ""},
      {"WalNeedsMmap", "wal", wal, "fault=mmap-refused", 1, kFail, "SQLITE_IOERR_SHMMAP (ENODEV)"},
      {"AJournalOnceLookedForInVain", "rollback", rollback, "fault=negative-dirents", 2, kFail,
       "a hot journal was not rolled back"},
      {"AJournalThatWasCutShortUnseen", "rollback", rollback, "fault=truncate-unseen", 2, kFail, ""},
      {"PagesThatAreNeverReadAgainRollback", "rollback", rollback, "fault=stale-pages", 2, kFail, ""},
      {"PagesThatAreNeverReadAgainExclusive", "wal-exclusive", exclusive, "fault=stale-pages", 2, kFail, ""},
      {"LocksOfOneMountRollback", "rollback", rollback, "fault=locks-per-mount", 2, kFail, "was let in"},
      {"LocksOfOneMountExclusive", "wal-exclusive", exclusive, "fault=locks-per-mount", 2, kFail,
       "was let in"},
      {"LocksAlwaysGrantedWal", "wal", wal, "fault=locks-always-granted", 1, kFail, ""},
      {"LocksKeptAfterDeathRollback", "rollback", rollback, "fault=locks-kept-after-death", 1, kFail,
       "a lock outlives its holder"},
      {"LocksKeptAfterDeathExclusive", "wal-exclusive", exclusive, "fault=locks-kept-after-death", 1, kFail,
       "a lock outlives its holder"},
      {"LostWritesWal", "wal", wal, "fault=lost-write,n=50", 1, kFail, ""},
      {"LostWritesRollback", "rollback", rollback, "fault=lost-write,n=50", 1, kFail, ""},
      {"LostWritesExclusive", "wal-exclusive", exclusive, "fault=lost-write,n=50", 1, kFail, ""},
      {"TornWritesWal", "wal", wal, "fault=torn-write", 1, kFail, ""},
      {"TornWritesRollback", "rollback", rollback, "fault=torn-write", 1, kFail, ""},
      {"TornWritesExclusive", "wal-exclusive", exclusive, "fault=torn-write", 1, kFail, ""},
      {"FailingSyncWal", "wal", wal, "fault=fsync-fails", 1, kFail, "SQLITE_IOERR_FSYNC"},
  };
  return table;
}

class Workload : public ::testing::TestWithParam<WorkloadCase> {
 protected:
  void SetUp() override {
    const auto why = why_no_beds();
    if (!why) return;
    ASSERT_FALSE(must_have_beds()) << "no test beds in CI: " << *why;
    GTEST_SKIP() << "no test beds here: " << *why;
  }
};

TEST_P(Workload, FindsByItselfWhatTheStorageDoes) {
  Bed bed;
  const FaultFs storage = mount_faultfs(bed, GetParam().fault, GetParam().mounts);
  std::vector<std::string> command = {WALGUARD_PREFLIGHT_BINARY, "run", "-o", "json", "--strategy",
                                      GetParam().strategy};
  command.insert(command.end(), storage.mounts.begin(), storage.mounts.end());
  Program probe(command);
  EXPECT_EQ(probe.wait(), GetParam().expected == kPass ? 0 : 1) << probe.out() << probe.err();
  const auto report = report::parse_report(probe.out());
  ASSERT_TRUE(report) << report.error();
  const auto check = std::ranges::find(report->checks, GetParam().check, &report::Check::id);
  ASSERT_NE(check, report->checks.end()) << probe.out();
  EXPECT_EQ(check->result, GetParam().expected) << check->detail;
  EXPECT_THAT(check->detail, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(Faults, Workload, ::testing::ValuesIn(cases()),
                         [](const auto& workload) { return workload.param.name; });

}  // namespace
}  // namespace walguard::testbeds
