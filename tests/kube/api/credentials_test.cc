// Credential plugins as real programs: what they are told, when they are asked, what is said when they fail.

#include "operator/kube/credentials.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/kube/cluster_config.h"
#include "operator/kube/curl_transport.h"
#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using testing::FakeAnswer;
using testing::FakeApi;
using testing::FakeRequest;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using walguard::testing::error_of;
using walguard::testing::TempDir;
using walguard::testing::write_file;

class CredentialPluginTest : public ::testing::Test {
 protected:
  CredentialPluginTest() {
    plugin_.api_version = "client.authentication.k8s.io/v1";
    plugin_.command = folder_ / "plugin";
    plugin_.install_hint = "install it from the wiki";
    cluster_.server = "https://h";
  }

  void write_plugin(const std::string& script) const {
    write_file(folder_ / "plugin", "#!/bin/sh\n" + script);
    std::filesystem::permissions(folder_ / "plugin", std::filesystem::perms::owner_all);
  }
  /// Each run gives another token: t1, t2, ...
  void write_counting_plugin(const std::string& expires) const {
    write_plugin("echo run >> " + (folder_ / "runs") + "\nn=$(wc -l < " + (folder_ / "runs") +
                 ")\nprintf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","
                 "\"status\":{\"token\":\"t%d\"" +
                 (expires.empty() ? "" : ",\"expirationTimestamp\":\"" + expires + "\"") + "}}' \"$n\"\n");
  }
  [[nodiscard]] std::unique_ptr<CredentialSource> source() {
    cluster_.user.exec = plugin_;
    return make_credential_source(cluster_, [this] { return now_; });
  }
  [[nodiscard]] static std::string token_of(CredentialSource& source) {
    const auto credential = source.current({});
    return credential ? credential->bearer_token : credential.error();
  }

  TempDir folder_;
  ExecPlugin plugin_;
  ClusterConfig cluster_;
  sys_seconds now_{seconds(1'000)};
};

TEST_F(CredentialPluginTest, ItIsAskedAgainOnlyShortlyBeforeItsCredentialExpires) {
  write_counting_plugin("1970-01-01T00:20:00Z");  // 1200
  const auto credentials = source();
  EXPECT_EQ(token_of(*credentials), "t1");
  now_ = sys_seconds(seconds(1'189));
  EXPECT_EQ(token_of(*credentials), "t1");
  now_ = sys_seconds(seconds(1'190));
  EXPECT_EQ(token_of(*credentials), "t2");
}

TEST_F(CredentialPluginTest, ARefusalMakesItAskAgainButNotForATokenThatIsOutOfUse) {
  write_counting_plugin("");
  const auto credentials = source();
  const auto first = credentials->current({});
  ASSERT_TRUE(first) << first.error();
  EXPECT_TRUE(credentials->forget(*first));
  EXPECT_EQ(token_of(*credentials), "t2");
  EXPECT_TRUE(credentials->forget(*first)) << "a request that was on its way with the old one";
  EXPECT_EQ(token_of(*credentials), "t2");
}

TEST_F(CredentialPluginTest, ItIsToldOfTheClusterAndGivenItsArgumentsAndEnvironment) {
  plugin_.arguments = {"get-token", "--now"};
  plugin_.environment = {"PROFILE=blue"};
  plugin_.provide_cluster_info = true;
  write_plugin("echo \"$1 $2 $PROFILE $KUBERNETES_EXEC_INFO\" >&2; exit 3\n");
  const std::string said = token_of(*source());
  EXPECT_THAT(said, StartsWith("credential plugin " + (folder_ / "plugin") +
                               ": exit code 3: get-token --now blue {"));
  EXPECT_THAT(said, HasSubstr("\"server\":\"https://h\""));
}

TEST_F(CredentialPluginTest, WhatItPrintsIsNeverRepeated) {
  write_plugin("echo '{\"token\":\"hunter2\"}'\n");
  EXPECT_THAT(token_of(*source()), HasSubstr("what it printed is no ExecCredential"));
  EXPECT_THAT(token_of(*source()), Not(HasSubstr("hunter2")));
}

TEST_F(CredentialPluginTest, OneThatIsNotInstalledIsNamedWithItsHint) {
  EXPECT_THAT(token_of(*source()), HasSubstr("cannot be started: " + (folder_ / "plugin") +
                                             ": No such file or directory; install it from the wiki"));
}

TEST_F(CredentialPluginTest, AStopEndsOneThatHangs) {
  write_plugin("exec sleep 600\n");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(error_of(source()->current(stop.get_token())), HasSubstr("stopped"));
}

TEST_F(CredentialPluginTest, AnAnswerOf401IsTriedOnceMoreWithAnotherCredential) {
  FakeApi api([](const FakeRequest& request) {
    return request.authorization == "Bearer t2" ? FakeAnswer{200, "in"} : FakeAnswer{401, "out"};
  });
  write_counting_plugin("");
  cluster_.server = api.url();
  CurlTransport transport(cluster_, source());
  const auto reply = transport.exchange({}, {}, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "in");
  EXPECT_EQ(api.requests().size(), 2U);
}

TEST_F(CredentialPluginTest, ACredentialThatIsAlwaysRefusedIsNotTriedForEver) {
  FakeApi api([](const FakeRequest&) { return FakeAnswer{401, "out"}; });
  write_counting_plugin("");
  cluster_.server = api.url();
  CurlTransport transport(cluster_, source());
  const auto reply = transport.exchange({}, {}, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 401);
  EXPECT_EQ(api.requests().size(), 2U);
}

TEST(Credentials, AFixedTokenThatIsRefusedIsNotTriedAgain) {
  FakeApi api([](const FakeRequest&) { return FakeAnswer{401, "out"}; });
  ClusterConfig cluster;
  cluster.server = api.url();
  cluster.user.token = "t";
  CurlTransport transport(cluster, make_credential_source(cluster, nullptr));
  EXPECT_EQ(transport.exchange({}, {}, {})->status, 401);
  EXPECT_EQ(api.requests().size(), 1U);
}

}  // namespace
}  // namespace walguard::kube
