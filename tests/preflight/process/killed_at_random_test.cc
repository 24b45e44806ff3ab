// SIGKILL at any moment, two hundred times: no process stays, and the next run takes away what was left on
// the storage.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include "tests/preflight/process/program.h"

namespace walguard::testing_support {
namespace {

constexpr int kParts = 8;
constexpr int kKillsInAPart = 25;
constexpr double kLatestSeconds = 1.2;  // most kills come far earlier, when a run makes and finds its folder

class KilledAtRandom : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const std::random_device::result_type seed = std::random_device()();
    random_.seed(seed);
    RecordProperty("seed", std::to_string(seed));
    (void)std::printf("seed %u\n", seed);
  }

  std::unique_ptr<Program> start() {
    const std::vector<std::string> strategies = {"wal", "wal-exclusive", "rollback"};
    return std::make_unique<Program>(
        std::vector<std::string>{WALGUARD_PREFLIGHT_BINARY, "run", dir_.path(), "--strategy",
                                 strategies.at(random_() % strategies.size())},
        std::vector<std::string>{mark_});
  }

  void let_it_get_somewhere() {
    const double part = std::uniform_real_distribution<double>(0, 1)(random_);
    std::this_thread::sleep_for(std::chrono::duration<double>(kLatestSeconds * part * part));
  }

  // The conductor every other time, else an agent or a worker.
  // NOLINTNEXTLINE(misc-include-cleaner): pid_t is of sys/types.h
  pid_t choose(const std::vector<pid_t>& family) {
    if (family.size() == 1 || random_() % 2 == 0) return family.front();
    return family.at(1 + random_() % (family.size() - 1));
  }

  void expect_the_rest_to_end(Program& probe, bool conductor_was_killed) {
    const auto exit_code = probe.wait();
    if (conductor_was_killed) {
      EXPECT_THAT(exit_code, ::testing::AnyOf(128 + SIGKILL, 0)) << "killed, or already done";
    } else {
      EXPECT_NE(exit_code, std::nullopt) << "it hangs";
    }
    EXPECT_TRUE(eventually([this] { return processes_with(mark_).empty(); })) << "an orphan lives on";
  }

  void expect_it_takes_away(const std::filesystem::path& leftover, Program& next) {
    EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(leftover) || !next.running(); }));
    EXPECT_FALSE(std::filesystem::exists(leftover)) << next.out() << next.err();
  }

  TemporaryDirectory dir_;
  std::mt19937 random_;
  const std::string mark_ = "WALGUARD_TEST_MARK=" + dir_.path().filename().string();
};

TEST_P(KilledAtRandom, LeavesNoProcessAndTheNextRunLeavesNothing) {
  std::optional<std::filesystem::path> leftover;
  int children_killed = 0;
  int left_all_the_same = 0;
  for (int i = 0; i < kKillsInAPart; ++i) {
    const auto probe = start();
    if (leftover) expect_it_takes_away(*leftover, *probe);
    let_it_get_somewhere();
    const pid_t victim = choose(probe->family());
    ::kill(victim, SIGKILL);
    expect_the_rest_to_end(*probe, victim == probe->pid());
    leftover = probe_folder(dir_.path());
    if (victim != probe->pid()) {
      ++children_killed;
      if (leftover) ++left_all_the_same;
    }
    ASSERT_FALSE(HasFailure()) << "at kill " << i;
  }
  // A conductor that lost a child cleans up. Only a worker that outlived its agent by a moment may have made
  // something after that.
  EXPECT_LE(2 * left_all_the_same, children_killed);
  const auto last = start();
  EXPECT_EQ(last->wait(), 0) << last->out() << last->err();
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

INSTANTIATE_TEST_SUITE_P(InParts, KilledAtRandom, ::testing::Range(0, kParts));

}  // namespace
}  // namespace walguard::testing_support
