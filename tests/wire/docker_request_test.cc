#include "operator/wire/docker_request.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_container.h"

namespace walguard::wire {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Kind = DockerMount::Kind;

constexpr const char* kCreate = "/v1.41/containers/create?name=web";

AuthzRequest post(std::string uri, std::string body) {
  AuthzRequest request;
  request.method = "POST";
  request.uri = std::move(uri);
  request.content_type = "application/json";
  request.body_present = !body.empty();
  request.body = std::move(body);
  return request;
}

AuthzRequest bare(std::string uri) {
  AuthzRequest request = post(std::move(uri), "");
  request.content_type = std::nullopt;
  return request;
}

template <typename Wanted>
Wanted read(const AuthzRequest& request) {
  auto read = read_docker_request(request);
  EXPECT_TRUE(read) << (read ? "" : read.error());
  if (!read) return {};
  EXPECT_TRUE(std::holds_alternative<Wanted>(*read));
  return std::holds_alternative<Wanted>(*read) ? std::get<Wanted>(*std::move(read)) : Wanted();
}

DockerContainer container_of(const std::string& body, const std::string& uri = kCreate) {
  return read<CreateContainer>(post(uri, body)).container;
}

DockerContainer container_with(const json& host_config) {
  return container_of(json{{"Image", "app"}, {"HostConfig", host_config}}.dump());
}

DockerService service_of(const json& container_spec, const std::string& uri = "/v1.41/services/create") {
  const json body = {{"Name", "web"}, {"TaskTemplate", {{"ContainerSpec", container_spec}}}};
  return read<RunService>(post(uri, body.dump())).service;
}

std::string refusal_of(const AuthzRequest& request) {
  const auto read = read_docker_request(request);
  return read ? "allowed" : read.error();
}
std::string refusal(const std::string& body) { return refusal_of(post(kCreate, body)); }
std::string refusal_with(const json& host_config) {
  return refusal(json{{"Image", "app"}, {"HostConfig", host_config}}.dump());
}
std::string refusal_of_mount(const json& mount) { return refusal_with({{"Mounts", {mount}}}); }

DockerMount mount_of(const std::string& bind) {
  const DockerContainer container = container_with({{"Binds", {bind}}});
  EXPECT_THAT(container.mounts, SizeIs(1));
  return container.mounts.empty() ? DockerMount() : container.mounts.front();
}

DockerMount mount_of_json(const json& mount, const std::string& uri = "/v1.47/containers/create") {
  const DockerContainer container = container_of(json{{"HostConfig", {{"Mounts", {mount}}}}}.dump(), uri);
  EXPECT_THAT(container.mounts, SizeIs(1));
  return container.mounts.empty() ? DockerMount() : container.mounts.front();
}

/// As `docker run -v data:/data -v /srv:/srv:ro --label ... app sh -c ...` of 20.10 sends it, shortened.
constexpr std::string_view kOfTheCommandLine =
    R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,
"Tty":false,"Env":["DB=/data/app.db","ONLY_NAMED"],"Cmd":["sh","-c","true"],"Image":"app","Volumes":{},
"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{"walguard.require-local":"true","other":"x"},
"HostConfig":{"Binds":["data:/data","/srv:/srv:ro"],"ContainerIDFile":"","NetworkMode":"default",
"PortBindings":{},"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":false,"VolumeDriver":"",
"VolumesFrom":null,"CapAdd":null,"Dns":[],"Privileged":false,"ReadonlyRootfs":false,"SecurityOpt":null,
"ShmSize":0,"ConsoleSize":[0,0],"Isolation":"","Memory":0,"MaskedPaths":null,"ReadonlyPaths":null},
"NetworkingConfig":{"EndpointsConfig":{}}})";

TEST(DockerRequest, ACreateOfTheCommandLineIsReadWhole) {
  const DockerContainer container = container_of(std::string(kOfTheCommandLine));
  EXPECT_EQ(container.state, DockerContainer::State::kWanted);
  EXPECT_EQ(container.id, "");
  EXPECT_EQ(container.name, "web");
  EXPECT_EQ(container.image, "app");
  EXPECT_EQ(container.runtime, "");
  EXPECT_EQ(container.labels.require_local, true);
  EXPECT_EQ(container.launch.image, "app");
  EXPECT_THAT(container.launch.command, IsEmpty());
  EXPECT_THAT(container.launch.args, ElementsAre("sh", "-c", "true"));
  ASSERT_THAT(container.launch.environment, SizeIs(1));
  EXPECT_EQ(container.launch.environment[0].name, "DB");
  EXPECT_EQ(container.launch.environment[0].value, "/data/app.db");
  ASSERT_THAT(container.mounts, SizeIs(2));
  EXPECT_EQ(container.mounts[0].kind, Kind::kVolume);
  EXPECT_EQ(container.mounts[0].source, "data");
  EXPECT_EQ(container.mounts[1].kind, Kind::kBind);
  EXPECT_TRUE(container.mounts[1].read_only);
}

