#include "preflight/checks/steps.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"
#include "preflight/report/grade.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(Percentiles, AreNamedForThePlotsAndTakenFromTheSortedSamples) {
  std::vector<double> samples;
  for (int i = 100; i >= 0; --i) samples.push_back(i);
  Numbers numbers;
  add_percentiles(numbers, "fsync", samples);
  EXPECT_THAT(numbers, UnorderedElementsAre(Pair("fsync_p50_seconds", 50), Pair("fsync_p90_seconds", 90),
                                            Pair("fsync_p99_seconds", 99), Pair("fsync_max_seconds", 100)));
}

TEST(Percentiles, OfNothingAreLeftOut) {
  Numbers numbers;
  add_percentiles(numbers, "fsync", {});
  EXPECT_THAT(numbers, IsEmpty());
}

TEST(Percentiles, OfOneSampleAreThatSample) {
  Numbers numbers;
  add_percentiles(numbers, "fsync", {3});
  EXPECT_EQ(numbers["fsync_p50_seconds"], 3);
  EXPECT_EQ(numbers["fsync_max_seconds"], 3);
}

TEST(Outcomes, BlameTheStorageForItsErrorsAndNobodyForAFullDisk) {
  const auto outcome = [](Failure::Kind kind, const char* error) {
    return outcome_of({kind, "what", error}).result;
  };
  for (const char* const error : {"EIO", "ENOLCK", "ESTALE", "ENODEV", "ENOTCONN"}) {
    EXPECT_EQ(outcome(Failure::Kind::kRefused, error), report::CheckResult::kFail) << error;
  }
  for (const char* const error : {"ENOSPC", "EDQUOT", "EROFS", "ENOMEM", "EMFILE", "ENFILE"}) {
    EXPECT_EQ(outcome(Failure::Kind::kRefused, error), report::CheckResult::kNotRun) << error;
  }
  EXPECT_EQ(outcome(Failure::Kind::kDied, "SIGBUS"), report::CheckResult::kFail);
  EXPECT_EQ(outcome(Failure::Kind::kHung, ""), report::CheckResult::kFail);
  EXPECT_EQ(outcome(Failure::Kind::kLost, "SIGKILL"), report::CheckResult::kNotRun);
  EXPECT_EQ(outcome(Failure::Kind::kOutOfTime, ""), report::CheckResult::kNotRun);
}

TEST(AllChecks, AreEachNeededBySomeStrategy) {
  for (const CheckDefinition& check : all_checks()) {
    EXPECT_EQ(std::ranges::count(report::needs(), check.id, &report::Need::check), 1) << check.id;
  }
}

}  // namespace
}  // namespace walguard::preflight
