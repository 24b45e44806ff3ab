#include "operator/docker/plugin_judge.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/docker/recent_requests.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_request.h"
#include "tests/docker/unit/scene.h"
#include "tests/knowledge/embedded.h"

namespace walguard::docker::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kTwoBindfs =
    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "2 1 0:50 / /mnt/a rw - fuse /srv/data rw\n"
    "3 1 0:51 / /mnt/b rw - fuse /srv/data rw\n"
    "4 1 0:52 / /mnt/nfs rw - nfs4 server:/export rw\n";

wire::DockerContainer under(std::string runtime, wire::DockerContainer container) {
  container.runtime = std::move(runtime);
  return container;
}

wire::DockerVolume nfs_volume(std::string name) {
  wire::DockerVolume volume;
  volume.name = std::move(name);
  volume.options = {{"type", "nfs"}, {"o", "addr=10.0.0.1,rw"}, {"device", ":/export"}};
  return volume;
}

void expect_refused(const PluginAnswer& answer, std::string_view rule) {
  EXPECT_FALSE(answer.allow);
  EXPECT_EQ(answer.rule, rule);
  EXPECT_EQ(answer.verdict, core::Verdict::kUnsafe);
  EXPECT_THAT(answer.message, AllOf(HasSubstr(std::string(rule) + ": "), HasSubstr("Remedy: ")));
}

TEST(PluginJudge, TwoContainersOnOneVolumeOfALocalDiskAreSafe) {
  Scene scene;
  scene.has(container_of("a", {"app:/data"}));
  const PluginAnswer answer = scene.create(container_of("b", {"app:/data"}));
  EXPECT_TRUE(answer.allow);
  EXPECT_EQ(answer.verdict, core::Verdict::kSafe);
  EXPECT_THAT(answer.message, IsEmpty());
}

TEST(PluginJudge, WhatCarriesNoStorageIsLetWithoutALook) {
  PluginJudge judge(knowledge::embedded_catalog(), {});  // any look would throw
  EXPECT_TRUE(judge.answer(wire::NoStorage{}).allow);
  EXPECT_TRUE(judge.answer(wire::CreateContainer{.container = container_of("a", {})}).allow);
}

TEST(PluginJudge, AVolumeWhoseOptionsMountNfsIsRefused) {
  Scene scene;
  scene.has(nfs_volume("app"));
  expect_refused(scene.create(container_of("a", {"app:/data"})), "network-filesystem");
}

TEST(PluginJudge, InlineDriverOptionsOfANewVolumeAreJudged) {
  Scene scene;
  wire::DockerContainer container = container_of("a", {"app:/data"});
  container.mounts[0].driver = "local";
  container.mounts[0].options = {
      {"type", "cifs"}, {"o", "username=u,password=hunter2,nobrl"}, {"device", "//box/s"}};
  const PluginAnswer answer = scene.create(container);
  EXPECT_FALSE(answer.allow);
  EXPECT_THAT(answer.message, AllOf(HasSubstr("network-filesystem"), HasSubstr("locks-disabled")));
  EXPECT_THAT(answer.message, Not(HasSubstr("hunter2")));
}

TEST(PluginJudge, OptionsOfAVolumeThatIsThereWinOverThoseOfTheRequest) {
  Scene scene;
  scene.has(nfs_volume("app"));
  wire::DockerContainer container = container_of("a", {"app:/data"});
  container.mounts[0].options = {{"type", "tmpfs"}, {"device", "tmpfs"}};
  expect_refused(scene.create(container), "network-filesystem");
}

TEST(PluginJudge, TheFolderOfAVolumeIsThatVolumeAlsoThroughASymlink) {
  Scene scene;
  scene.has(nfs_volume("app")).symlink("/srv/link", "/var/lib/docker/volumes/app/_data");
  expect_refused(scene.create(container_of("a", {"/var/lib/docker/volumes/app/_data:/data"})),
                 "network-filesystem");
  expect_refused(scene.create(container_of("b", {"/srv/link/sub:/data"})), "network-filesystem");
}