TEST(DockerRequest, ACreateOfDockerComposeIsReadWhole) {
  // docker-py lists the targets in Volumes as well, and writes null for what is not set.
  const DockerContainer container = container_of(
      R"({"Image":"app","Entrypoint":"/run.sh","Cmd":null,"Runtime":null,"VolumesFrom":"","Volumes":{"/data":{}},
          "Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web"},
          "HostConfig":{"Binds":["shop_data:/data:rw"],"VolumesFrom":[],"Mounts":null}})");
  EXPECT_EQ(container.compose_project, "shop");
  EXPECT_EQ(container.compose_service, "web");
  EXPECT_THAT(container.launch.command, ElementsAre("/run.sh"));
  ASSERT_THAT(container.mounts, SizeIs(1));
  EXPECT_EQ(container.mounts[0].source, "shop_data");
  EXPECT_FALSE(container.mounts[0].anonymous);
}

TEST(DockerRequest, BindsAreReadInEachOfTheirForms) {
  const DockerMount bind = mount_of("/srv/../data//x:/in/./y/:ro,z");
  EXPECT_EQ(bind.kind, Kind::kBind);
  EXPECT_EQ(bind.source, "/data/x");
  EXPECT_EQ(bind.target, "/in/y");
  EXPECT_TRUE(bind.read_only);

  const DockerMount volume = mount_of("data:/data:nocopy,rw");
  EXPECT_EQ(volume.kind, Kind::kVolume);
  EXPECT_EQ(volume.source, "data");
  EXPECT_FALSE(volume.read_only);
  EXPECT_FALSE(volume.anonymous);

  const DockerMount anonymous = mount_of("/data");
  EXPECT_EQ(anonymous.kind, Kind::kVolume);
  EXPECT_EQ(anonymous.target, "/data");
  EXPECT_TRUE(anonymous.anonymous);

  EXPECT_EQ(mount_of("/var/run/x:/x:rslave,cached").kind, Kind::kBind);
  EXPECT_EQ(mount_of("/a:/b:").target, "/b");
}

TEST(DockerRequest, BindsThatAreNotUnderstoodAreRefusedByTheirPlace) {
  for (const char* const bind : {"", ":", ":/data", "a:", "a:b", "a:b:c:d", "/a:/b:/c:ro", "data:/data:exec",
                                 "data:/data:RO", "data:/", "data:/x/..", "data:ro", "/data:ro", "data"}) {
    EXPECT_THAT(refusal_with({{"Binds", {"ok:/ok", bind}}}), HasSubstr("HostConfig.Binds[1]: ")) << bind;
  }
}

TEST(DockerRequest, ADriveLetterIsRefusedAsALinuxEngineWouldTakeItForAVolume) {
  for (const char* const bind : {"C:\\data:/data", "c:/data:/data", "C:/data", "C:/data:ro"}) {
    EXPECT_THAT(refusal_with({{"Binds", {bind}}}), HasSubstr("drive letter")) << bind;
  }
}

TEST(DockerRequest, MountsAreReadWithTheirDriverAndItsOptions) {
  const DockerMount mount = mount_of_json(
      {{"Type", "volume"},
       {"Source", "data"},
       {"Target", "/data/"},
       {"ReadOnly", true},
       {"Consistency", "default"},
       {"VolumeOptions",
        {{"NoCopy", true},
         {"Labels", {{"a", "b"}}},
         {"Subpath", "sub/./x"},
         {"DriverConfig", {{"Name", "local"}, {"Options", {{"type", "nfs"}, {"o", "addr=10.0.0.1"}}}}}}}});
  EXPECT_EQ(mount.kind, Kind::kVolume);
  EXPECT_EQ(mount.source, "data");
  EXPECT_EQ(mount.target, "/data");
  EXPECT_EQ(mount.sub_path, "sub/x");
  EXPECT_TRUE(mount.read_only);
  EXPECT_EQ(mount.driver, "local");
  EXPECT_EQ(mount.options, (core::StringMap{{"type", "nfs"}, {"o", "addr=10.0.0.1"}}));
}

