#include "operator/wire/docker_target.h"

#include <optional>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tl/expected.hpp>

namespace walguard::wire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

DockerTarget target_of(std::string_view uri, std::string_view method = "POST") {
  const auto target = read_docker_target(method, uri);
  EXPECT_TRUE(target) << uri << ": " << (target ? "" : target.error());
  return target.value_or(DockerTarget());
}

DockerRoute route_of(std::string_view uri, std::string_view method = "POST") {
  return target_of(uri, method).route;
}

std::string error_of(std::string_view uri) {
  const auto target = read_docker_target("POST", uri);
  return target ? "no error" : target.error();
}

TEST(DockerTarget, TheRoutesWithStorageAreKnownWithAndWithoutAVersion) {
  for (const std::string prefix : {"", "/v1.41", "/v1.12", "/v1.55"}) {
    EXPECT_EQ(route_of(prefix + "/containers/create"), DockerRoute::kCreateContainer);
    EXPECT_EQ(route_of(prefix + "/containers/web/start"), DockerRoute::kStartContainer);
    EXPECT_EQ(route_of(prefix + "/containers/web/restart"), DockerRoute::kStartContainer);
    EXPECT_EQ(route_of(prefix + "/volumes/create"), DockerRoute::kCreateVolume);
    EXPECT_EQ(route_of(prefix + "/services/create"), DockerRoute::kCreateService);
    EXPECT_EQ(route_of(prefix + "/services/web/update?version=3"), DockerRoute::kUpdateService);
  }
}

TEST(DockerTarget, WhatComesWithNoStorageIsNeverRefused) {
  for (const char* const uri : {"/v1.41/containers/web/stop",
                                "/v1.41/containers/web/exec",
                                "/v1.41/exec/abc/start",
                                "/v1.41/containers/web/update",
                                "/v1.41/containers/web/rename?name=b",
                                "/v1.41/networks/create",
                                "/v1.41/networks/a/connect",
                                "/v1.41/build?t=x",
                                "/v1.41/images/create?fromImage=a%2Fb",
                                "/v1.99/build",
                                "/v1.41/images/registry%2Fa/push",
                                "/v1.41//images/load",
                                "/v1.41/auth",
                                "/session",
                                "/grpc",
                                "http://host/images/load",
                                "/v1.41/images/../images/load",
                                "/v1.41/commit",
                                "/v1.41/%zz",
                                "/v1.41/volumes/prune",
                                "/v1.41/plugins/a%2Fb/enable",
                                "*",
                                "",
                                "/",
                                "?",
                                "%",
                                "/v1.41",
                                "/nowhere",
                                "/v1.41/containers/start",
                                "/v1.41/containers/prune",
                                "/v1.41/containers/web/unpause"}) {
    EXPECT_EQ(route_of(uri), DockerRoute::kNoStorage) << uri;
  }
}

TEST(DockerTarget, OtherMethodsThanPostCarryNoStorage) {
  for (const char* const method : {"GET", "HEAD", "DELETE", "PUT", "OPTIONS", "", "POSTS", "POS"}) {
    EXPECT_EQ(route_of("/v1.41/containers/create", method), DockerRoute::kNoStorage) << method;
    EXPECT_EQ(route_of("/v9.9//containers%2Fcreate", method), DockerRoute::kNoStorage) << method;
  }
  EXPECT_EQ(route_of("/v1.41/volumes/data", "PUT"), DockerRoute::kNoStorage);
  EXPECT_EQ(route_of("/v1.41/containers/json?all=1", "GET"), DockerRoute::kNoStorage);
}

TEST(DockerTarget, APostInSmallLettersIsStillOne) {
  EXPECT_EQ(route_of("/v1.41/containers/create", "post"), DockerRoute::kCreateContainer);
}

TEST(DockerTarget, TheVersionIsToldWhereItIsWritten) {
  EXPECT_EQ(target_of("/v1.41/containers/create").api_minor, 41);
  EXPECT_EQ(target_of("/containers/create").api_minor, std::nullopt);
}

