// A filesystem that stops answering in the middle of a run: its daemon is stopped, and every call into it
// waits.
#include <algorithm>
#include <chrono>
#include <cstdlib>
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

using ::testing::HasSubstr;
using testing_support::eventually;
using testing_support::is_alive;
using testing_support::probe_has_made;
using testing_support::Program;

class HangingStorage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_beds()) {
      if (std::getenv("CI") != nullptr) FAIL() << *why;
      GTEST_SKIP() << *why;
    }
  }
};

TEST_F(HangingStorage, EndsARunWithinItsBudgetAndSaysWhatHung) {
  const auto steps = {"wg-locks.db", "wg-wal-0.db-wal"};
  for (const char* const step : steps) {
    Bed bed;
    const std::filesystem::path backing = bed.directory("backing");
    const std::filesystem::path mounted = bed.directory("mounted");
    Program daemon({"bindfs", "-f", backing, mounted});
    bed.await_mount(mounted, "bindfs");

    const auto start = std::chrono::steady_clock::now();
    Program probe({WALGUARD_PREFLIGHT_BINARY, "run", mounted});
    ASSERT_TRUE(eventually([&] { return probe_has_made(backing, step); })) << probe.out();
    const std::vector<pid_t> family = probe.family();
    daemon.signal(SIGSTOP);
    EXPECT_EQ(probe.wait(std::chrono::seconds(100)), 1) << step << "\n" << probe.out() << probe.err();
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, std::chrono::seconds(60)) << step;
    EXPECT_THAT(probe.out(), HasSubstr("hung")) << step;

    // A process inside a call to a filesystem that stands still cannot be killed; it goes when the call
    // returns.
    daemon.signal(SIGCONT);
    EXPECT_TRUE(eventually([&] { return std::none_of(family.begin(), family.end(), is_alive); })) << step;
    Program next({WALGUARD_PREFLIGHT_BINARY, "run", mounted});
    EXPECT_EQ(next.wait(std::chrono::seconds(60)), 0) << next.out();
    EXPECT_TRUE(std::filesystem::is_empty(backing)) << step;
  }
}

}  // namespace
}  // namespace walguard::testbeds