TEST(DockerRequest, EachTypeOfMountIsKnown) {
  const DockerMount bind =
      mount_of_json({{"Type", "bind"},
                     {"Source", "/srv//x/"},
                     {"Target", "/x"},
                     {"BindOptions", {{"Propagation", "rprivate"}, {"NonRecursive", true}}}});
  EXPECT_EQ(bind.kind, Kind::kBind);
  EXPECT_EQ(bind.source, "/srv/x");
  EXPECT_TRUE(bind.non_recursive);

  const DockerMount anonymous = mount_of_json({{"Type", "volume"}, {"Target", "/x"}});
  EXPECT_EQ(anonymous.kind, Kind::kVolume);
  EXPECT_TRUE(anonymous.anonymous);

  EXPECT_EQ(mount_of_json({{"Type", "tmpfs"}, {"Target", "/x"}, {"TmpfsOptions", {{"SizeBytes", 1}}}}).kind,
            Kind::kTmpfs);
  const DockerMount image = mount_of_json({{"Type", "image"}, {"Source", "files"}, {"Target", "/x"}});
  EXPECT_EQ(image.kind, Kind::kImage);
  EXPECT_TRUE(image.read_only);
}

TEST(DockerRequest, AMountThatIsNotUnderstoodIsRefused) {
  const json good = {{"Type", "bind"}, {"Source", "/srv"}, {"Target", "/x"}};
  const auto changed = [&](const char* key, const json& value) {
    json mount = good;
    mount[key] = value;
    return refusal_of_mount(mount);
  };
  EXPECT_EQ(refusal_of_mount(good), "allowed");
  for (const char* const type : {"", "BIND", "Bind", "npipe", "cluster", "nfs"}) {
    EXPECT_THAT(changed("Type", type), HasSubstr("HostConfig.Mounts[0].Type: ")) << type;
  }
  EXPECT_THAT(changed("Type", nullptr), HasSubstr("HostConfig.Mounts[0].Type: "));
  // Engines take "\srv" for absolute, and look for it below their own folder.
  for (const char* const source : {"", "srv", "./srv", "\\srv", "C:\\srv"}) {
    EXPECT_THAT(changed("Source", source), HasSubstr("HostConfig.Mounts[0].Source: ")) << source;
  }
  for (const char* const target : {"", "/", "/a/..", "x", "\\x"}) {
    EXPECT_THAT(changed("Target", target), HasSubstr("HostConfig.Mounts[0].Target: ")) << target;
  }
  EXPECT_THAT(changed("NewOption", true), HasSubstr("\"NewOption\" is not known"));
  EXPECT_THAT(changed("BindOptions", {{"NewOption", 1}}), HasSubstr("\"NewOption\" is not known"));
  EXPECT_THAT(changed("VolumeOptions", {{"DriverConfig", {{"Mountpoint", "/x"}}}}),
              HasSubstr("\"Mountpoint\" is not known"));
  EXPECT_THAT(refusal_with({{"Mounts", {nullptr}}}), HasSubstr("Mounts[0]: expected an object, found null"));
}

TEST(DockerRequest, ASubpathIsRefusedWhereTheEngineWouldMountTheWholeVolume) {
  const json body = {{"HostConfig",
                      {{"Mounts",
                        {{{"Type", "volume"},
                          {"Source", "data"},
                          {"Target", "/x"},
                          {"VolumeOptions", {{"Subpath", "a"}}}}}}}}};
  EXPECT_EQ(refusal_of(post("/v1.45/containers/create", body.dump())), "allowed");
  for (const char* const uri : {"/v1.44/containers/create", "/containers/create"}) {
    EXPECT_THAT(refusal_of(post(uri, body.dump())), HasSubstr("VolumeOptions.Subpath: engines leave it out"));
  }
}

TEST(DockerRequest, NonRecursiveCountsWhereTheApiHasIt) {
  const json mount = {
      {"Type", "bind"}, {"Source", "/a"}, {"Target", "/b"}, {"BindOptions", {{"NonRecursive", true}}}};
  EXPECT_TRUE(mount_of_json(mount, "/v1.40/containers/create").non_recursive);
  EXPECT_FALSE(mount_of_json(mount, "/v1.39/containers/create").non_recursive);
}

