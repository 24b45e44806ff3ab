#include "operator/kube/reflector_plan.h"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "operator/kube/api_error.h"

namespace walguard::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using What = ReflectorStep::What;

const ReflectorPolicy kPolicy{{milliseconds(100), milliseconds(10'000)}, milliseconds(1'000), 3};

ApiError status(int code, std::optional<seconds> retry_after = std::nullopt) {
  ApiError error;
  error.code = code;
  error.retry_after = retry_after;
  return error;
}

ApiError failure(ApiError::Kind kind) {
  ApiError error;
  error.kind = kind;
  return error;
}

ReflectorState listed_at(const std::string& version) { return after_list({}, version); }

ReflectorState watch_failed(const ReflectorState& state, const ApiError& error,
                            const std::string& last = "") {
  return after_watch(kPolicy, state, {error, last, milliseconds(0)});
}

ReflectorStep next(const ReflectorState& state) { return next_step(kPolicy, state, 0); }

TEST(ReflectorPlan, ItBeginsWithAListAtOnce) {
  EXPECT_EQ(next({}).what, What::kList);
  EXPECT_EQ(next({}).wait, milliseconds(0));
}

TEST(ReflectorPlan, AListIsFollowedByAWatchFromItsVersion) {
  const ReflectorState state = listed_at("7");
  EXPECT_EQ(next(state).what, What::kWatch);
  EXPECT_EQ(next(state).wait, milliseconds(0));
  EXPECT_EQ(state.resource_version, "7");
}

TEST(ReflectorPlan, ListsThatFailAreTriedAgainEverMoreSlowly) {
  ReflectorState state = after_list({}, tl::unexpected(status(500)));
  EXPECT_EQ(next(state).what, What::kList);
  EXPECT_EQ(next(state).wait, milliseconds(50));
  state = after_list(state, tl::unexpected(failure(ApiError::Kind::kUnreachable)));
  EXPECT_EQ(next(state).wait, milliseconds(100));
  EXPECT_EQ(next(after_list(state, "8")).wait, milliseconds(0)) << "a success forgets the failures";
}

TEST(ReflectorPlan, AWatchThatEndsInGoodOrderGoesOnWhereItWas) {
  const ReflectorState quiet = after_watch(kPolicy, listed_at("7"), {std::nullopt, "", seconds(300)});
  EXPECT_EQ(next(quiet).what, What::kWatch);
  EXPECT_EQ(next(quiet).wait, milliseconds(0));
  EXPECT_EQ(quiet.resource_version, "7");
  const ReflectorState busy = after_watch(kPolicy, listed_at("7"), {std::nullopt, "9", milliseconds(1)});
  EXPECT_EQ(next(busy).wait, milliseconds(0));
  EXPECT_EQ(busy.resource_version, "9");
}

TEST(ReflectorPlan, AServerThatEndsEachWatchAtOnceIsNotAskedWithoutPause) {
  const ReflectorState state = after_watch(kPolicy, listed_at("7"), {std::nullopt, "", milliseconds(1)});
  EXPECT_EQ(next(state).what, What::kWatch);
  EXPECT_GT(next(state).wait, milliseconds(0));
}

TEST(ReflectorPlan, ACutWatchGoesOnFromItsLastEventAfterAPause) {
  for (const auto kind : {ApiError::Kind::kCut, ApiError::Kind::kSilent, ApiError::Kind::kUnreachable}) {
    const ReflectorState state = watch_failed(listed_at("7"), failure(kind), "9");
    EXPECT_EQ(next(state).what, What::kWatch);
    EXPECT_EQ(next(state).wait, milliseconds(50));
    EXPECT_EQ(state.resource_version, "9");
  }
}

TEST(ReflectorPlan, AnExpiredVersionLeadsToAListEvenAfterEvents) {
  const ReflectorState state = watch_failed(listed_at("7"), status(410), "9");
  EXPECT_EQ(next(state).what, What::kList);
  EXPECT_GT(next(state).wait, milliseconds(0))
      << "else a server that says so each time is asked without pause";
}

TEST(ReflectorPlan, AnEventThatWasLostLeadsToAList) {
  EXPECT_EQ(next(watch_failed(listed_at("7"), failure(ApiError::Kind::kMalformed), "9")).what, What::kList);
  EXPECT_EQ(next(watch_failed(listed_at("7"), failure(ApiError::Kind::kTooLarge), "9")).what, What::kList);
}

TEST(ReflectorPlan, WhatRightsOrLoadRefuseTodayMayPassTomorrowFromTheSamePlace) {
  for (const int code : {401, 403, 408, 429, 500, 503}) {
    EXPECT_EQ(next(watch_failed(listed_at("7"), status(code))).what, What::kWatch) << code;
  }
  for (const int code : {400, 404, 410, 422}) {
    EXPECT_EQ(next(watch_failed(listed_at("7"), status(code))).what, What::kList) << code;
  }
}

TEST(ReflectorPlan, WatchesThatKeepFailingWithoutAnEventLeadToAList) {
  ReflectorState state = listed_at("7");
  for (int i = 0; i < 2; ++i) state = watch_failed(state, status(504));
  EXPECT_EQ(next(state).what, What::kWatch);
  state = watch_failed(state, status(504));
  EXPECT_EQ(next(state).what, What::kList);
  EXPECT_EQ(next(state).wait, milliseconds(200)) << "the pauses go on growing";
}

TEST(ReflectorPlan, WatchesThatFailAfterAnEventEachNeverDo) {
  ReflectorState state = listed_at("7");
  for (int i = 0; i < 10; ++i) state = watch_failed(state, failure(ApiError::Kind::kCut), "9");
  EXPECT_EQ(next(state).what, What::kWatch);
  EXPECT_EQ(next(state).wait, milliseconds(50));
}

TEST(ReflectorPlan, TheServersRetryAfterIsObeyedWithinABound) {
  EXPECT_EQ(next(watch_failed(listed_at("7"), status(429, seconds(5)))).wait, seconds(5));
  EXPECT_EQ(next(watch_failed(listed_at("7"), status(429, seconds(3600)))).wait, seconds(10));
  const ReflectorState later =
      watch_failed(watch_failed(listed_at("7"), status(429, seconds(5))), status(500));
  EXPECT_EQ(next(later).wait, milliseconds(100)) << "said once, it holds once";
}

}  // namespace
}  // namespace walguard::kube