TEST(PluginJudge, ABindThroughTheLinksOfAProcessIsRefusedSinceNobodyCanTellWhereItLeads) {
  Scene scene;
  scene.symlink("/srv/link", "/proc/1/cwd");
  for (const std::string source :
       {"/proc/self/root/srv", "/proc/1/root", "/proc/7/task/7/fd/3", "/srv/link/x"}) {
    const PluginAnswer answer = scene.create(container_of("a", {source + ":/data"}));
    EXPECT_FALSE(answer.allow) << source;
    EXPECT_NE(answer.message.find("links in /proc"), std::string::npos) << answer.message;
  }
  EXPECT_TRUE(scene.create(container_of("b", {"/proc:/host/proc", "/proc/sys/fs:/data"}, "")).allow);
}

TEST(PluginJudge, AVolumeThatWasJustLetBeMadeIsKnownBeforeTheEngineTellsOfIt) {
  Scene scene;
  EXPECT_TRUE(scene.ask(wire::CreateVolume{.volume = nfs_volume("app")}).allow);
  expect_refused(scene.create(container_of("a", {"app:/data"})), "network-filesystem");
}

TEST(PluginJudge, AVolumeWithALabelOfItsOwnIsJudgedWhenItIsMade) {
  Scene scene;
  wire::DockerVolume volume = nfs_volume("app");
  volume.labels.require_local = true;
  expect_refused(scene.ask(wire::CreateVolume{.volume = volume}), "network-filesystem");
}

TEST(PluginJudge, ALabelOfAVolumeCountsForTheContainersThatMountIt) {
  Scene scene;
  wire::DockerVolume volume = nfs_volume("app");
  volume.labels.databases = "/app.db";
  scene.has(volume);
  const PluginAnswer answer = scene.create(container_of("a", {"app:/data"}, ""));
  expect_refused(answer, "network-filesystem");
}

TEST(PluginJudge, TwoBindfsMountsOfOneFolderAreRefused) {
  Scene scene;
  scene.mounts(kTwoBindfs).has(container_of("a", {"/mnt/a:/data"}));
  expect_refused(scene.create(container_of("b", {"/mnt/b:/data"})), "split-page-cache");
}

TEST(PluginJudge, ASecondViewIsRefusedThoughTheOneThatComesSaysNothingOfADatabase) {
  Scene scene;
  scene.mounts(kTwoBindfs).has(container_of("a", {"/mnt/a:/data"}));
  const PluginAnswer answer = scene.create(container_of("b", {"/mnt/b:/elsewhere"}, ""));
  expect_refused(answer, "split-page-cache");
  EXPECT_THAT(answer.message, HasSubstr("container \"a\" has a database"));
}

TEST(PluginJudge, ContainersInOtherFoldersOfTheSameStorageAreNotConsumers) {
  Scene scene;
  scene.mounts(kTwoBindfs).has(under("runsc", container_of("a", {"/srv/data/a:/data"})));
  const PluginAnswer answer = scene.create(under("runsc", container_of("b", {"/srv/data/b:/data"})));
  EXPECT_TRUE(answer.allow);
  EXPECT_EQ(answer.verdict, core::Verdict::kUnproven);
}

TEST(PluginJudge, ANetworkFilesystemMountedBelowABindIsFound) {
  Scene scene;
  scene.mounts(kTwoBindfs);
  expect_refused(scene.create(container_of("a", {"/mnt:/data"}, "/data/nfs/app.db")), "network-filesystem");
  wire::DockerContainer whole = container_of("b", {"/mnt:/data"}, "");
  whole.labels.require_local = true;
  expect_refused(scene.create(whole), "network-filesystem");
}

TEST(PluginJudge, TwoSandboxesOnOneVolumeAreRefusedAndOneAloneIsUnproven) {
  Scene scene;
  const PluginAnswer alone = scene.create(under("runsc", container_of("a", {"app:/data"})));
  EXPECT_TRUE(alone.allow);
  EXPECT_EQ(alone.verdict, core::Verdict::kUnproven);
  EXPECT_EQ(alone.rule, "evidence-missing");
  ASSERT_EQ(alone.wanted.size(), 1U);
  EXPECT_EQ(alone.wanted[0].runtime, "runsc");
  EXPECT_EQ(alone.wanted[0].path, "/var/lib/docker/volumes/app/_data");
  scene.pass_time(std::chrono::seconds(60));
  scene.has(under("runsc", container_of("a", {"app:/data"})));
  expect_refused(scene.create(under("runsc", container_of("b", {"app:/data"}))), "sandboxed-kernel");
}

