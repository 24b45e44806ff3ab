// What becomes of folder and processes when a run does not end as planned.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include "tests/preflight/process/program.h"

namespace walguard::testing_support {
namespace {

using ::testing::HasSubstr;

// The file that shows that a run is in the midst of the check named.
constexpr const char* kInLocks = "wg-locks.db";
constexpr const char* kInWorkload = "wg-wal-0.db-wal";

class RunningProbe : public ::testing::Test {
 protected:
  std::vector<std::string> command() { return {WALGUARD_PREFLIGHT_BINARY, "run", dir_.path()}; }

  void wait_for(const std::string& file) {
    ASSERT_TRUE(eventually([&] { return probe_has_made(dir_.path(), file); })) << file;
  }

  static bool all_gone(const std::vector<pid_t>& family) {
    return eventually([&] { return std::none_of(family.begin(), family.end(), is_alive); });
  }

  void expect_next_run_leaves_nothing() {
    Program next(command());
    EXPECT_EQ(next.wait(), 0) << next.out() << next.err();
    EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
  }

  TemporaryDirectory dir_;
};

TEST_F(RunningProbe, InterruptedBySigintOrSigtermEndsUnprovenAndCleansUp) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Program probe(command());
    wait_for(kInWorkload);
    const std::vector<pid_t> family = probe.family();
    EXPECT_GT(family.size(), 3U);
    probe.signal(signal);
    EXPECT_EQ(probe.wait(), 3);
    EXPECT_THAT(probe.out(), HasSubstr("interrupted"));
    EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
    EXPECT_TRUE(all_gone(family));
  }
}

TEST_F(RunningProbe, KilledLeavesNoProcessAndTheNextRunRemovesItsFolder) {
  for (const char* const moment : {kInLocks, kInWorkload}) {
    Program probe(command());
    wait_for(moment);
    const std::vector<pid_t> family = probe.family();
    probe.signal(SIGKILL);
    EXPECT_EQ(probe.wait(), 128 + SIGKILL);
    EXPECT_TRUE(all_gone(family)) << "at " << moment;
    EXPECT_TRUE(probe_folder(dir_.path()));
    expect_next_run_leaves_nothing();
  }
}

TEST_F(RunningProbe, WithAnAgentKilledIsUnprovenAndCleansUp) {
  Program probe(command());
  wait_for(kInWorkload);
  const std::vector<pid_t> family = probe.family();
  ASSERT_GT(family.size(), 1U);
  ::kill(family[1], SIGKILL);  // the first child is an agent
  EXPECT_EQ(probe.wait(), 3) << probe.out();
  EXPECT_THAT(probe.out(), HasSubstr("is gone"));
  EXPECT_TRUE(all_gone(family));
  expect_next_run_leaves_nothing();
}

TEST_F(RunningProbe, HoldsLessThan64MebibytesInAllItsProcesses) {
  Program probe(command());
  std::size_t most = 0;
  while (probe.running()) {
    most = std::max(most, memory_of(probe.family()));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // between two samples
  }
  RecordProperty("most_bytes", std::to_string(most));
  EXPECT_EQ(probe.wait(), 0) << probe.out();
  EXPECT_GT(most, 1024U * 1024);
  EXPECT_LT(most, kMostMemory);
}

TEST_F(RunningProbe, DoesNotDisturbAnotherRunInTheSameDirectory) {
  Program first(command());
  wait_for(kInLocks);
  Program second(command());
  EXPECT_EQ(first.wait(), 0) << first.out();
  EXPECT_EQ(second.wait(), 0) << second.out();
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(RunningProbe, KeepsNoRollbackDatabaseThatItIsDoneWith) {
  std::vector<std::string> rollback = command();
  rollback.insert(rollback.end(), {"--strategy", "rollback"});
  Program probe(rollback);
  wait_for("wg-rollback-2.db");
  for (const char* const earlier : {"wg-rollback-0.db", "wg-rollback-1.db", "wg-rollback-1.db-journal"}) {
    EXPECT_FALSE(probe_has_made(dir_.path(), earlier)) << earlier;
  }
  EXPECT_EQ(probe.wait(), 0) << probe.out();
}

TEST_F(RunningProbe, WhoseFolderIsRemovedIsUnprovenAndSaysSo) {
  Program probe(command());
  wait_for(kInWorkload);
  const std::filesystem::path folder = probe_folder(dir_.path()).value_or("");
  ASSERT_FALSE(folder.empty());
  // Renamed first: an rm -r that is held up half way looks like storage that loses files.
  const TemporaryDirectory elsewhere;
  const std::filesystem::path renamed = elsewhere.path() / "renamed";
  std::filesystem::rename(folder, renamed);
  std::error_code error;
  ASSERT_TRUE(eventually([&] {
    std::filesystem::remove_all(renamed, error);  // SQLite may make a file meanwhile
    return !std::filesystem::exists(renamed);
  }));
  EXPECT_EQ(probe.wait(), 3) << probe.out();
  EXPECT_THAT(probe.out(), HasSubstr("no longer leads to the run's folder"));
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

}  // namespace
}  // namespace walguard::testing_support
