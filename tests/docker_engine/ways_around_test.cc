// Each known way around an authorization plugin: requests that the engine obeys (engine_test.cc shows it)
// and that a careless reader would judge otherwise, or not at all. walguard refuses them and says why.
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/engine_fixture.h"

namespace walguard::docker_engine {
namespace {

using Json = nlohmann::json;

const std::vector<std::string> kNfsOptions = {"--opt", "type=nfs",       "--opt", "o=addr=127.0.0.1,rw",
                                              "--opt", "device=:/export"};

Json nfs_options() { return {{"type", "nfs"}, {"o", "addr=127.0.0.1,rw"}, {"device", ":/export"}}; }

/// `docker volume create` of a volume on NFS.
std::vector<std::string> create_nfs_volume(const std::string& name) {
  std::vector<std::string> words = {"volume", "create"};
  words.insert(words.end(), kNfsOptions.begin(), kNfsOptions.end());
  words.push_back(name);
  return words;
}

class WaysAround : public PluginTest {
 protected:
  [[nodiscard]] ApiAnswer create(const std::string& body) {
    return engine().api({.method = "POST", .path = kCreate, .body = body});
  }
  /// Behind each request that was refused: no container has been made.
  void TearDown() override {
    if (machine_ != nullptr && !makes_containers_) {
      EXPECT_EQ(docker({"ps", "--all", "--quiet"}).output, "");
    }
    PluginTest::TearDown();
  }
  bool makes_containers_ = false;  ///< the test itself does, beside what it has refused
};

TEST_F(WaysAround, ABodyOfMoreThanOneMebibyteIsRefusedSinceTheEngineShowsNone) {
  Json body = holder_json({{"Binds", {"data:/data"}}});
  body["Labels"]["filler"] = std::string(std::size_t{1} << 20U, 'x');
  EXPECT_TRUE(unreadable(create(body.dump()), "no body"));
}

TEST_F(WaysAround, KeysInAnotherCaseAreRefused) {
  const std::string image = std::string(R"({"Image":")") + kImage + R"(",)";
  EXPECT_TRUE(unreadable(create(image + R"("hostconfig":{"Binds":["data:/data"]}})"), "HostConfig"));
  EXPECT_TRUE(unreadable(create(image + R"("HostConfig":{"binds":["data:/data"]}})"), "Binds"));
  EXPECT_TRUE(unreadable(create(image + "\"HostConfig\":{\"Bind\u017f\":[\"data:/data\"]}}"), "Binds"));
}

TEST_F(WaysAround, KeysThatComeTwiceAreRefused) {
  const std::string image = std::string(R"({"Image":")") + kImage + R"(",)";
  EXPECT_TRUE(
      unreadable(create(image + R"("HostConfig":{"Binds":["data:/data"]},"HostConfig":{"Memory":16777216}})"),
                 "HostConfig"));
  EXPECT_TRUE(unreadable(create(image + R"("HostConfig":{"Binds":["data:/data"],"Binds":[]}})"), "Binds"));
}

TEST_F(WaysAround, APathThatIsNotWrittenPlainlyIsRefused) {
  const std::string body = holder_json({{"Binds", {"data:/data"}}}).dump();
  for (const std::string path : {"/v1.41/containers/%63reate", "/v1.41/%63ontainers/create"}) {
    EXPECT_TRUE(unreadable(engine().api({.method = "POST", .path = path, .body = body}), "path")) << path;
  }
  // These the engine itself sends to the plain path, without asking anybody.
  for (const std::string path :
       {"//v1.41/containers/create", "/v1.41//containers/create", "/v1.41/x/../containers/create"}) {
    EXPECT_EQ(engine().api({.method = "POST", .path = path, .body = body}).status, 301) << path;
  }
}

TEST_F(WaysAround, AnUnknownVersionOfTheApiIsRefused) {
  const std::string body = holder_json({{"Binds", {"data:/data"}}}).dump();
  for (const std::string version : {"/v1.99", "/v2.0", "/v1.5"}) {
    const ApiAnswer answer =
        engine().api({.method = "POST", .path = version + "/containers/create", .body = body});
    EXPECT_TRUE(unreadable(answer, "version")) << version;
  }
}

TEST_F(WaysAround, AContentTypeThatHidesTheBodyIsRefused) {
  const std::string body = holder_json({{"Binds", {"data:/data"}}}).dump();
  for (const std::string type : {"text/plain", "application/json; =", "application/x-tar", ""}) {
    const ApiAnswer answer =
        engine().api({.method = "POST", .path = kCreate, .body = body, .content_type = type});
    EXPECT_TRUE(unreadable(answer, "Content-Type")) << type;
  }
}

TEST_F(WaysAround, AStartThatBringsItsOwnHostConfigIsRefused) {
  makes_containers_ = true;
  const ApiAnswer made = engine().api({.method = "POST",
                                       .path = "/v1.23/containers/create?name=late",
                                       .body = holder_json(Json::object()).dump()});
  ASSERT_EQ(made.status, 201) << made.body;
  const ApiAnswer started = engine().api({.method = "POST",
                                          .path = "/v1.23/containers/late/start",
                                          .body = R"({"Binds":["/srv:/data"],"NetworkMode":"none"})"});
  EXPECT_TRUE(unreadable(started, "HostConfig"));
  EXPECT_EQ(inspect("late").at("State").at("Status"), "created");
}

TEST_F(WaysAround, AFormOfMountThatIsNotKnownIsRefused) {
  const Json mount = {{"Type", "mystery"}, {"Source", "/srv"}, {"Target", "/data"}};
  EXPECT_TRUE(unreadable(create(holder_json({{"Mounts", {mount}}}).dump()), "Type"));
}

TEST_F(WaysAround, OptionsOfTheDriverInsideAMountAreSeen) {
  const Json mount = {{"Type", "volume"},
                      {"Source", "made-now"},
                      {"Target", "/data"},
                      {"VolumeOptions", {{"DriverConfig", {{"Name", "local"}, {"Options", nfs_options()}}}}}};
  EXPECT_TRUE(refused(create(holder_json({{"Mounts", {mount}}}).dump()), "network-filesystem"));
}

TEST_F(WaysAround, AVolumeThatWasMadeBeforeKeepsItsOptionsWhateverTheRequestSays) {
  ASSERT_TRUE(docker(create_nfs_volume("shared")).ok());
  EXPECT_TRUE(refused(create(holder_json({{"Binds", {"shared:/data"}}}).dump()), "network-filesystem"));
  const Json mount = {{"Type", "volume"},
                      {"Source", "shared"},
                      {"Target", "/data"},
                      {"VolumeOptions", {{"DriverConfig", {{"Name", "local"}}}}}};
  EXPECT_TRUE(refused(create(holder_json({{"Mounts", {mount}}}).dump()), "network-filesystem"));
}

TEST_F(WaysAround, ThePathOfAVolumesDataIsThatVolume) {
  ASSERT_TRUE(docker(create_nfs_volume("shared")).ok());
  const std::string data = "/var/lib/docker/volumes/shared/_data";
  ASSERT_TRUE(machine().run({"ln", "--symbolic", data, "/srv/link"}).ok());
  for (const std::string& path : std::vector<std::string>{
           data, std::string("/var/lib/docker/./volumes//shared/_data/"), std::string("/srv/link")}) {
    EXPECT_TRUE(refused(create(holder_json({{"Binds", {path + ":/data"}}}).dump()), "network-filesystem"))
        << path;
  }
  for (std::string path : {"/proc/self/root", "/proc/1/root"}) {
    path += data;
    EXPECT_TRUE(unreadable(create(holder_json({{"Binds", {path + ":/data"}}}).dump()), "/proc")) << path;
  }
}

TEST_F(WaysAround, VolumesFromAnotherContainerAreItsVolumes) {
  makes_containers_ = true;
  ASSERT_TRUE(docker(create_nfs_volume("shared")).ok());
  // Nothing tells that there is a database in it, so this one may have it.
  const CommandResult owner =
      docker({"create", "--name", "owner", "--volume", "shared:/data", kImage, "wal_app"});
  ASSERT_TRUE(owner.ok()) << owner.errors;
  EXPECT_TRUE(refused(run_holder("by-name", {"--volumes-from", "owner"}), "network-filesystem"));
  const std::string id = inspect("owner").at("Id");
  EXPECT_TRUE(
      refused(run_holder("by-id", {"--volumes-from", id.substr(0, 12) + ":ro"}), "network-filesystem"));
  EXPECT_TRUE(inspect("by-name").is_null());
}

}  // namespace
}  // namespace walguard::docker_engine