TEST(PluginJudge, ASandboxBesideTheHostsKernelIsRefusedWhicheverComesFirst) {
  Scene runc_first;
  runc_first.has(container_of("a", {"app:/data"}));
  expect_refused(runc_first.create(under("runsc", container_of("b", {"app:/data"}))), "mixed-kernels");
  Scene sandbox_first;
  sandbox_first.has(under("runsc", container_of("a", {"app:/data"})));
  expect_refused(sandbox_first.create(container_of("b", {"app:/data"}, "")), "mixed-kernels");
}

TEST(PluginJudge, TheEnginesDefaultRuntimeCountsWhereNoneIsWritten) {
  Scene scene;
  scene.info(R"({"OperatingSystem":"Debian","DefaultRuntime":"runsc"})")
      .has(container_of("a", {"app:/data"}));
  expect_refused(scene.create(container_of("b", {"app:/data"})), "sandboxed-kernel");
}

TEST(PluginJudge, ASingleFileBindOfADatabaseIsRefusedFromEitherSide) {
  Scene own;
  expect_refused(own.create(container_of("a", {"/srv/app.db:/data/app.db"})), "split-database-files");
  Scene of_another;
  of_another.has(container_of("a", {"/srv/app.db:/x.db"}, ""));
  expect_refused(of_another.create(container_of("b", {"/srv:/data"})), "split-database-files");
}

TEST(PluginJudge, VolumesFromIsResolvedThroughTheEngine) {
  Scene scene;
  scene.has(nfs_volume("app")).has(container_of("holder", {"app:/data"}, ""));
  wire::DockerContainer container = container_of("a", {});
  container.volumes_from.push_back({.container = "hold", .read_only = false});
  EXPECT_FALSE(scene.create(container).allow) << "a name is not completed, so nobody is meant by it";
  container.volumes_from[0].container = "holder";
  expect_refused(scene.create(container), "network-filesystem");
  container.volumes_from[0].container = "holder0000";
  expect_refused(scene.create(container), "network-filesystem");
}

TEST(PluginJudge, VolumesFromAContainerThatIsNotInViewIsRefusedWithTheReason) {
  Scene scene;
  wire::DockerContainer container = container_of("a", {});
  container.volumes_from.push_back({.container = "ghost", .read_only = false});
  const PluginAnswer answer = scene.create(container);
  EXPECT_FALSE(answer.allow);
  EXPECT_THAT(answer.message, HasSubstr("VolumesFrom: container \"ghost\" is not in view"));
}

TEST(PluginJudge, AContainerThatIsThereIsJudgedAsItIsWhenItIsStarted) {
  Scene scene;
  scene.has(nfs_volume("app")).has(container_of("old", {"app:/data"}));
  expect_refused(scene.start("old"), "network-filesystem");
  expect_refused(scene.start("old0"), "network-filesystem");
  EXPECT_FALSE(scene.start("other").allow);
}

TEST(PluginJudge, AStartedContainerIsNoConsumerBesideItself) {
  Scene scene;
  scene.has(under("runsc", container_of("a", {"app:/data"})));
  EXPECT_TRUE(scene.start("a").allow);
}

TEST(PluginJudge, OfTwoRequestsAtOnceTheSecondIsJudgedWithTheFirst) {
  Scene scene;
  EXPECT_TRUE(scene.create(under("runsc", container_of("a", {"app:/data"}))).allow);
  expect_refused(scene.create(under("runsc", container_of("b", {"app:/data"}))), "sandboxed-kernel");
}

TEST(PluginJudge, WhatTheEngineDidNotMakeIsForgottenAfterSeconds) {
  Scene scene;
  EXPECT_TRUE(scene.create(under("runsc", container_of("a", {"app:/data"}))).allow);
  scene.pass_time(std::chrono::seconds(6));
  EXPECT_TRUE(scene.create(under("runsc", container_of("b", {"app:/data"}))).allow);
}

TEST(PluginJudge, AContainerThatTheEngineHasMadeMeanwhileIsNotCountedTwice) {
  Scene scene;
  wire::DockerContainer unnamed = under("runsc", container_of("", {"app:/data"}));
  EXPECT_TRUE(scene.create(unnamed).allow);
  unnamed.name = "brave_fox";
  scene.has(unnamed);
  EXPECT_TRUE(scene.start("brave_fox").allow);
}

