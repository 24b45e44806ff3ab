// The probe on real storage: what each bed must be found to be.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using report::CheckResult;
using ::testing::HasSubstr;
using testing_support::eventually;
using testing_support::probe_folder;
using testing_support::probe_has_made;
using testing_support::Program;

using Views = std::vector<fs::path>;  // one, or two of one directory

struct BedCase {
  std::string name;
  int expected_exit;
  std::map<std::string, CheckResult> expected_checks;  // those that must come out so; the rest may be either
  std::function<Views(Bed&)> set_up;
};
void PrintTo(const BedCase& bed_case, std::ostream* stream) { *stream << bed_case.name; }

constexpr CheckResult kPass = CheckResult::kPass;
constexpr CheckResult kFail = CheckResult::kFail;

Views two_bindfs(Bed& bed) {
  const fs::path backing = bed.directory("backing");
  return {bed.bindfs(backing, "one"), bed.bindfs(backing, "two")};
}

Views overlay_beside_upper(Bed& bed) {
  const fs::path base = bed.tmpfs(64);
  return {bed.overlay(base, base / "upper"), base / "upper"};
}

Views overlay_alone(Bed& bed) {
  const fs::path base = bed.tmpfs(64);
  return {bed.overlay(base, base / "upper")};
}

Views read_only_ext4(Bed& bed) {
  const fs::path point = bed.loop("ext4", 64);
  bed.remount_read_only(point);
  return {point};
}

Views full_ext4(Bed& bed) {
  const fs::path point = bed.loop("ext4", 64);
  try_run({"dd", "if=/dev/zero", "of=" + (point / "filler").string(), "bs=1M", "status=none"});
  return {point};
}

// The one table of beds. Sizes: xfs takes no less than 300 MB, btrfs no less than 120 MB; the images are
// sparse.
const std::vector<BedCase>& beds() {
  static const std::vector<BedCase> table = {
      {"Ext4", 0, {}, [](Bed& bed) { return Views{bed.loop("ext4", 64)}; }},
      {"Xfs", 0, {}, [](Bed& bed) { return Views{bed.loop("xfs", 320)}; }},
      {"Btrfs", 0, {}, [](Bed& bed) { return Views{bed.loop("btrfs", 160)}; }},
      {"Tmpfs", 0, {}, [](Bed& bed) { return Views{bed.tmpfs(64)}; }},
      {"OverlayAlone", 0, {}, overlay_alone},
      {"OneBindfs", 0, {}, [](Bed& bed) { return Views{bed.bindfs(bed.directory("backing"), "one")}; }},
      {"TwoBindfs",
       1,
       {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}, {"wal-workload", kFail}},
       two_bindfs},
      {"OverlayBesideItsUpper",
       1,
       {{"mmap-coherence", kPass}, {"byte-range-locks", kFail}},
       overlay_beside_upper},
      {"ReadOnlyExt4", 2, {}, read_only_ext4},
      {"FullExt4", 3, {}, full_ext4},
      {"TmpfsTooSmall", 3, {}, [](Bed& bed) { return Views{bed.tmpfs(4)}; }},
  };
  return table;
}

std::vector<std::string> probe_command(const Views& views) {
  std::vector<std::string> command = {WALGUARD_PREFLIGHT_BINARY, "run", "-o", "json"};
  command.insert(command.end(), views.begin(), views.end());
  return command;
}

class BedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto why = why_no_beds();
    if (!why) return;
    const char* const ci = std::getenv("CI");
    ASSERT_FALSE(ci != nullptr && std::string_view(ci) == "true") << "no test beds in CI: " << *why;
    GTEST_SKIP() << "no test beds here: " << *why;
  }

  static void expect_nothing_left(const Views& views) {
    for (const fs::path& view : views) EXPECT_FALSE(probe_folder(view)) << view;
  }

  Bed bed_;
};

class EveryBed : public BedTest, public ::testing::WithParamInterface<BedCase> {};

TEST_P(EveryBed, IsFoundToBeWhatItIsAndLeftClean) {
  const Views views = GetParam().set_up(bed_);
  Program probe(probe_command(views));
  EXPECT_EQ(probe.wait(), GetParam().expected_exit) << probe.out() << probe.err();
  expect_nothing_left(views);
  if (GetParam().expected_exit == 2) return;  // bad input makes no report
  const auto report = report::parse_report(probe.out());
  ASSERT_TRUE(report) << report.error();
  for (const report::Check& check : report->checks) {
    const auto expected = GetParam().expected_checks.find(check.id);
    if (expected == GetParam().expected_checks.end()) continue;
    EXPECT_EQ(check.result, expected->second) << check.id;
  }
  EXPECT_EQ(report->reasons.empty(), GetParam().expected_exit == 0);
}

INSTANTIATE_TEST_SUITE_P(Beds, EveryBed, ::testing::ValuesIn(beds()),
                         [](const auto& bed) { return bed.param.name; });

// Twenty in all, in four parts so that none comes near the time limit of a test.
class RunsInARow : public BedTest, public ::testing::WithParamInterface<int> {};

TEST_P(RunsInARow, OnExt4GiveNoFalseAlarm) {
  const Views views = {bed_.loop("ext4", 64)};
  for (int i = 0; i < 5; ++i) {
    Program probe(probe_command(views));
    ASSERT_EQ(probe.wait(), 0) << "run " << i << ": " << probe.out() << probe.err();
  }
  expect_nothing_left(views);
}

INSTANTIATE_TEST_SUITE_P(Parts, RunsInARow, ::testing::Range(1, 5));

class SpoiltMidRun : public BedTest {
 protected:
  static void wait_for_workload(const fs::path& dir) {
    ASSERT_TRUE(eventually([&] { return probe_has_made(dir, "wg-wal-0.db-wal"); }));
  }

  static void expect_unproven(Program& probe, const std::string& reason) {
    EXPECT_EQ(probe.wait(), 3) << probe.out() << probe.err();
    EXPECT_THAT(probe.out(), HasSubstr(reason));
  }
};

TEST_F(SpoiltMidRun, AFilesystemThatFillsUpIsUnprovenAndNotBlamed) {
  const fs::path dir = bed_.tmpfs(32);
  Program probe(probe_command({dir}));
  wait_for_workload(dir);
  try_run({"dd", "if=/dev/zero", "of=" + (dir / "filler").string(), "bs=64k", "status=none"});
  expect_unproven(probe, "wal-workload");
  expect_nothing_left({dir});
}

TEST_F(SpoiltMidRun, ALazyUnmountIsUnprovenAndTheFolderIsRemovedAllTheSame) {
  const fs::path dir = bed_.loop("ext4", 64);
  Program probe(probe_command({dir}));
  wait_for_workload(dir);
  bed_.detach(dir);
  expect_unproven(probe, "no longer leads to the run's folder");
  // The detached filesystem goes away when its last file is closed; only then may the image be mounted again.
  bed_.mount_image(dir);
  expect_nothing_left({dir});
}

TEST_F(SpoiltMidRun, AKilledFuseDaemonIsUnproven) {
  const fs::path backing = bed_.directory("backing");
  const fs::path dir = bed_.bindfs(backing, "one");
  Program probe(probe_command({dir}));
  wait_for_workload(dir);
  try_run({"umount", "-f", dir});  // aborts the connection: every call from now on is ENOTCONN
  bed_.detach(dir);
  EXPECT_EQ(probe.wait(), 3) << probe.out();
}

}  // namespace
}  // namespace walguard::testbeds
