#include "operator/server/timely_calls.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace walguard::server {
namespace {

using std::chrono::milliseconds;
using walguard::testing::eventually;

// Waits that a test has to see the end of are short, those that must not end by themselves long.
constexpr milliseconds kShort{20};
constexpr milliseconds kLong{60'000};

/// A call that hangs until it is let go.
class Hanging {
 public:
  Hanging() : released_(release_.get_future().share()) {}
  Hanging(const Hanging&) = delete;
  Hanging& operator=(const Hanging&) = delete;
  ~Hanging() { let_go(); }

  [[nodiscard]] std::function<void()> work() const {
    return [released = released_] { released.wait(); };
  }
  void let_go() {
    if (!std::exchange(gone_, true)) release_.set_value();
  }

 private:
  std::promise<void> release_;
  std::shared_future<void> released_;
  bool gone_ = false;
};

TEST(TimelyCalls, RunsWhatItIsGivenOnAThreadOfItsOwn) {
  TimelyCalls calls({.threads = 1, .patience = kLong});
  std::thread::id ran_on;
  EXPECT_EQ(calls.run([&] { ran_on = std::this_thread::get_id(); }), CallEnd::kDone);
  EXPECT_NE(ran_on, std::thread::id());
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST(TimelyCalls, WhatACallThrowsIsThrownToItsCallerAndTheThreadServesOn) {
  TimelyCalls calls({.threads = 1, .patience = kLong});
  EXPECT_THROW((void)calls.run([] { throw std::runtime_error("x"); }), std::runtime_error);
  EXPECT_EQ(calls.run([] {}), CallEnd::kDone);
}

TEST(TimelyCalls, ACallThatHangsIsLateAndTheOthersGoOn) {
  Hanging hanging;
  TimelyCalls calls({.threads = 2, .patience = kShort, .patience_while_stuck = kLong});
  EXPECT_EQ(calls.run(hanging.work()), CallEnd::kLate);
  EXPECT_EQ(calls.stuck(), 1U);
  EXPECT_EQ(calls.run([] {}), CallEnd::kDone);
}

TEST(TimelyCalls, WhileOneHangsTheNextWaitsForLess) {
  Hanging hanging;
  TimelyCalls calls({.threads = 2, .patience = kShort, .patience_while_stuck = milliseconds(1)});
  ASSERT_EQ(calls.run(hanging.work()), CallEnd::kLate);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(calls.run(hanging.work()), CallEnd::kLate);
  EXPECT_EQ(calls.stuck(), 2U);
  // Not asserted to be shorter than kShort: a busy machine may take any time. That it ended is what counts.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLong);
}

TEST(TimelyCalls, WithEveryThreadHangingItSaysSoAtOnceAndRecoversWhenOneReturns) {
  Hanging hanging;
  TimelyCalls calls({.threads = 1, .patience = kShort, .patience_while_stuck = kLong});
  ASSERT_EQ(calls.run(hanging.work()), CallEnd::kLate);
  bool begun = false;
  EXPECT_EQ(calls.run([&] { begun = true; }), CallEnd::kFull);
  EXPECT_FALSE(begun);
  hanging.let_go();
  ASSERT_TRUE(eventually([&] { return calls.stuck() == 0; }));
  EXPECT_EQ(calls.run([&] { begun = true; }), CallEnd::kDone);
  EXPECT_TRUE(begun);
}

TEST(TimelyCalls, WorkThatNobodyWaitsForAnyMoreIsNotBegun) {
  Hanging hanging;
  TimelyCalls calls({.threads = 1, .patience = kShort, .patience_while_stuck = kShort});
  std::atomic<bool> begun = false;
  std::promise<void> running;
  std::thread first([&] {
    (void)calls.run([&, work = hanging.work()] {
      running.set_value();
      work();
    });
  });
  running.get_future().wait();
  EXPECT_NE(calls.run([&] { begun = true; }), CallEnd::kDone);
  first.join();
  hanging.let_go();
  EXPECT_TRUE(eventually([&] { return calls.run([] {}) == CallEnd::kDone; }));
  EXPECT_FALSE(begun);
}

TEST(TimelyCalls, ManyCallersAtOnceAreAllServed) {
  TimelyCalls calls({.threads = 2, .patience = kLong});
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  callers.reserve(16);
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        if (calls.run([] {}) == CallEnd::kDone) ++done;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 16 * 50);
}

TEST(TimelyCalls, StopSaysWhetherACallWasLeftBehindAndTakesNoMore) {
  TimelyCalls idle({.threads = 2, .patience = kLong});
  EXPECT_TRUE(idle.stop());
  EXPECT_EQ(idle.run([] {}), CallEnd::kFull);

  Hanging hanging;
  TimelyCalls stuck({.threads = 2, .patience = kShort});
  ASSERT_EQ(stuck.run(hanging.work()), CallEnd::kLate);
  EXPECT_FALSE(stuck.stop());
}

}  // namespace
}  // namespace walguard::server