TEST(DockerRequest, AnonymousVolumesTmpfsAndVolumesFromAreMountsToo) {
  const DockerContainer container = container_of(
      R"({"Volumes":{"/anon":{},"/nulled":null,"/tmp/":{}},
          "HostConfig":{"Tmpfs":{"/tmp":"size=64m"},"VolumesFrom":["db","0a1b:ro","c:rw,z"]}})");
  ASSERT_THAT(container.mounts, SizeIs(3));
  EXPECT_EQ(container.mounts[0].kind, Kind::kTmpfs);
  EXPECT_EQ(container.mounts[0].target, "/tmp");
  EXPECT_EQ(container.mounts[1].target, "/anon");
  EXPECT_TRUE(container.mounts[1].anonymous);
  EXPECT_EQ(container.mounts[2].target, "/nulled");
  ASSERT_THAT(container.volumes_from, SizeIs(3));
  EXPECT_EQ(container.volumes_from[0].container, "db");
  EXPECT_FALSE(container.volumes_from[0].read_only);
  EXPECT_EQ(container.volumes_from[1].container, "0a1b");
  EXPECT_TRUE(container.volumes_from[1].read_only);
  EXPECT_FALSE(container.volumes_from[2].read_only);
}

TEST(DockerRequest, VolumesFromOfNobodyOrWithUnknownOptionsIsRefused) {
  for (const char* const from : {"", ":ro", "db:readonly", "db:ro:ro"}) {
    EXPECT_THAT(refusal_with({{"VolumesFrom", {from}}}), HasSubstr("HostConfig.VolumesFrom[0]: ")) << from;
  }
}

TEST(DockerRequest, TheVolumeDriverIsThatOfNamedAndAnonymousVolumesButNotOfMounts) {
  const DockerContainer container = container_of(
      R"({"Volumes":{"/anon":{}},"HostConfig":{"VolumeDriver":"nas","Binds":["data:/data","/srv:/srv"],
          "Mounts":[{"Type":"volume","Source":"own","Target":"/own"}]}})");
  EXPECT_EQ(container.volume_driver, "nas");
  ASSERT_THAT(container.mounts, SizeIs(4));
  EXPECT_EQ(container.mounts[0].driver, "nas");
  EXPECT_EQ(container.mounts[1].driver, "");
  EXPECT_EQ(container.mounts[2].driver, "");
  EXPECT_EQ(container.mounts[3].driver, "nas");
}

TEST(DockerRequest, RuntimeAndAReadOnlyRootAreTold) {
  const DockerContainer container = container_with({{"Runtime", "runsc"}, {"ReadonlyRootfs", true}});
  EXPECT_EQ(container.runtime, "runsc");
  EXPECT_TRUE(container.read_only_root);
}

TEST(DockerRequest, LabelsAreReadInTheirTwoForms) {
  const core::Annotations dots = container_of(R"({"Labels":{"walguard.databases":"/data/app.db",
      "walguard.require-local":"false","walguard.mode":"enforce","walguardx":"y"}})")
                                     .labels;
  EXPECT_EQ(dots.databases, "/data/app.db");
  EXPECT_EQ(dots.require_local, false);
  EXPECT_EQ(dots.mode, "enforce");
  EXPECT_EQ(container_of(R"({"Labels":{"walguard/databases":"/data/app.db"}})").labels.databases,
            "/data/app.db");
}

TEST(DockerRequest, OneLabelInTwoFormsWithTwoValuesIsRefused) {
  EXPECT_THAT(refusal(R"({"Labels":{"walguard.require-local":"true","walguard/require-local":"false"}})"),
              HasSubstr("Labels: a label stands there as walguard.NAME and as walguard/NAME"));
  EXPECT_EQ(refusal(R"({"Labels":{"walguard.mode":"warn","walguard/mode":"warn"}})"), "allowed");
}

// Ways around.

TEST(DockerRequestWaysAround, AnEmptyBodyWhichIsHowTheEngineShowsOneAboveAMebibyteIsRefused) {
  for (const char* const uri :
       {kCreate, "/v1.41/volumes/create", "/v1.41/services/create", "/v1.41/services/a/update?version=1"}) {
    EXPECT_THAT(refusal_of(post(uri, "")),
                AllOf(HasSubstr("shows none of 1 MiB or more"), HasSubstr("Content-Length")))
        << uri;
  }
}

TEST(DockerRequestWaysAround, AnotherContentTypeIsRefusedWithAndWithoutABody) {
  for (const std::optional<std::string>& type :
       {std::optional<std::string>(), std::optional<std::string>(""),
        std::optional<std::string>("text/plain"), std::optional<std::string>("application/jsonx"),
        std::optional<std::string>("application/json5; a=b")}) {
    AuthzRequest request = post(kCreate, "");
    request.content_type = type;
    EXPECT_THAT(refusal_of(request), HasSubstr("Content-Type is exactly application/json"));
    request = post(kCreate, R"({"Image":"a"})");
    request.content_type = type;
    EXPECT_THAT(refusal_of(request), HasSubstr("Content-Type is exactly application/json"));
  }
}

