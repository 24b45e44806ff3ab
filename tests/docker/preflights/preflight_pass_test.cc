#include "operator/docker/preflight_pass.h"

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_request.h"

namespace walguard::docker {
namespace {

wire::CreateContainer create(const std::string& name) {
  wire::CreateContainer request;
  request.container.name = name;
  request.container.state = wire::DockerContainer::State::kWanted;
  return request;
}

std::shared_ptr<const EngineSnapshot> snapshot_with(const std::string& id, const std::string& name) {
  EngineSnapshot snapshot;
  KnownContainer known;
  known.container.id = id;
  known.container.name = name;
  snapshot.containers[id] = std::make_shared<const KnownContainer>(std::move(known));
  return std::make_shared<const EngineSnapshot>(std::move(snapshot));
}

TEST(PreflightPass, ACreateUnderAnIssuedNameIsOursOnceAndNeverAgain) {
  PreflightPass pass;
  const std::string name = pass.issue();
  EXPECT_THAT(name, ::testing::MatchesRegex("walguard-preflight-[0-9a-f]{32}"));
  EXPECT_TRUE(pass.takes(create(name)));
  EXPECT_FALSE(pass.takes(create(name))) << "whoever reads the name must not be let through by it";
}

TEST(PreflightPass, NamesDifferAndAreWorthNothingOnceWithdrawn) {
  PreflightPass pass;
  const std::string name = pass.issue();
  EXPECT_NE(name, pass.issue());
  pass.withdraw(name);
  EXPECT_FALSE(pass.takes(create(name)));
}

TEST(PreflightPass, ANameThatLooksLikeOursOrNoneAtAllIsNotOurs) {
  PreflightPass pass;
  (void)pass.issue();
  EXPECT_FALSE(pass.takes(create("walguard-preflight-00000000000000000000000000000000")));
  EXPECT_FALSE(pass.takes(create("")));
}

TEST(PreflightPass, AStartIsOursByTheIdThatTheEngineGaveAndOnceAlone) {
  PreflightPass pass;
  pass.made("abc");
  EXPECT_FALSE(pass.takes(wire::StartContainer{.container = "ab"}));
  EXPECT_TRUE(pass.takes(wire::StartContainer{.container = "abc"}));
  EXPECT_FALSE(pass.takes(wire::StartContainer{.container = "abc"}));
  pass.made("def");
  pass.close("def");
  EXPECT_FALSE(pass.takes(wire::StartContainer{.container = "def"}));
}

TEST(PreflightPass, NothingButCreateAndStartIsEverOurs) {
  PreflightPass pass;
  wire::CreateVolume volume;
  volume.volume.name = pass.issue();
  EXPECT_FALSE(pass.takes(volume));
}

TEST(PreflightPass, OurContainersAreNoConsumersFromTheirCreateUntilTheEngineHasForgottenThem) {
  PreflightPass pass;
  const std::string name = pass.issue();
  ASSERT_TRUE(pass.takes(create(name)));
  const auto seen_early = snapshot_with("abc", name);
  EXPECT_TRUE(pass.without_own(seen_early)->containers.empty()) << "its event may come before its id";
  pass.made("abc");
  pass.withdraw(name);
  pass.close("abc");
  EXPECT_TRUE(pass.without_own(seen_early)->containers.empty()) << "its end may be told late";
}

TEST(PreflightPass, AContainerThatTakesANameOfOursBeforeOrAfterUsIsAConsumerAsAnyOther) {
  PreflightPass pass;
  const std::string name = pass.issue();
  const auto other = snapshot_with("xyz", name);
  EXPECT_EQ(pass.without_own(other), other);
  ASSERT_TRUE(pass.takes(create(name)));
  pass.withdraw(name);
  EXPECT_EQ(pass.without_own(other), other);
}

}  // namespace
}  // namespace walguard::docker
