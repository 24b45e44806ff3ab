#include "operator/wire/docker_api.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_info.h"

namespace walguard::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = DockerMount::Kind;
using State = DockerContainer::State;

/// As GET /containers/json?all=1 of 20.10 writes it, shortened.
constexpr const char* kList = R"([{"Id":"0a1b","Names":["/app/db","/db"],"Image":"app","ImageID":"sha256:1",
"Command":"sh -c true","Created":1,"Ports":[],"Labels":{"walguard.require-local":"true",
"com.docker.swarm.service.name":"shop"},"State":"exited","Status":"Exited",
                     "HostConfig" : {"NetworkMode" : "host"}, "Mounts" : [
                       {
                         "Type" : "volume",
                         "Name" : "data",
                         "Source" : "/var/lib/docker/volumes/data/_data",
                         "Destination" : "/data",
                         "Driver" : "local",
                         "Mode" : "z",
                         "RW" : false,
                         "Propagation" : ""
                       },
                       {
                         "Type" : "bind",
                         "Source" : "/srv/x",
                         "Destination" : "/x",
                         "Mode" : "",
                         "RW" : true,
                         "Propagation" : "rprivate"
                       }
                     ]
},
{"Id":"0c2d","Names":["/web"],"Image":"web","State":"running","Mounts":[]}])";

/// As GET /containers/ID/json of 28 writes it, shortened.
constexpr const char* kInspected = R"({"Id":"0a1b","Created":"2026-01-01T00:00:00Z","Path":"sh","Args":["-c"],
"State":{"Status":"running","Running":true},"Image":"sha256:1","Name":"/web",
"HostConfig":{"Binds":["data:/data"],"NetworkMode":"default","VolumeDriver":"nas","VolumesFrom":["db:ro","c"],
"Runtime":"runsc","ReadonlyRootfs":true,"Tmpfs":{"/run":""},"Mounts":[
{"Type":"volume","Source":"shared","Target":"/s/","VolumeOptions":{"Subpath":"a/b"}},
{"Type":"bind","Source":"/srv","Target":"/srv","BindOptions":{"NonRecursive":true}}]},
"Mounts":[{"Type":"volume","Name":"data","Source":"/v/data/_data","Destination":"/data","Driver":"local","RW":true},
{"Type":"volume","Name":"shared","Source":"/v/shared/_data","Destination":"/s","Driver":"local","RW":true},
{"Type":"bind","Source":"/srv","Destination":"/srv","RW":true},
{"Type":"volume","Name":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
 "Source":"/v/0/_data","Destination":"/anon","Driver":"local","RW":true},
{"Type":"image","Source":"/img","Destination":"/img","RW":true},{"Type":"npipe","Destination":"/p","RW":true}],
"Config":{"Image":"app","Env":["DB=/data/app.db"],"Cmd":["true"],"Entrypoint":["sh","-c"],
"Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web","walguard.databases":"/data/app.db"}}})";

TEST(DockerApi, AListOfContainersTellsWhatTheyMount) {
  const auto all = read_docker_containers(kList);
  ASSERT_TRUE(all) << all.error();
  ASSERT_THAT(*all, SizeIs(2));
  const DockerContainer& first = all->front();
  EXPECT_EQ(first.id, "0a1b");
  EXPECT_EQ(first.name, "db");  // not that of a link to it
  EXPECT_EQ(first.image, "app");
  EXPECT_EQ(first.state, State::kExited);
  EXPECT_EQ(first.labels.require_local, true);
  EXPECT_EQ(first.swarm_service, "shop");
  ASSERT_THAT(first.mounts, SizeIs(2));
  EXPECT_EQ(first.mounts[0].kind, Kind::kVolume);
  EXPECT_EQ(first.mounts[0].source, "data");
  EXPECT_EQ(first.mounts[0].host_path, "/var/lib/docker/volumes/data/_data");
  EXPECT_EQ(first.mounts[0].driver, "local");
  EXPECT_TRUE(first.mounts[0].read_only);
  EXPECT_EQ(first.mounts[1].kind, Kind::kBind);
  EXPECT_EQ(first.mounts[1].source, "/srv/x");
  EXPECT_FALSE(first.mounts[1].read_only);
  EXPECT_EQ(all->back().state, State::kRunning);
}

TEST(DockerApi, AnInspectionTellsAllOfIt) {
  const auto container = read_docker_container(kInspected);
  ASSERT_TRUE(container) << container.error();
  EXPECT_EQ(container->name, "web");
  EXPECT_EQ(container->image, "app");
  EXPECT_EQ(container->state, State::kRunning);
  EXPECT_EQ(container->runtime, "runsc");
  EXPECT_EQ(container->volume_driver, "nas");
  EXPECT_TRUE(container->read_only_root);
  EXPECT_EQ(container->compose_project, "shop");
  EXPECT_EQ(container->compose_service, "web");
  EXPECT_EQ(container->labels.databases, "/data/app.db");
  EXPECT_THAT(container->launch.command, ElementsAre("sh", "-c"));
  EXPECT_THAT(container->launch.args, ElementsAre("true"));
  ASSERT_THAT(container->launch.environment, SizeIs(1));
  ASSERT_THAT(container->volumes_from, SizeIs(2));
  EXPECT_EQ(container->volumes_from[0].container, "db");
  EXPECT_TRUE(container->volumes_from[0].read_only);
  EXPECT_FALSE(container->volumes_from[1].read_only);
}