TEST(DockerRequestWaysAround, ACharsetIsAllowedWhereTheEngineShowsTheBody) {
  AuthzRequest request = post(kCreate, R"({"Image":"a"})");
  request.content_type = "application/json; charset=utf-8";
  EXPECT_EQ(refusal_of(request), "allowed");
  request = post(kCreate, "");
  request.content_type = "application/json; charset=utf-8";
  EXPECT_THAT(refusal_of(request), HasSubstr("Content-Type is exactly application/json"));
}

TEST(DockerRequestWaysAround, KeysInAnotherCaseAreRefusedAtEveryLevel) {
  for (const char* const body :
       {R"({"hostconfig":{"Binds":["/a:/b"]}})", R"({"HostConfig":{"binds":["/a:/b"]}})",
        R"({"HostConfig":{"BINDS":["/a:/b"]}})", R"({"HostConfig":{"Binds":[],"binds":["/a:/b"]}})",
        R"({"HostConfig":{"mounts":[]}})", R"({"HostConfig":{"runtime":"runsc"}})",
        R"({"HostConfig":{"volumesFrom":["db"]}})", R"({"volumes":{"/data":{}}})", R"({"labels":{}})",
        R"({"HostConfig":{"Mounts":[{"type":"bind","Source":"/a","Target":"/b"}]}})",
        R"({"HostConfig":{"Mounts":[{"Type":"volume","Target":"/b","VolumeOptions":{"driverConfig":{}}}]}})",
        R"({"HostConfig":{"Mounts":[{"Type":"volume","Target":"/b","VolumeOptions":
           {"DriverConfig":{"options":{"type":"nfs"}}}}]}})"}) {
    EXPECT_THAT(refusal(body), HasSubstr("written in another case")) << body;
  }
}

TEST(DockerRequestWaysAround, KeysWithLettersThatGoFoldsIntoAsciiAreRefused) {
  for (const char* const key : {"Bind\u017F", "BIND\u017F", "bind\\u017f"}) {
    EXPECT_THAT(refusal(R"({"HostConfig":{")" + std::string(key) + R"(":["/a:/b"]}})"),
                HasSubstr("HostConfig.Binds: the key is written in another case"))
        << key;
  }
  EXPECT_THAT(refusal("{\"Ho\u017FtConfig\":{}}"),
              HasSubstr("HostConfig: the key is written in another case"));
  EXPECT_THAT(refusal_of(post("/services/create", "{\"Ta\u017FkTemplate\":{}}")), HasSubstr("TaskTemplate"));
  EXPECT_THAT(refusal_of(post("/services/create", "{\"Tas\u212ATemplate\":{}}")), HasSubstr("TaskTemplate"));
}

TEST(DockerRequestWaysAround, EscapesInAKeyMakeItNoOtherKey) {
  EXPECT_THAT(container_of(R"({"HostConfig":{"\u0042inds":["/a:/b"]}})").mounts, SizeIs(1));
}

TEST(DockerRequestWaysAround, AKeyThatComesTwiceIsRefusedAtEveryLevel) {
  for (const char* const body :
       {R"({"HostConfig":{"Binds":["/a:/b"]},"HostConfig":{}})",
        R"({"HostConfig":{"Binds":["/a:/b"],"Binds":[]}})",
        R"({"HostConfig":{"\u0042inds":["/a:/b"],"Binds":[]}})",
        R"({"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Source":"/b","Target":"/c"}]}})",
        R"({"HostConfig":{"Mounts":[{"Type":"volume","Target":"/c","VolumeOptions":
           {"DriverConfig":{"Options":{"type":"none","type":"nfs"}}}}]}})",
        R"({"Labels":{"walguard.mode":"warn","walguard.mode":"off"}})", R"({"X":{"y":{"z":1,"z":2}}})"}) {
    EXPECT_THAT(refusal(body), HasSubstr("stands twice in one object")) << body;
  }
}

