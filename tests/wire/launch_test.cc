// How containers are started: images, words and variables; and what is never read of them.
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/workload.h"
#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using core::EnvironmentVariable;
using test::Json;
using test::pod_of;
using test::review_of;
using test::workload_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

core::Launch launch_of(Json container) {
  return pod_of({{"containers", Json::array({std::move(container)})}}).containers.at(0).launch;
}

TEST(Launch, ImageCommandAndArgumentsAreRead) {
  const core::Launch launch =
      launch_of({{"image", "example/app:1"}, {"command", {"sh", "-c"}}, {"args", {"app"}}});
  EXPECT_EQ(launch.image, "example/app:1");
  EXPECT_THAT(launch.command, ElementsAre("sh", "-c"));
  EXPECT_THAT(launch.args, ElementsAre("app"));
  EXPECT_THAT(launch.environment, IsEmpty());
}

TEST(Launch, OfAConfigMapItIsKnownWhereTheValueStands) {
  const auto variables =
      launch_of(
          {{"env", Json::array({{{"name", "A"}, {"value", "1"}},
                                {{"name", "B"}},
                                {{"name", "C"},
                                 {"valueFrom", {{"configMapKeyRef", {{"name", "m"}, {"key", "k"}}}}}}})},
           {"envFrom", Json::array({{{"prefix", "P_"}, {"configMapRef", {{"name", "all"}}}}})}})
          .environment;
  ASSERT_EQ(variables.size(), 4U);
  EXPECT_TRUE(variables[0].is_source) << "env goes before envFrom, so it comes later";
  EXPECT_EQ(variables[0].name, "P_");
  EXPECT_EQ(variables[0].config_map, "all");
  EXPECT_EQ(variables[1].value, "1");
  EXPECT_TRUE(variables[1].in_view);
  EXPECT_TRUE(variables[2].in_view);
  EXPECT_FALSE(variables[3].in_view);
  EXPECT_EQ(variables[3].config_map, "m");
  EXPECT_EQ(variables[3].config_key, "k");
}

TEST(Launch, OfASecretNothingIsReadButThatThereIsOne) {
  const auto variables =
      launch_of(
          {{"env", Json::array({{{"name", "A"},
                                 {"valueFrom", {{"secretKeyRef", {{"name", "vault"}, {"key", "password"}}}}}},
                                {{"name", "N"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "x"}}}}}}})},
           {"envFrom", Json::array({{{"secretRef", {{"name", "vault"}}}}})}})
          .environment;
  ASSERT_EQ(variables.size(), 3U);
  for (const EnvironmentVariable& variable : variables) {
    EXPECT_FALSE(variable.in_view);
    EXPECT_EQ(variable.config_map + variable.config_key + variable.value, "");
  }
  EXPECT_TRUE(variables[0].is_source);
}

TEST(Launch, WhatIsNoTextIsPassedOver) {
  const core::Launch launch = launch_of(
      {{"args", Json::array({"--port", 8080, "--db"})},
       {"env", Json::array({{{"name", "A"}, {"value", 5}}, {{"name", "B"}, {"value", Json::object()}}})}});
  EXPECT_THAT(launch.args, ElementsAre("--port", "--db"));
  ASSERT_EQ(launch.environment.size(), 2U);
  EXPECT_FALSE(launch.environment[0].in_view);
  EXPECT_FALSE(launch.environment[1].in_view);
}

TEST(Launch, TheAnnotationOfTheSQLiteVersionIsRead) {
  const auto workload = workload_of(review_of(test::pod(
      {{"containers", Json::array()}}, {{"annotations", {{"walguard/sqlite-version", "3.46.1"}}}})));
  EXPECT_EQ(workload.annotations.sqlite_version, "3.46.1");
}

}  // namespace
}  // namespace walguard::wire
