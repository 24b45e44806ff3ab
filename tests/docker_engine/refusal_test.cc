// What walguard lets a Docker engine do, and what not, as somebody sees it who calls `docker run`.
#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/engine_fixture.h"
#include "tests/docker_engine/machine.h"

namespace walguard::docker_engine {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

class Refusal : public PluginTest {
 protected:
  /// A volume of the engine's own driver.
  void create_volume(const std::string& name, const Words& options) {
    Words command = {"volume", "create"};
    for (const std::string& option : options) command.insert(command.end(), {"--opt", option});
    command.push_back(name);
    const CommandResult made = docker(command);
    ASSERT_TRUE(made.ok()) << made.errors;
  }
  void require_gvisor() {
    if (machine_ == nullptr || Engine::has_gvisor()) return;
    ASSERT_FALSE(in_ci()) << "no runsc; scripts/install-deps docker installs it";
    GTEST_SKIP() << "no runsc; scripts/install-deps docker installs it";
  }
  /// Two mounts of /srv/data by bindfs, /srv/a and /srv/b: two page caches over one folder.
  void mount_twice() {
    for (const std::string point : {"/srv/a", "/srv/b"}) {
      ASSERT_TRUE(machine().run({"mkdir", "-p", "/srv/data", point}).ok());
      const CommandResult mounted = machine().run({"bindfs", "/srv/data", point});
      ASSERT_TRUE(mounted.ok()) << mounted.errors;
    }
  }
};

TEST_F(Refusal, TwoContainersOnOneLocalVolumeKeepAllTheirRowsInWal) {
  for (const std::string writer : {"1", "2"}) {
    const CommandResult started =
        docker({"run", "--detach", "--name", "writer-" + writer, "--network", "none", "--label",
                "walguard.databases=/data/app.db", "--volume", "data:/data", kImage, "wal_app", "write",
                "/data/app.db", writer, "2", "5000"});
    ASSERT_TRUE(started.ok()) << started.errors;
  }
  for (const std::string writer : {"1", "2"}) {
    EXPECT_EQ(wait_for_end("writer-" + writer), 0) << docker({"logs", "writer-" + writer}).errors;
    EXPECT_EQ(docker({"logs", "writer-" + writer}).output, "5000 acknowledged\n");
  }
  const CommandResult counted =
      docker({"run", "--rm", "--network", "none", "--label", "walguard.databases=/data/app.db", "--volume",
              "data:/data", kImage, "wal_app", "count", "/data/app.db"});
  EXPECT_EQ(counted.output, "10000 rows of 2 writers, integrity ok, journal wal\n") << counted.errors;
}

TEST_F(Refusal, AVolumeOnNfsIsRefused) {
  create_volume("shared", {"type=nfs", "o=addr=127.0.0.1,rw", "device=:/export"});
  EXPECT_TRUE(refused(run_holder("app", {"--volume", "shared:/data"}), "network-filesystem"));
  EXPECT_TRUE(inspect("app").is_null());
}

TEST_F(Refusal, AVolumeOnCifsIsRefused) {
  create_volume("shared",
                {"type=cifs", "o=addr=127.0.0.1,username=u,password=HIDDEN", "device=//127.0.0.1/x"});
  const CommandResult ran = run_holder("app", {"--volume", "shared:/data"});
  EXPECT_TRUE(refused(ran, "network-filesystem"));
  EXPECT_EQ(ran.errors.find("HIDDEN"), std::string::npos) << ran.errors;
  EXPECT_EQ(plugin_log().find("HIDDEN"), std::string::npos) << plugin_log();
}

TEST_F(Refusal, AVolumeThatIsMadeByTheRunItselfIsRefusedLikewise) {
  const std::string mount =
      "type=volume,source=made-now,target=/data,volume-driver=local,volume-opt=type=nfs,"
      "volume-opt=device=:/export,\"volume-opt=o=addr=127.0.0.1,rw\"";
  EXPECT_TRUE(refused(run_holder("app", {"--mount", mount}), "network-filesystem"));
}

TEST_F(Refusal, TwoContainersOnTwoMountsOfOneFolderAreRefused) {
  ASSERT_NO_FATAL_FAILURE(mount_twice());
  const CommandResult first = run_holder("first", {"--volume", "/srv/a:/data"});
  ASSERT_TRUE(first.ok()) << first.errors;
  EXPECT_TRUE(refused(run_holder("second", {"--volume", "/srv/b:/data"}), "split-page-cache"));
}

TEST_F(Refusal, TwoThatWereCreatedAtOnceAreJudgedAgainWhenTheyStart) {
  ASSERT_NO_FATAL_FAILURE(mount_twice());
  const auto create = [this](const std::string& name, const std::string& folder) {
    return engine().api(
        {.method = "POST",
         .path = "/v1.41/containers/create?name=" + name,
         .body = holder_json({{"Binds", {folder + ":/data"}}, {"NetworkMode", "none"}}).dump()});
  };
  auto first = std::async(std::launch::async, create, "first", "/srv/a");
  const ApiAnswer second = create("second", "/srv/b");
  ASSERT_TRUE(first.get().status == 201 || second.status == 201) << second.body;
  // Of those that are there at most one comes to run.
  (void)docker({"start", "first"});
  (void)docker({"start", "second"});
  EXPECT_EQ(docker({"ps", "--quiet"}).output.size(), std::string("123456789012\n").size());
}

TEST_F(Refusal, AFileThatIsBoundAloneIsRefusedBesideAnotherContainer) {
  ASSERT_TRUE(machine().run({"mkdir", "/srv/data"}).ok());
  const CommandResult first = run_holder("first", {"--volume", "/srv/data:/data"});
  ASSERT_TRUE(first.ok()) << first.errors;
  EXPECT_TRUE(
      refused(run_holder("second", {"--volume", "/srv/data/app.db:/data/app.db"}), "split-database-files"));
}

TEST_F(Refusal, TwoSandboxesOnOneVolumeAreRefused) {
  require_gvisor();
  if (IsSkipped()) return;
  const CommandResult first = run_holder("first", {"--runtime", "runsc", "--volume", "data:/data"});
  ASSERT_TRUE(first.ok()) << first.errors;
  EXPECT_TRUE(
      refused(run_holder("second", {"--runtime", "runsc", "--volume", "data:/data"}), "sandboxed-kernel"));
}

TEST_F(Refusal, TwoSandboxesByTheEnginesDefaultRuntimeAreRefused) {
  require_gvisor();
  if (IsSkipped()) return;
  engine().set_default_runtime("runsc");
  engine().reload();
  const CommandResult first = run_holder("first", {"--volume", "data:/data"});
  ASSERT_TRUE(first.ok()) << first.errors;
  EXPECT_TRUE(refused(run_holder("second", {"--volume", "data:/data"}), "sandboxed-kernel"));
}

TEST_F(Refusal, ASandboxBesideAPlainContainerIsRefusedByNameAndByPath) {
  require_gvisor();
  if (IsSkipped()) return;
  const CommandResult first = run_holder("first", {"--volume", "data:/data"});
  ASSERT_TRUE(first.ok()) << first.errors;
  EXPECT_TRUE(
      refused(run_holder("second", {"--runtime", "runsc", "--volume", "data:/data"}), "mixed-kernels"));
  EXPECT_TRUE(refused(
      run_holder("third", {"--runtime", "runsc", "--volume", "/var/lib/docker/volumes/data/_data:/data"}),
      "mixed-kernels"));
}

// The default of the policy: what is only recognised warns, and Docker has no warnings but the plugin's log.
// The engine then fails by itself, as this kernel has no client for NFS.
TEST_F(Refusal, ADatabaseThatOnlyTheCommandLineTellsOfIsLetWithTheRuleInTheLog) {
  create_volume("shared", {"type=nfs", "o=addr=127.0.0.1,rw", "device=:/export"});
  const CommandResult made = docker(
      {"create", "--name", "app", "--volume", "shared:/data", kImage, "wal_app", "hold", "/data/app.db"});
  EXPECT_TRUE(made.ok()) << made.errors;
  EXPECT_NE(plugin_log().find("decision=warn verdict=unsafe rule=network-filesystem"), std::string::npos)
      << plugin_log();
}

TEST_F(Refusal, WhatHoldsNoDatabaseMayStandOnANetworkFilesystem) {
  create_volume("shared", {"type=nfs", "o=addr=127.0.0.1,rw", "device=:/export"});
  const CommandResult made =
      docker({"create", "--name", "files", "--volume", "shared:/files", kImage, "wal_app"});
  EXPECT_TRUE(made.ok()) << made.errors;
}

TEST_F(Refusal, ALabelAsksForAGuaranteeThatAFolderOfUnknownKindHasNot) {
  ASSERT_NO_FATAL_FAILURE(mount_twice());
  const CommandResult ran =
      run_holder("app", {"--label", "walguard.require-local=true", "--volume", "/srv/a:/data"});
  EXPECT_TRUE(refused(ran, "unknown-driver"));
  const CommandResult unasked = run_holder("other", {"--volume", "/srv/a:/data"});
  EXPECT_TRUE(unasked.ok()) << unasked.errors;
}

}  // namespace
}  // namespace walguard::docker_engine