TEST(DockerRequestWaysAround, KeysOfHostConfigBesideItAreRefusedUnlessTheySayNothing) {
  for (const char* const body :
       {R"({"Binds":["/a:/b"]})", R"({"Binds":["/a:/b"],"HostConfig":{}})", R"({"Runtime":"runsc"})",
        R"({"VolumeDriver":"nas","HostConfig":{"Binds":["a:/b"]}})", R"({"VolumesFrom":["db"]})",
        R"({"Mounts":[{}]})", R"({"Tmpfs":{"/a":""}})", R"({"ReadonlyRootfs":true})"}) {
    EXPECT_THAT(refusal(body), HasSubstr("stands beside HostConfig; write it in HostConfig")) << body;
  }
  EXPECT_THAT(refusal(R"({"binds":["/a:/b"]})"), HasSubstr("another case"));
  EXPECT_EQ(refusal(R"({"Image":"a","Binds":[],"Runtime":"","VolumesFrom":null,"Tmpfs":{}})"), "allowed");
}

TEST(DockerRequestWaysAround, WhatFollowsTheFirstValueOrIsNoJsonIsRefused) {
  for (const std::string& body :
       {std::string(R"({"Image":"a"}{"HostConfig":{"Binds":["/a:/b"]}})"), std::string(R"({"Image":"a"} x)"),
        std::string(R"({"Image":"a",})"), std::string("{\"Image\":\"\xFF\"}"), std::string("x"),
        std::string("{"), std::string(R"({"Image":"\ud800"})"), std::string("{/*c*/}")}) {
    EXPECT_THAT(refusal(body), HasSubstr("not one JSON value in UTF-8")) << body;
  }
}