TEST(PluginJudge, AStartThatOvertakesTheEnginesEventsIsJudgedByWhatWasJustMade) {
  Scene scene;
  const wire::DockerContainer wanted = container_of("", {"app:/data"});
  EXPECT_TRUE(scene.create(wanted).allow);
  const std::string id(64, 'c');
  scene.made(wanted, id);
  EXPECT_TRUE(scene.start(id).allow);
  EXPECT_TRUE(scene.start("cccc").allow);
  scene.pass_time(std::chrono::seconds(6));
  const PluginAnswer late = scene.start(id);
  EXPECT_FALSE(late.allow);
  EXPECT_THAT(late.message, HasSubstr("try again in a moment"));
}

TEST(PluginJudge, AContainerThatNobodyToldOfIsNotTakenForOneThatWasJustMade) {
  Scene scene;
  scene.loses_the_engine("the engine's events broke off");
  const wire::DockerContainer harmless = container_of("", {":/data"});
  EXPECT_TRUE(scene.create(harmless).allow);
  scene.made(harmless, std::string(64, 'c'));
  EXPECT_FALSE(scene.start(std::string(64, 'd')).allow);
}

TEST(PluginJudge, WhatWasJustMadeWithoutStorageStartsWhileTheEngineIsNotInView) {
  Scene scene;
  scene.loses_the_engine("the engine's events broke off");
  const std::string id(64, 'c');
  scene.made(container_of("", {}), id);
  const PluginAnswer answer = scene.start(id);
  EXPECT_TRUE(answer.allow) << answer.message;
}

TEST(PluginJudge, ManyRequestsThatDifferInNothingAreRememberedAsTwo) {
  RecentRequests recent;
  const EngineSnapshot engine;
  const RecentRequests::Time now;
  for (const char* const name : {"a", "b", "c", "d"}) {
    recent.add(std::make_shared<const wire::DockerContainer>(container_of(name, {"app:/data"})), engine, now);
  }
  recent.add(std::make_shared<const wire::DockerContainer>(container_of("e", {"other:/data"})), engine, now);
  EXPECT_EQ(recent.containers(engine, now).size(), 3U);
}

TEST(PluginJudge, WhileTheEngineIsNotInViewSharedStorageIsNeverSafe) {
  Scene scene;
  scene.loses_the_engine("the engine's events broke off");
  const PluginAnswer answer = scene.create(container_of("a", {"app:/data"}));
  EXPECT_TRUE(answer.allow);
  EXPECT_EQ(answer.verdict, core::Verdict::kUnproven);
  EXPECT_THAT(answer.message, HasSubstr("the engine's events broke off"));
  wire::DockerContainer strict = container_of("b", {"app:/data"});
  strict.labels.require_local = true;
  EXPECT_FALSE(scene.create(strict).allow);
  EXPECT_EQ(scene.create(container_of("c", {":/data"})).verdict, core::Verdict::kSafe) << "its own alone";
}

TEST(PluginJudge, AContainerThatAsksForAGuaranteeIsRefusedWhatIsUnproven) {
  Scene scene;
  wire::DockerContainer container = under("runsc", container_of("a", {"app:/data"}));
  container.labels.require_local = true;
  const PluginAnswer answer = scene.create(container);
  EXPECT_FALSE(answer.allow);
  EXPECT_EQ(answer.rule, "evidence-missing");
  EXPECT_THAT(answer.message, HasSubstr("walguard-preflight run /var/lib/docker/volumes/app/_data"));
}

TEST(PluginJudge, EvidenceForTheVolumeUnderItsRuntimeMakesItSafe) {
  Scene scene;
  core::EvidenceKey key;
  key.driver = "local";
  key.volume = "docker:app";
  key.fs_type = "ext4";
  key.runtime_handler = "runsc";
  scene.passes(key, core::Scope::kContainer, "9p");
  EXPECT_EQ(scene.create(under("runsc", container_of("a", {"app:/data"}))).verdict, core::Verdict::kSafe);
}

TEST(PluginJudge, ContentThatNobodySpeaksOfIsNoRefusal) {
  Scene scene;
  scene.mounts(kTwoBindfs).has(container_of("a", {"/mnt/a:/x", "/mnt/nfs:/n"}, ""));
  const PluginAnswer answer = scene.create(container_of("b", {"/mnt/b:/y", "/mnt/nfs:/n"}, ""));
  EXPECT_TRUE(answer.allow);
  EXPECT_EQ(answer.verdict, core::Verdict::kNotApplicable);
}

TEST(PluginJudge, WhatWasUnsafeBeforeItCameIsNotTheDoingOfTheNext) {
  Scene scene;
  scene.mounts(kTwoBindfs).has(container_of("a", {"/mnt/nfs:/data"}));
  EXPECT_TRUE(scene.create(container_of("b", {"/mnt/nfs:/elsewhere"}, "")).allow);
}

