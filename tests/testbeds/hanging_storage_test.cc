// A filesystem that stops answering in the middle of a run: its daemon is stopped, and every call into it
// waits.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing_support::eventually;
using testing_support::is_alive;
using testing_support::probe_has_made;
using testing_support::Program;

// The file that shows that a run is in the midst of a check.
class HangingStorage : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const auto why = why_no_beds()) {
      ASSERT_FALSE(must_have_beds()) << "no test beds in CI: " << *why;
      GTEST_SKIP() << "no test beds here: " << *why;
    }
  }
};

TEST_P(HangingStorage, EndsARunWithinItsBudgetAndSaysWhatHung) {
  Bed bed;
  const std::filesystem::path backing = bed.directory("backing");
  const std::filesystem::path mounted = bed.directory("mounted");
  Program daemon({"bindfs", "-f", backing, mounted});
  bed.await_mount(mounted, "bindfs");

  Program probe({WALGUARD_PREFLIGHT_BINARY, "run", mounted});
  ASSERT_TRUE(eventually([&] { return probe_has_made(backing, GetParam()); })) << probe.out();
  const std::vector<pid_t> family = probe.family();
  daemon.signal(SIGSTOP);
  const auto exit_code = probe.wait(std::chrono::seconds(60));
  if (exit_code == 3) {
    // The stop has come just after the check, where the folder is looked at: no check has failed then.
    EXPECT_THAT(probe.out(), HasSubstr("does not answer any more"));
  } else {
    EXPECT_EQ(exit_code, 1) << probe.out() << probe.err();
    EXPECT_THAT(probe.out(), AnyOf(HasSubstr("hung"), HasSubstr("a killed process is still there")));
  }

  // A process inside a call to a filesystem that stands still cannot be killed; it goes when the call
  // returns.
  daemon.signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return std::none_of(family.begin(), family.end(), is_alive); }));
  Program next({WALGUARD_PREFLIGHT_BINARY, "run", mounted});
  EXPECT_EQ(next.wait(std::chrono::seconds(60)), 0) << next.out();
  EXPECT_TRUE(std::filesystem::is_empty(backing));
}

INSTANTIATE_TEST_SUITE_P(InTheMidstOf, HangingStorage, ::testing::Values("wg-locks.db", "wg-wal-0.db-wal"),
                         [](const auto& file) {
                           return std::string(file.param) == "wg-locks.db" ? "locks" : "the_workload";
                         });

}  // namespace
}  // namespace walguard::testbeds
