// The probe on real storage: what each bed must be found to be.
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_run.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing_support::eventually;
using testing_support::probe_folder;
using testing_support::probe_has_made;
using testing_support::Program;

std::vector<std::string> probe_command(const Views& views) {
  std::vector<std::string> command = {WALGUARD_PREFLIGHT_BINARY, "run", "-o", "json"};
  command.insert(command.end(), views.begin(), views.end());
  return command;
}

void skip_or_fail(const std::string& why) {
  ASSERT_FALSE(must_have_beds()) << "no such bed in CI: " << why;
  GTEST_SKIP() << "no such bed here: " << why;
}

class EveryBed : public ::testing::TestWithParam<BedCase> {
 protected:
  void SetUp() override {
    if (const auto why = GetParam().why_not_here()) skip_or_fail(*why);
  }
};

TEST_P(EveryBed, IsFoundToBeWhatItIsAndLeftClean) {
  const BedRun run = run_once(GetParam());
  for (const std::string& wrong : run.not_as_expected) ADD_FAILURE() << wrong;
  if (HasFailure())
    std::cerr << run.complaint << (run.report ? report::encode_report(*run.report, 2) : "") << "\n";
}

INSTANTIATE_TEST_SUITE_P(Beds, EveryBed, ::testing::ValuesIn(all_beds()),
                         [](const auto& bed) { return bed.param.name; });

class BedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_beds()) skip_or_fail(*why);
  }

  static void expect_nothing_left(const Views& views) {
    for (const fs::path& view : views) EXPECT_FALSE(probe_folder(view)) << view;
  }

  Bed bed_;
};

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