TEST(PluginJudge, AMonitoringAgentThatOnlyReadsTheWholeMachineIsNoConsumer) {
  Scene scene;
  scene.has(under("runsc", container_of("a", {"app:/data"})));
  EXPECT_TRUE(scene.create(container_of("cadvisor", {"/:/rootfs:ro", "/var/lib/docker:/d:ro"}, "")).allow);
  expect_refused(scene.create(container_of("backup", {"/:/rootfs"}, "")), "mixed-kernels");
  expect_refused(scene.create(container_of("copy", {"/var/lib/docker/volumes/app/_data:/d:ro"}, "")),
                 "mixed-kernels");
}

TEST(PluginJudge, ADatabaseThatIsOnlyRecognisedWarns) {
  Scene scene;
  wire::DockerContainer container = container_of("a", {"/mnt/nfs:/data"}, "");
  core::EnvironmentVariable url;
  url.name = "DATABASE_URL";
  url.value = "sqlite:///data/app.db";
  container.launch.environment.push_back(url);
  const PluginAnswer answer = scene.mounts(kTwoBindfs).create(container);
  EXPECT_TRUE(answer.allow);
  EXPECT_THAT(answer.message, HasSubstr("network-filesystem"));
}

TEST(PluginJudge, TheModeDecidesAndALabelMayOnlyBeStricter) {
  Scene warns;
  warns.in_mode(core::Mode::kWarn).has(nfs_volume("app"));
  wire::DockerContainer container = container_of("a", {"app:/data"});
  EXPECT_TRUE(warns.create(container).allow);
  EXPECT_THAT(warns.create(container).message, HasSubstr("network-filesystem"));
  container.labels.mode = "enforce";
  EXPECT_FALSE(warns.create(container).allow);
  Scene enforces;
  enforces.has(nfs_volume("app"));
  container.labels.mode = "off";
  EXPECT_FALSE(enforces.create(container).allow);
}

TEST(PluginJudge, AnAcceptedRiskIsLetAndSaid) {
  Scene scene;
  scene.has(nfs_volume("app"));
  wire::DockerContainer container = container_of("a", {"app:/data"});
  container.labels.accept_risk = "network-filesystem: read by nobody else";
  EXPECT_FALSE(scene.create(container).allow);
  scene.policy.accept_risk_namespaces = {"*"};
  const PluginAnswer answer = scene.create(container);
  EXPECT_TRUE(answer.allow);
  EXPECT_THAT(answer.message, HasSubstr("network-filesystem (risk accepted)"));
}

TEST(PluginJudge, LitestreamInAContainerBesideTheAppIsSaidToBeASecondWriter) {
  Scene scene;
  wire::DockerContainer litestream = container_of("litestream", {"app:/data"}, "");
  litestream.image = "litestream/litestream:0.3.13";
  litestream.launch.image = litestream.image;
  litestream.launch.args = {"replicate", "/data/app.db", "file:///backup"};
  scene.has(litestream);
  const PluginAnswer answer = scene.create(container_of("a", {"app:/data"}));
  EXPECT_TRUE(answer.allow);
  EXPECT_THAT(answer.message, HasSubstr("litestream-second-writer"));
}

TEST(PluginJudge, AServiceWithReplicasOnSeveralMachinesIsNotSafe) {
  Scene scene;
  scene.info(R"({"OperatingSystem":"Debian","Swarm":{"LocalNodeState":"active","Nodes":3}})");
  wire::DockerService service;
  service.name = "web";
  service.mounts = {mount_of("app:/data")};
  service.labels.databases = "/data/app.db";
  service.replicas = 2;
  expect_refused(scene.ask(wire::RunService{.service = service}), "replicas-diverge");
  service.replicas = 1;
  EXPECT_EQ(scene.ask(wire::RunService{.service = service}).verdict, core::Verdict::kUnproven);
}

TEST(PluginJudge, ControlCharactersOfANameDoNotReachTheMessage) {
  Scene scene;
  scene.mounts(kTwoBindfs);
  const PluginAnswer answer = scene.create(container_of("a", {"/mnt/nfs/\n\x1b[31m:/data"}));
  EXPECT_FALSE(answer.allow);
  EXPECT_THAT(answer.message, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace walguard::docker::testing
