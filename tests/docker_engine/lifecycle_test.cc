// The plugin's own comings and goings: what the engine does meanwhile, and the way out.
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/engine_fixture.h"
#include "tests/docker_engine/machine.h"
#include "tests/preflight/process/program.h"

namespace walguard::docker_engine {
namespace {

using Clock = std::chrono::steady_clock;

const std::vector<std::string> kRunWithoutStorage = {"run",  "--rm",    "--network", "none",
                                                     kImage, "wal_app", "count",     "/tmp/app.db"};

class Lifecycle : public PluginTest {};

TEST_F(Lifecycle, ARequestThatFindsThePluginDeadIsAnsweredWhenItIsBack) {
  kill_plugin();
  auto run = std::async(std::launch::async, [this] { return run_holder("app", {"--volume", "data:/data"}); });
  start_plugin();
  const CommandResult ran = run.get();
  EXPECT_TRUE(ran.ok()) << ran.errors;
  EXPECT_EQ(inspect("app").at("State").at("Running"), true);
}

TEST_F(Lifecycle, WithADeadPluginTheEngineRefusesEverythingAfterAWhileAndLeavingItOutMendsThat) {
  kill_plugin();
  const auto begun = Clock::now();
  const CommandResult refused_run = docker({"ps"});
  // The engine tries again for some 30 seconds.
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(60));
  EXPECT_FALSE(refused_run.ok());
  EXPECT_NE(refused_run.errors.find("walguard"), std::string::npos) << refused_run.errors;

  engine().set_plugins({});
  engine().reload();
  const CommandResult ran = docker(kRunWithoutStorage);
  EXPECT_TRUE(ran.ok()) << ran.errors;
}

// A start names a container and nothing more: what an old one mounts is only known to one who sees the
// engine.
TEST_F(Lifecycle, WhileThePluginCannotSeeTheEngineWhatHasNoStorageRunsAndOnlyOldContainersWait) {
  kill_plugin();
  start_plugin("unix:///run/nobody.sock");
  const std::vector<std::string> create = {"create", "--name",  "app",   "--network", "none",
                                           kImage,   "wal_app", "count", "/tmp/a.db"};
  for (const std::vector<std::string>& words :
       {create, {"ps", "--all"}, {"info"}, {"images"}, {"volume", "ls"}, {"logs", "app"}, {"system", "df"}}) {
    const CommandResult answer = docker(words);
    EXPECT_TRUE(answer.ok()) << words.front() << ": " << answer.errors;
  }
  const CommandResult ran = docker(kRunWithoutStorage);
  EXPECT_TRUE(ran.ok()) << ran.errors;

  // Another plugin knows nothing of what the first let be made.
  kill_plugin();
  start_plugin("unix:///run/nobody.sock");
  const CommandResult start = docker({"start", "app"});
  EXPECT_NE(start.errors.find("not in view"), std::string::npos) << start.errors;

  kill_plugin();
  start_plugin();
  ASSERT_TRUE(testing_support::eventually([this] { return sees_the_engine(); })) << plugin_log();
  const CommandResult again = docker({"start", "--attach", "app"});
  EXPECT_EQ(again.output, "0 rows of 0 writers, integrity ok, journal wal\n") << again.errors;
}

/// The plugin comes to an engine that is at work already.
class LatePlugin : public PluginTest {
 protected:
  void bring_up() override {
    engine_->start();
    engine_->load_image();
    ASSERT_TRUE(docker({"volume", "create", "--opt", "type=nfs", "--opt", "o=addr=127.0.0.1,rw", "--opt",
                        "device=:/export", "shared"})
                    .ok());
    ASSERT_TRUE(docker({"create", "--name", "old", "--label", "walguard.databases=/data/app.db", "--volume",
                        "shared:/data", kImage, "wal_app", "hold", "/data/app.db"})
                    .ok());
    start_plugin();
    engine_->set_plugins({"walguard"});
    engine_->reload();
  }
};

TEST_F(LatePlugin, AVolumeThatIsOlderThanThePluginIsKnown) {
  EXPECT_TRUE(refused(run_holder("app", {"--volume", "shared:/data"}), "network-filesystem"));
}

TEST_F(LatePlugin, AContainerThatIsOlderThanThePluginIsJudgedWhenItStarts) {
  for (const std::string& name : std::vector<std::string>{
           "old", std::string(inspect("old").at("Id")), std::string(inspect("old").at("Id")).substr(0, 10)}) {
    EXPECT_TRUE(refused(docker({"start", name}), "network-filesystem")) << name;
  }
  EXPECT_TRUE(refused(docker({"restart", "old"}), "network-filesystem"));
  EXPECT_TRUE(refused(run_holder("app", {"--volumes-from", "old"}), "network-filesystem"));
}

}  // namespace
}  // namespace walguard::docker_engine