TEST(DockerApi, TheMountsOfAnInspectionHaveWhatOnlyTheHostConfigTells) {
  const auto container = read_docker_container(kInspected);
  ASSERT_TRUE(container) << container.error();
  ASSERT_THAT(container->mounts, SizeIs(7));
  EXPECT_EQ(container->mounts[0].sub_path, "");
  EXPECT_EQ(container->mounts[1].sub_path, "a/b");
  EXPECT_TRUE(container->mounts[2].non_recursive);
  EXPECT_TRUE(container->mounts[3].anonymous);
  EXPECT_FALSE(container->mounts[0].anonymous);
  EXPECT_EQ(container->mounts[4].kind, Kind::kImage);
  EXPECT_TRUE(container->mounts[4].read_only);
  EXPECT_EQ(container->mounts[5].kind, Kind::kUnknown);
  EXPECT_EQ(container->mounts[6].kind, Kind::kTmpfs);
  EXPECT_EQ(container->mounts[6].target, "/run");
}

TEST(DockerApi, EachStateOfAContainerIsKnown) {
  const auto state_of = [](const std::string& name) {
    const auto all = read_docker_containers(R"([{"Id":"a","State":")" + name + R"("}])");
    return all && all->size() == 1 ? all->front().state : State::kWanted;
  };
  EXPECT_EQ(state_of("created"), State::kCreated);
  EXPECT_EQ(state_of("paused"), State::kPaused);
  EXPECT_EQ(state_of("restarting"), State::kRestarting);
  EXPECT_EQ(state_of("removing"), State::kRemoving);
  EXPECT_EQ(state_of("dead"), State::kDead);
  EXPECT_EQ(state_of("stopping"), State::kUnknown);
}

TEST(DockerApi, AnInspectionWithoutItsHostConfigIsAnErrorAndNotAContainerWithoutMounts) {
  const auto without = read_docker_container(R"({"Id":"a","Config":{}})");
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error(), HasSubstr("no HostConfig"));
  EXPECT_FALSE(read_docker_container(R"({"message":"No such container: a"})"));
  EXPECT_FALSE(read_docker_container(""));
  EXPECT_FALSE(read_docker_container("[]"));
}

TEST(DockerApi, AListThatIsCutOrNoneIsAnErrorAndNotAnEmptyList) {
  EXPECT_FALSE(read_docker_containers(R"([{"Id":"a"},)"));
  EXPECT_FALSE(read_docker_containers(R"({"message":"x"})"));
  EXPECT_FALSE(read_docker_containers(R"([{"Names":["/a"]}])"));
  EXPECT_FALSE(read_docker_containers(std::string(2'000, '[')));
  const auto none = read_docker_containers("[]\n");
  ASSERT_TRUE(none) << none.error();
  EXPECT_THAT(*none, IsEmpty());
}

TEST(DockerApi, VolumesAreReadWithTheirOptionsAndPlace) {
  const auto all = read_docker_volumes(R"({"Volumes":[{"CreatedAt":"x","Driver":"local","Labels":
      {"walguard.require-local":""},"Mountpoint":"/v/data/_data","Name":"data","Options":{"type":"nfs","o":"addr=h"},
      "Scope":"local"},{"Name":"plain","Driver":"local","Labels":null,"Options":null},
      {"Name":"c","Driver":"csi","ClusterVolume":{"ID":"x"}}],"Warnings":null})");
  ASSERT_TRUE(all) << all.error();
  ASSERT_THAT(*all, SizeIs(3));
  EXPECT_EQ(all->at(0).name, "data");
  EXPECT_EQ(all->at(0).driver, "local");
  EXPECT_EQ(all->at(0).mountpoint, "/v/data/_data");
  EXPECT_EQ(all->at(0).options, (core::StringMap{{"type", "nfs"}, {"o", "addr=h"}}));
  EXPECT_EQ(all->at(0).labels.require_local, true);
  EXPECT_THAT(all->at(1).options, IsEmpty());
  EXPECT_TRUE(all->at(2).cluster);
}

TEST(DockerApi, VolumesMayBeNullForNoneButMustBeThere) {
  const auto none = read_docker_volumes(R"({"Volumes":null,"Warnings":null})");
  ASSERT_TRUE(none) << none.error();
  EXPECT_THAT(*none, IsEmpty());
  EXPECT_FALSE(read_docker_volumes(R"({"message":"x"})"));
  EXPECT_FALSE(read_docker_volumes(R"({"Volumes":[{"Driver":"local"}]})"));
  EXPECT_FALSE(read_docker_volumes(R"({"Volumes":"none"})"));
  EXPECT_FALSE(read_docker_volumes("null"));
}

TEST(DockerApi, OneVolumeIsReadAlike) {
  const auto volume = read_docker_volume(R"({"Name":"data","Driver":"nas","Mountpoint":""})");
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ(volume->driver, "nas");
  EXPECT_FALSE(read_docker_volume(R"({"message":"no such volume"})"));
}

TEST(DockerApi, TheVersionOfTheEngineIsTold) {
  const auto version = read_docker_version(
      R"({"Platform":{"Name":""},"Version":"20.10.24+dfsg1","ApiVersion":"1.41","MinAPIVersion":"1.12","Os":"linux"})");
  ASSERT_TRUE(version) << version.error();
  EXPECT_EQ(version->version, "20.10.24+dfsg1");
  EXPECT_EQ(version->api_version, "1.41");
  EXPECT_EQ(version->min_api_version, "1.12");
  EXPECT_EQ(version->os, "linux");
  EXPECT_FALSE(read_docker_version("{}"));
}

TEST(DockerApi, EventsAreReadWithoutWhatAnExecRuns) {
  const auto started = read_docker_event(
      R"({"status":"start","id":"0a1b","from":"app","Type":"container","Action":"start","Actor":{"ID":"0a1b",
          "Attributes":{"name":"web"}},"scope":"local","time":1700000000,"timeNano":1700000000123456789})");
  ASSERT_TRUE(started) << started.error();
  EXPECT_EQ(started->type, DockerEvent::Type::kContainer);
  EXPECT_EQ(started->action, "start");
  EXPECT_EQ(started->id, "0a1b");
  EXPECT_EQ(started->time_nano, 1700000000123456789);

  const auto exec = read_docker_event(
      R"({"Type":"container","Action":"exec_create: sh -c hunter2","Actor":{"ID":"0a1b"}})");
  ASSERT_TRUE(exec) << exec.error();
  EXPECT_EQ(exec->action, "exec_create");
  EXPECT_EQ(exec->time_nano, std::nullopt);

  EXPECT_EQ(read_docker_event(R"({"Type":"volume","Action":"mount","Actor":{"ID":"data"}})")->type,
            DockerEvent::Type::kVolume);
  EXPECT_EQ(read_docker_event(R"({"Type":"daemon","Action":"reload"})")->type, DockerEvent::Type::kDaemon);
  EXPECT_EQ(read_docker_event(R"({"Type":"network","Action":"connect"})")->type, DockerEvent::Type::kOther);
  EXPECT_FALSE(read_docker_event(R"({"Type":"container"})"));
  EXPECT_FALSE(read_docker_event(""));
}