TEST(DockerTarget, AContainerIsNamedAsItIsWrittenWithTheNameOfALinkToo) {
  EXPECT_EQ(target_of("/v1.41/containers/0a1b/start").object, "0a1b");
  EXPECT_EQ(target_of("/containers/web/db/start").object, "web/db");
  EXPECT_EQ(target_of("/containers/create/start").object, "create");
  EXPECT_EQ(target_of("/containers/a/stop/start").object, "a/stop");
  EXPECT_EQ(target_of("/v1.41/services/web/update?version=3").object, "web");
}

TEST(DockerTarget, TheNameOfANewContainerIsTakenFromTheQuery) {
  EXPECT_EQ(target_of("/containers/create?name=web").name, "web");
  EXPECT_EQ(target_of("/containers/create?platform=&name=a%2Db").name, "a-b");
  EXPECT_EQ(target_of("/containers/create?n%61me=web").name, "web");
  EXPECT_EQ(target_of("/containers/create?names=web").name, "");
  EXPECT_EQ(target_of("/containers/create?").name, "");
}

TEST(DockerTarget, ANameThatEnginesMayReadInTwoWaysIsRefused) {
  EXPECT_THAT(error_of("/containers/create?name=a&name=b"), HasSubstr("\"name\" is given twice"));
  EXPECT_THAT(error_of("/containers/create?name=a&n%61me=b"), HasSubstr("\"name\" is given twice"));
  EXPECT_THAT(error_of("/containers/create?name=%zz"), HasSubstr("percent-encoding is broken"));
}

TEST(DockerTarget, ARollbackOfAServiceIsTold) {
  EXPECT_TRUE(target_of("/services/web/update?version=3&rollback=previous").rolls_back);
  EXPECT_FALSE(target_of("/services/web/update?version=3&rollback=none").rolls_back);
  EXPECT_FALSE(target_of("/services/web/update?version=3").rolls_back);
}

/// The engine's router decodes, cleans and shortens before it matches; a guard that reads only what is
/// written sees no route with storage here.
TEST(DockerTarget, EachOtherSpellingOfARouteWithStorageIsRefused) {
  for (const char* const uri : {"/v1.41/containers%2Fcreate",
                                "/v1.41/%63ontainers/create",
                                "/v1.41/containers/creat%65",
                                "/%76%31.41/containers/create",
                                "/v1.41//containers/create",
                                "//v1.41/containers/create",
                                "/v1.41/containers//create",
                                "/v1.41/containers/./create",
                                "/v1.41/images/../containers/create",
                                "/../v1.41/containers/create",
                                "/v1.41/containers/%2e%2e/containers/create",
                                "/v1.41/containers/create/",
                                "/v1.41/containers/create/.",
                                "http://host/v1.41/containers/create",
                                "http:/v1.41/containers/create",
                                "HTTP://h//containers/create",
                                "x://host:2375/containers%2fcreate?name=a",
                                "http:///containers/create",
                                "/v1.41/containers/web%2Fstart",
                                "/v1.41/containers/web/star%74",
                                "/v1.41/containers/we%62/start",
                                "/v1.41/containers/web//start",
                                "/v1.41/containers/100%/start",
                                "/containers/a%2525/start",
                                "/v1.41/volumes/%63reate",
                                "/v1.41/services//create",
                                "/v1.41/services/a%2Fb/update"}) {
    EXPECT_THAT(error_of(uri), HasSubstr("not written as clients write it")) << uri;
  }
}

TEST(DockerTarget, VersionsThatNobodyHasReadAreRefusedWithTheWayOut) {
  for (const char* const version : {"v1.11", "v1.56", "v1.99", "v2.0", "v1", "v1.4", "v1.041", "v1.41.0",
                                    "v1..41", "v1.410", "v.", "v1.4a"}) {
    EXPECT_THAT(error_of("/" + std::string(version) + "/containers/create"),
                AllOf(HasSubstr("reads v1.12 to v1.55"), HasSubstr("DOCKER_API_VERSION")))
        << version;
  }
  EXPECT_THAT(error_of("/v1.99/containers/web/start"), HasSubstr("version v1.99"));
}

TEST(DockerTarget, AVersionThatIsNoneIsNotRepeated) {
  EXPECT_THAT(error_of("/v1.secret/containers/create"), Not(HasSubstr("secret")));
  EXPECT_THAT(error_of("/v1." + std::string(500, '4') + "/containers/create"), Not(HasSubstr("4444")));
}

}  // namespace
}  // namespace walguard::wire