TEST(DockerRequestWaysAround, NestingWithoutEndIsRefused) {
  EXPECT_THAT(refusal(R"({"X":)" + std::string(500'000, '[')), HasSubstr("nested deeper than 1000 levels"));
}

TEST(DockerRequestWaysAround, WrongTypesAreRefusedByTheirField) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"([])", "expected an object"},
      {R"(null)", "expected an object"},
      {R"({"HostConfig":[]})", "HostConfig: expected an object"},
      {R"({"HostConfig":{"Binds":"/a:/b"}})", "HostConfig.Binds: expected a list"},
      {R"({"HostConfig":{"Binds":[1]}})", "HostConfig.Binds[0]: expected a string"},
      {R"({"HostConfig":{"Binds":[null]}})", "HostConfig.Binds[0]: expected a string"},
      {R"({"HostConfig":{"Binds":{"0":"/a:/b"}}})", "HostConfig.Binds: expected a list"},
      {R"({"HostConfig":{"Mounts":{}}})", "HostConfig.Mounts: expected a list"},
      {R"({"HostConfig":{"Runtime":1}})", "HostConfig.Runtime: expected a string"},
      {R"({"HostConfig":{"Tmpfs":["/a"]}})", "HostConfig.Tmpfs: expected an object"},
      {R"({"HostConfig":{"VolumesFrom":"a"}})", "HostConfig.VolumesFrom: expected a list"},
      {R"({"HostConfig":{"ReadonlyRootfs":"true"}})", "HostConfig.ReadonlyRootfs: expected true or false"},
      {R"({"Volumes":["/a"]})", "Volumes: expected an object"},
      {R"({"Volumes":{"/a":"/b"}})", "Volumes: expected {}"},
      {R"({"Volumes":{"a":{}}})", "Volumes: expected a path in the container"},
      {R"({"Labels":[]})", "Labels: expected an object"},
      {R"({"Cmd":[1]})", "Cmd[0]: expected a string"},
      {R"({"Env":{"A":"b"}})", "Env: expected a list"},
  };
  for (const auto& [body, expected] : cases) EXPECT_THAT(refusal(body), HasSubstr(expected)) << body;
}

TEST(DockerRequestWaysAround, AZeroByteWhichEndsAPathForTheKernelIsRefused) {
  EXPECT_THAT(refusal(R"({"HostConfig":{"Binds":["/a\u0000b:/c"]}})"),
              HasSubstr("Binds[0]: holds a zero byte"));
}

TEST(DockerRequestWaysAround, AStartWithABodyIsRefused) {
  const std::string host_config = R"({"Binds":["/a:/b"]})";
  for (const char* const uri :
       {"/v1.23/containers/web/start", "/v1.41/containers/web/start", "/containers/web/start"}) {
    EXPECT_THAT(refusal_of(post(uri, host_config)), HasSubstr("started without a body")) << uri;
  }
  EXPECT_EQ(refusal_of(post("/v1.41/containers/web/start", "{}")), "allowed");
}

TEST(DockerRequestWaysAround, AStartBeforeApi124ThatMayHideABodySentInChunksIsRefused) {
  AuthzRequest start = bare("/v1.23/containers/web/start");
  EXPECT_EQ(refusal_of(start), "allowed");
  start.content_type = "application/json";
  EXPECT_THAT(refusal_of(start), HasSubstr("started without a body"));
  // Of two Content-Types the engine goes by the first and shows the last.
  start.content_type = "text/plain";
  EXPECT_THAT(refusal_of(start), HasSubstr("started without a body"));
  start.uri = "/v1.24/containers/web/start";
  EXPECT_EQ(refusal_of(start), "allowed");
}

TEST(DockerRequestWaysAround, AnotherSpellingOfThePathAndUnknownVersionsAreRefused) {
  const std::string body = R"({"Image":"a"})";
  EXPECT_THAT(refusal_of(post("/v1.41/containers%2Fcreate", body)),
              HasSubstr("not written as clients write it"));
  EXPECT_THAT(refusal_of(post("/v1.41//containers/create", body)),
              HasSubstr("not written as clients write it"));
  EXPECT_THAT(refusal_of(post("/v1.99/containers/create", body)), HasSubstr("not known to walguard"));
}

TEST(DockerRequestWaysAround, MoreMountsThanAnybodyHasAreRefused) {
  json binds = json::array();
  for (int i = 0; i < 1'001; ++i) binds.push_back("vol:/m" + std::to_string(i));
  EXPECT_THAT(refusal_with({{"Binds", binds}}), HasSubstr("more than 1000 mounts"));
}

TEST(DockerRequest, ARefusalIsOneLineThatRepeatsNoValues) {
  for (const char* const body :
       {R"({"Env":["TOKEN=hunter2",1]})", R"({"Env":"TOKEN=hunter2"})", R"({"Labels":{"hunter2":1}})",
        R"({"HostConfig":{"Binds":["hunter2"]}})", R"({"HostConfig":{"Mounts":[{"Type":"hunter2"}]}})",
        R"({"Labels":{"hunter2\n":"a","hunter2\n":"b"}})", "{\"Cmd\":\"hunter2"}) {
    EXPECT_THAT(refusal(body), AllOf(StartsWith("this request cannot be judged: "), Not(HasSubstr("\n"))))
        << body;
  }
  for (const char* const body : {R"({"Env":["TOKEN=hunter2",1]})", R"({"Env":"TOKEN=hunter2"})",
                                 R"({"HostConfig":{"Binds":["hunter2"]}})", "{\"Cmd\":\"hunter2"}) {
    EXPECT_THAT(refusal(body), Not(HasSubstr("hunter2"))) << body;
  }
}

// The other requests.

TEST(DockerRequest, WithoutStorageNoBodyIsLookedAt) {
  read<NoStorage>(post("/v1.41/containers/web/exec", "not JSON"));
  read<NoStorage>(post("/v1.99/images/load", ""));
  read<NoStorage>(bare("/v1.41/containers/web/stop"));
  AuthzRequest list = bare("/v1.41/containers/json?all=1");
  list.method = "GET";
  read<NoStorage>(list);
}

TEST(DockerRequest, AStartNamesItsContainer) {
  EXPECT_EQ(read<StartContainer>(bare("/v1.41/containers/web/start")).container, "web");
  EXPECT_EQ(read<StartContainer>(bare("/v1.41/containers/0a1b/restart?t=5")).container, "0a1b");
}

TEST(DockerRequest, ANewVolumeIsReadWithItsDriverAndOptions) {
  const DockerVolume volume =
      read<CreateVolume>(post("/v1.41/volumes/create",
                              R"({"Name":"data","Driver":"","DriverOpts":{"type":"nfs","device":":/x"},
                                  "Labels":{"walguard.require-local":"true"}})"))
          .volume;
  EXPECT_EQ(volume.name, "data");
  EXPECT_EQ(volume.driver, "local");
  EXPECT_EQ(volume.options, (core::StringMap{{"type", "nfs"}, {"device", ":/x"}}));
  EXPECT_EQ(volume.labels.require_local, true);
  EXPECT_FALSE(volume.cluster);
  EXPECT_EQ(read<CreateVolume>(post("/volumes/create", R"({"Driver":"nas"})")).volume.driver, "nas");
}

TEST(DockerRequest, ANewVolumeThatIsNotUnderstoodIsRefused) {
  const auto refused = [](const char* body) { return refusal_of(post("/v1.41/volumes/create", body)); };
  EXPECT_THAT(refused(R"({"Name":"a","driverOpts":{"type":"nfs"}})"), HasSubstr("another case"));
  EXPECT_THAT(refused(R"({"DriverOpts":{"type":"none"},"DriverOpts":{"type":"nfs"}})"),
              HasSubstr("stands twice"));
  EXPECT_THAT(refused(R"({"DriverOpts":{"type":1}})"), HasSubstr("DriverOpts.type: expected a string"));
  EXPECT_THAT(refused(R"({"DriverOpts":["nfs"]})"), HasSubstr("DriverOpts: expected an object"));
  EXPECT_THAT(refused(R"({"Options":{"type":"nfs"}})"), HasSubstr("\"Options\" is not known"));
}

TEST(DockerRequest, AServiceOfASwarmIsReadWithWhereItMayRun) {
  const DockerService service =
      read<RunService>(post("/v1.41/services/create",
                            R"({"Name":"web","Labels":{"walguard.mode":"warn","walguard.databases":"/x"},
          "TaskTemplate":{"ContainerSpec":{"Image":"app","Command":["/run"],"Args":["a"],"Env":["A=b"],
             "Labels":{"walguard.databases":"/data/app.db"},"ReadOnly":true,
             "Mounts":[{"Type":"volume","Source":"data","Target":"/data"},
                       {"Type":"cluster","Source":"group:g","Target":"/c","ClusterOptions":{}}]},
           "Placement":{"Constraints":["node.hostname==alpha"]}},
          "Mode":{"Replicated":{"Replicas":3}},"EndpointSpec":{"Mode":"vip"}})"))
          .service;
  EXPECT_EQ(service.id, "");
  EXPECT_EQ(service.name, "web");
  EXPECT_EQ(service.launch.image, "app");
  EXPECT_THAT(service.launch.command, ElementsAre("/run"));
  EXPECT_THAT(service.launch.args, ElementsAre("a"));
  EXPECT_THAT(service.launch.environment, SizeIs(1));
  EXPECT_EQ(service.labels.databases, "/data/app.db");
  EXPECT_EQ(service.labels.mode, "warn");
  EXPECT_TRUE(service.read_only_root);
  EXPECT_EQ(service.replicas, 3);
  EXPECT_FALSE(service.on_every_node);
  EXPECT_THAT(service.constraints, ElementsAre("node.hostname==alpha"));
  ASSERT_THAT(service.mounts, SizeIs(2));
  EXPECT_EQ(service.mounts[0].kind, Kind::kVolume);
  EXPECT_EQ(service.mounts[1].kind, Kind::kCluster);
}

TEST(DockerRequest, TheModesOfAServiceAreToldApart) {
  const auto with_mode = [](const json& mode) {
    return read<RunService>(post("/services/web/update?version=2", json{{"Mode", mode}}.dump())).service;
  };
  EXPECT_EQ(with_mode({{"Replicated", json::object()}}).id, "web");
  EXPECT_EQ(with_mode({{"Replicated", json::object()}}).replicas, std::nullopt);
  EXPECT_TRUE(with_mode({{"Global", json::object()}}).on_every_node);
  EXPECT_TRUE(with_mode({{"GlobalJob", json::object()}}).is_job);
  const DockerService job = with_mode({{"ReplicatedJob", {{"MaxConcurrent", 2}, {"TotalCompletions", 9}}}});
  EXPECT_TRUE(job.is_job);
  EXPECT_EQ(job.replicas, 2);
}

TEST(DockerRequest, TheSubpathOfAServiceCountsAsTheWholeVolume) {
  const DockerService service = service_of({{"Mounts",
                                             {{{"Type", "volume"},
                                               {"Source", "data"},
                                               {"Target", "/x"},
                                               {"VolumeOptions", {{"Subpath", "a"}}}}}}});
  ASSERT_THAT(service.mounts, SizeIs(1));
  EXPECT_EQ(service.mounts[0].sub_path, "");
}

TEST(DockerRequestWaysAround, ATypeThatASwarmTakesInAnyCaseIsRefusedInAnotherCase) {
  for (const char* const type : {"BIND", "Volume", ""}) {
    const json body = {
        {"TaskTemplate",
         {{"ContainerSpec", {{"Mounts", {{{"Type", type}, {"Source", "/a"}, {"Target", "/b"}}}}}}}}};
    EXPECT_THAT(refusal_of(post("/services/create", body.dump())),
                HasSubstr("TaskTemplate.ContainerSpec.Mounts[0].Type: "))
        << type;
  }
}

TEST(DockerRequestWaysAround, ARollbackToASpecThatIsNotShownIsRefused) {
  EXPECT_THAT(refusal_of(post("/services/web/update?version=3&rollback=previous", "{}")),
              HasSubstr("previous spec, which the request does not show"));
}

}  // namespace
}  // namespace walguard::wire