TEST(DockerApi, AnErrorIsItsMessageInOneLine) {
  EXPECT_EQ(read_docker_error(R"({"message":"No such container: a"})"), "No such container: a");
  EXPECT_EQ(read_docker_error("404 page\nnot found\n"), "404 page not found");
  EXPECT_EQ(read_docker_error(std::string(10'000, 'x')).size(), 300U);
  EXPECT_EQ(read_docker_error(""), "");
}

TEST(DockerInfo, RuntimesAreToldByWhatTheyAreAndNotByTheirNameAlone) {
  const auto info = read_docker_info(R"({"OperatingSystem":"Debian","DefaultRuntime":"boxed","Runtimes":{
      "runc":{"path":"runc"},"boxed":{"path":"/usr/bin/runsc","runtimeArgs":["--platform=systrap"]},
      "kata":{"runtimeType":"io.containerd.kata.v2"}},
      "SecurityOptions":["name=seccomp,profile=default","name=rootless"]})");
  ASSERT_TRUE(info) << info.error();
  EXPECT_EQ(info->default_runtime, "boxed");
  ASSERT_THAT(info->runtimes, SizeIs(3));
  EXPECT_EQ(info->runtimes.at("boxed").path, "/usr/bin/runsc");
  EXPECT_THAT(info->runtimes.at("boxed").args, ElementsAre("--platform=systrap"));
  EXPECT_EQ(info->runtimes.at("kata").type, "io.containerd.kata.v2");
  EXPECT_THAT(info->security_options, SizeIs(2));
  EXPECT_TRUE(info->rootless);
}

TEST(DockerInfo, TheTextHasTheNamesOfRuntimesAndTheSecurityOptionsBelowTheirHeading) {
  const auto info = read_docker_info(
      "Server:\n Runtimes: io.containerd.runc.v2 runc runsc\n Default Runtime: runc\n Security Options:\n"
      "  seccomp\n   Profile: default\n  rootless\n Kernel Version: 6.1.0\n Operating System: Debian\n");
  ASSERT_TRUE(info) << info.error();
  EXPECT_THAT(info->runtimes, SizeIs(3));
  EXPECT_TRUE(info->runtimes.contains("runsc"));
  EXPECT_THAT(info->security_options, ElementsAre("seccomp", "Profile: default", "rootless"));
  EXPECT_TRUE(info->rootless);
  EXPECT_EQ(info->kernel_version, "6.1.0");
  EXPECT_FALSE(read_docker_info("Operating System: Debian\n")->rootless);
}

}  // namespace
}  // namespace walguard::wire
