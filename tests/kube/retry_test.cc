#include "operator/kube/retry.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "operator/kube/api_error.h"
#include "operator/kube/backoff.h"

namespace walguard::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ApiError status(int code, std::optional<seconds> retry_after = std::nullopt) {
  ApiError error;
  error.code = code;
  error.retry_after = retry_after;
  return error;
}

TEST(Retry, AServerThatAsksForPatienceGetsIt) {
  EXPECT_EQ(wait_before_retry({}, status(429, seconds(2)), 1, milliseconds(0)), seconds(2));
  EXPECT_EQ(wait_before_retry({}, status(503, seconds(1)), 1, milliseconds(0)), seconds(1));
  EXPECT_EQ(wait_before_retry({}, status(429), 1, milliseconds(0)), seconds(1));
}

TEST(Retry, WhatMayHaveBeenDoneIsNotSentAgain) {
  EXPECT_EQ(wait_before_retry({}, status(500), 1, milliseconds(0)), std::nullopt);
  EXPECT_EQ(wait_before_retry({}, status(409, seconds(1)), 1, milliseconds(0)), std::nullopt);
  ApiError cut = status(0, seconds(1));
  cut.kind = ApiError::Kind::kCut;
  EXPECT_EQ(wait_before_retry({}, cut, 1, milliseconds(0)), std::nullopt);
}

TEST(Retry, PatienceIsBoundedInNumberInOneWaitAndInAll) {
  const RetryPolicy policy{3, seconds(10), seconds(15), seconds(1)};
  EXPECT_EQ(wait_before_retry(policy, status(429, seconds(3600)), 1, milliseconds(0)), seconds(10));
  EXPECT_EQ(wait_before_retry(policy, status(429, seconds(3600)), 2, seconds(10)), std::nullopt);
  EXPECT_EQ(wait_before_retry(policy, status(429), 3, milliseconds(0)), std::nullopt);
}

TEST(Backoff, ItDoublesUpToItsEndAndChanceTakesUpToHalf) {
  const Backoff backoff{milliseconds(100), milliseconds(1000)};
  EXPECT_EQ(backoff_wait(backoff, 0, 0.9), milliseconds(0));
  EXPECT_EQ(backoff_wait(backoff, 1, 0), milliseconds(50));
  EXPECT_EQ(backoff_wait(backoff, 3, 0), milliseconds(200));
  EXPECT_EQ(backoff_wait(backoff, 3, 0.5), milliseconds(300));
  EXPECT_EQ(backoff_wait(backoff, 5, 0), milliseconds(500));
  EXPECT_EQ(backoff_wait(backoff, 1'000'000, 0), milliseconds(500)) << "no overflow after days of failures";
}

}  // namespace
}  // namespace walguard::kube
