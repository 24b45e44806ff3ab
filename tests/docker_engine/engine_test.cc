// How the engine itself treats requests that are not written as its own command writes them, and what an
// authorization plugin sees of them. Each is a way around a plugin that reads requests carelessly:
// ways_around_test.cc asks walguard about the same ones.
#include "tests/docker_engine/engine.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/docker_engine/engine_fixture.h"
#include "tests/docker_engine/machine.h"
#include "tests/docker_engine/stub_plugin.h"

namespace walguard::docker_engine {
namespace {

using Json = nlohmann::json;

class EngineWithStub : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (machine_ == nullptr) return;
    stub_ = std::make_unique<StubPlugin>(*machine_, "stub");
    engine_->set_plugins({"stub"});
    engine_->start();
    engine_->load_image();
  }
  void TearDown() override {
    EngineTest::TearDown();
    stub_.reset();
  }

  /// The last request that created a container, as the plugin saw it.
  [[nodiscard]] ShownRequest last_create() const {
    const auto shown = stub_->shown("create");
    return shown.empty() ? ShownRequest{} : shown.back();
  }
  /// The binds of the container that this request has made; what was wrong where it has made none.
  [[nodiscard]] Json binds_after(const ApiRequest& request) {
    const ApiAnswer answer = engine().api(request);
    if (answer.status != 201) return std::to_string(answer.status) + " " + answer.body;
    return inspect(Json::parse(answer.body).at("Id")).at("HostConfig").at("Binds");
  }
  /// That the engine obeys a body, and that the plugin is shown it byte for byte.
  void expect_obeyed_and_shown(const std::string& body) {
    EXPECT_EQ(binds_after({.method = "POST", .path = kCreate, .body = body}), Json({"/srv:/data"})) << body;
    EXPECT_EQ(last_create().body, body);
  }

  std::unique_ptr<StubPlugin> stub_;
};

std::string plain_body() {
  return Json{{"Image", kImage}, {"HostConfig", {{"Binds", {"/srv:/data"}}}}}.dump();
}

TEST_F(EngineWithStub, RunsAContainerOnANamedVolumeAndLeavesTheMachineAlone) {
  const CommandResult ran = docker({"run", "--rm", "--network", "none", "--volume", "data:/data", kImage,
                                    "wal_app", "write", "/data/app.db", "1", "1", "3"});
  EXPECT_EQ(ran.output, "3 acknowledged\n") << ran.errors;
  EXPECT_EQ(inspect("data").at("Mountpoint"), "/var/lib/docker/volumes/data/_data");
  EXPECT_EQ(stub_->shown("/start").size(), 1U);
  const std::string mounts = run_here({"cat", "/proc/self/mounts"}).output;
  EXPECT_EQ(mounts.find("/var/lib/docker"), std::string::npos) << mounts;
}

TEST_F(EngineWithStub, ObeysKeysInAnotherCaseAndShowsThemAsTheyAre) {
  expect_obeyed_and_shown(std::string(R"({"image":")") + kImage +
                          R"(","hostconfig":{"binds":["/srv:/data"]}})");
  // Go folds two letters of Unicode into ASCII: U+017F is an s, U+212A a k.
  expect_obeyed_and_shown(std::string(R"({"Image":")") + kImage +
                          "\",\"Ho\u017ftConfig\":{\"Bind\u017f\":[\"/srv:/data\"]}}");
}

TEST_F(EngineWithStub, MergesKeysThatComeTwiceAndShowsBoth) {
  expect_obeyed_and_shown(std::string(R"({"Image":")") + kImage +
                          R"(","HostConfig":{"Binds":["/srv:/data"]},"HostConfig":{"Memory":16777216}})");
}

TEST_F(EngineWithStub, ObeysABodyOfMoreThanOneMebibyteAndShowsNone) {
  Json body = Json::parse(plain_body());
  body["Labels"]["filler"] = std::string(std::size_t{1} << 20U, 'x');
  EXPECT_EQ(binds_after({.method = "POST", .path = kCreate, .body = body.dump()}), Json({"/srv:/data"}));
  EXPECT_EQ(last_create().body.value_or(""), "");
}

TEST_F(EngineWithStub, ShowsABodyByItsContentType) {
  struct Case {
    std::string content_type;
    bool obeyed;
    bool shown;
  };
  const std::vector<Case> cases = {{"application/json", true, true},
                                   {"application/json; charset=utf-8", true, true},
                                   {"Application/JSON", true, true},
                                   {"application/json;", true, true},
                                   {"application/json; =", false, false},
                                   {"text/plain", false, false},
                                   {"", false, false}};
  for (const Case& c : cases) {
    const Json binds = binds_after(
        {.method = "POST", .path = kCreate, .body = plain_body(), .content_type = c.content_type});
    EXPECT_EQ(binds == Json({"/srv:/data"}), c.obeyed) << c.content_type << ": " << binds;
    EXPECT_EQ(last_create().body.value_or("") == plain_body(), c.shown) << c.content_type;
  }
}

TEST_F(EngineWithStub, ObeysABodyWhoseLengthIsNotAnnounced) {
  EXPECT_EQ(binds_after({.method = "POST", .path = kCreate, .body = plain_body(), .chunked = true}),
            Json({"/srv:/data"}));
  EXPECT_EQ(last_create().body.value_or(""), plain_body());
}

TEST_F(EngineWithStub, TakesThePercentEncodingOutOfAPathAndShowsItAsItWasWritten) {
  EXPECT_EQ(binds_after({.method = "POST", .path = "/v1.41/containers/%63reate", .body = plain_body()}),
            Json({"/srv:/data"}));
  EXPECT_EQ(stub_->shown("/v1.41/containers/%63reate").size(), 1U);
  const ApiAnswer twice =
      engine().api({.method = "POST", .path = "//v1.41//containers/create", .body = plain_body()});
  EXPECT_EQ(twice.status, 301) << twice.body;
}

TEST_F(EngineWithStub, TakesAHostConfigAtTheStartOfAContainerBeforeApi124) {
  const ApiAnswer made =
      engine().api({.method = "POST",
                    .path = "/v1.23/containers/create?name=late",
                    .body = Json{{"Image", kImage}, {"Cmd", {"wal_app", "hold", "/data/a.db"}}}.dump()});
  ASSERT_EQ(made.status, 201) << made.body;
  const ApiAnswer started = engine().api({.method = "POST",
                                          .path = "/v1.23/containers/late/start",
                                          .body = R"({"Binds":["/srv:/data"],"NetworkMode":"none"})"});
  EXPECT_EQ(started.status, 204) << started.body;
  EXPECT_EQ(inspect("late").at("HostConfig").at("Binds"), Json({"/srv:/data"}));
}

}  // namespace
}  // namespace walguard::docker_engine
