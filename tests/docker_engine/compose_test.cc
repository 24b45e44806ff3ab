// docker-compose 1.29, as Debian has it: it speaks to the same API, so the plugin judges its requests.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/engine_fixture.h"
#include "tests/docker_engine/machine.h"

namespace walguard::docker_engine {
namespace {

class Compose : public PluginTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/docker-compose")) {
      ASSERT_FALSE(in_ci()) << "no docker-compose; scripts/install-deps docker installs it";
      GTEST_SKIP() << "no docker-compose; scripts/install-deps docker installs it";
    }
    PluginTest::SetUp();
  }

  /// `docker-compose ARGUMENT...` in a project of this file.
  [[nodiscard]] CommandResult compose(const std::string& yaml, const std::vector<std::string>& arguments) {
    std::ofstream(machine().outside("/srv/docker-compose.yml")) << yaml;
    std::vector<std::string> command = {"docker-compose", "--file", "/srv/docker-compose.yml",
                                        "--project-name", "shop"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return machine().run(command);
  }
};

// Of two services on one volume: `options` of the volume, in YAML's flow style.
std::string app_and_reader(const std::string& options) {
  const auto service = [](const std::string& name, const std::string& command) {
    return "  " + name + ":\n    image: " + kImage + "\n    command: " + command +
           "\n    network_mode: none\n    labels: {walguard.databases: /data/app.db}\n"
           "    volumes: ['data:/data']\n";
  };
  return "version: '2.4'\nservices:\n" + service("app", "wal_app write /data/app.db 1 1 500") +
         service("reader", "wal_app hold /data/app.db") + "volumes:\n  data: " + options + "\n";
}

TEST_F(Compose, AnAppAndASecondReaderOnALocalVolumeComeUpAndKeepTheirRows) {
  const std::string yaml = app_and_reader("{}");
  const CommandResult up = compose(yaml, {"up", "--detach"});
  ASSERT_TRUE(up.ok()) << up.errors;
  EXPECT_EQ(wait_for_end("shop_app_1"), 0);
  EXPECT_EQ(inspect("shop_reader_1").at("State").at("Running"), true);
  const CommandResult counted = docker({"exec", "shop_reader_1", "wal_app", "count", "/data/app.db"});
  EXPECT_EQ(counted.output, "500 rows of 1 writers, integrity ok, journal wal\n") << counted.errors;
}

TEST_F(Compose, TheSameOnNfsIsRefusedAndComposeShowsRuleAndRemedy) {
  const std::string yaml =
      app_and_reader("{driver_opts: {type: nfs, o: 'addr=127.0.0.1,rw', device: ':/export'}}");
  const CommandResult up = compose(yaml, {"up", "--detach"});
  EXPECT_TRUE(refused(up, "network-filesystem"));
  EXPECT_EQ(docker({"ps", "--quiet"}).output, "");
}

}  // namespace
}  // namespace walguard::docker_engine
