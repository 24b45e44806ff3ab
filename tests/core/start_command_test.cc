// The time that reading a start takes: whoever may make a pod must not be able to hold the webhook with one.
// Each input here would take minutes if its work grew with the square of its size.
#include "operator/core/start_command.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

using State = Environment::State;

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

void set(Launch& launch, std::string name, std::string value) {
  EnvironmentVariable variable;
  variable.name = std::move(name);
  variable.value = std::move(value);
  launch.environment.push_back(std::move(variable));
}

TEST(StartCommand, ReferencesThatNeverEndAreReadOnce) {
  Launch launch;
  for (int i = 0; i < 1000; ++i) set(launch, "V" + std::to_string(i), repeated("$(", 8190) + ")");
  for (int i = 0; i < 50; ++i) {
    const Environment environment(launch);
    EXPECT_EQ(environment.find("V0").state, State::kSet);
    EXPECT_EQ(environment.filled_in(repeated("$(", 2000000)).size(), 16385U);
  }
}

TEST(StartCommand, AScriptThatAsksForOneVariableManyTimesFillsItInOnce) {
  Launch launch;
  set(launch, "A", repeated("$(", 8190) + ")");
  launch.command = {"sh", "-c", repeated("$A", 8000)};
  for (int i = 0; i < 50; ++i) {
    const Environment environment(launch);
    EXPECT_FALSE(command_lines(launch, environment).empty());
  }
}

TEST(StartCommand, VariablesThatGrowByReferenceStayBounded) {
  Launch launch;
  set(launch, "A", std::string(16000, 'x'));
  for (int i = 0; i < 900; ++i) set(launch, "V" + std::to_string(i), "$(A)");
  for (int i = 0; i < 10000; ++i) launch.args.emplace_back("$(A)");
  launch.command = {"sh", "-c", repeated("$A;", 5000)};
  const Environment environment(launch);
  std::size_t bytes = 0;
  for (const CommandWords& line : command_lines(launch, environment)) {
    for (const std::string& word : line) bytes += word.size();
  }
  EXPECT_LT(bytes, 1000000U);
}

TEST(StartCommand, OfTooManyVariablesTheLastAreReadAndAllOthersMayBeSet) {
  Launch launch;
  set(launch, "FIRST", "1");
  for (int i = 0; i < 1000; ++i) set(launch, "V" + std::to_string(i), "x");
  set(launch, "LAST", "2");
  const Environment environment(launch);
  EXPECT_EQ(environment.find("LAST").value, "2");
  EXPECT_EQ(environment.find("FIRST").state, State::kMaybe);
}

TEST(StartCommand, WhatIsNotInViewStandsForAnyText) {
  Launch launch;
  EnvironmentVariable secret;
  secret.name = "SECRET";
  secret.in_view = false;
  launch.environment.push_back(secret);
  set(launch, "PATH_OF", "/data/$(SECRET)/x.db");
  const Environment environment(launch);
  EXPECT_EQ(environment.find("PATH_OF").value, "/data/*/x.db");
  EXPECT_EQ(environment.filled_in("$(ABSENT) $$(SECRET) $ $("), "$(ABSENT) $(SECRET) $ $(");
}

}  // namespace
}  // namespace walguard::core
