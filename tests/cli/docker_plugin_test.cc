// `walguard docker-plugin` as it is shipped: the real program with an engine that asks it about everything.
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): SIGHUP is POSIX, not C++

#include "tests/cli/fake_engine.h"
#include "tests/cli/program.h"
#include "tests/server/http/test_certificate.h"
#include "tests/server/http/test_client.h"

namespace walguard::cli::testing {
namespace {

using nlohmann::json;
using server::testing::eventually;
using server::testing::post;
using server::testing::Reply;
using server::testing::TestCertificate;
using server::testing::TestClient;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// On the engine's volume `shared`, which is on NFS.
constexpr std::string_view kOnNfs = R"({"Image":"app","Env":["TOKEN=hunter2-secret"],"Cmd":["--key=hunter3"],
  "Labels":{"walguard.databases":"/data/app.db"},"HostConfig":{"Binds":["shared:/data"]}})";

std::string in_base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k > bytes.size() ? '=' : kDigits[group >> (18U - 6U * k) & 63U];
  }
  return text;
}

std::string create_question(std::string_view body) {
  return json({{"RequestMethod", "POST"},
               {"RequestUri", "/v1.41/containers/create?name=app"},
               {"RequestHeaders", {{"Content-Type", "application/json"}}},
               {"RequestBody", in_base64(body)}})
      .dump();
}

class DockerPluginTest : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"docker-plugin",
                                    "--socket",
                                    socket_,
                                    "--docker-host",
                                    "unix://" + engine_socket_,
                                    "--data-dir",
                                    folder_.path("d"),
                                    "--metrics-address",
                                    "127.0.0.1:0"};
    all.insert(all.end(), more.begin(), more.end());
    program_ = std::make_unique<Program>(folder_, all);
    ASSERT_TRUE(eventually([&] { return log().find("serving") != std::string::npos; })) << log();
  }
  void start_engine() {
    engine_ = std::make_unique<FakeEngine>(engine_socket_, socket_);
    ASSERT_TRUE(eventually([&] { return health() == "ok\n"; })) << health() << log();
  }

  [[nodiscard]] std::string log() const { return program_->errors(); }
  [[nodiscard]] Reply get(const std::string& path) const {
    std::smatch port;
    const std::string text = log();
    if (!std::regex_search(text, port, std::regex(R"(metrics_port=(\d+))"))) return {};
    return TestClient(std::stoi(port[1])).ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  [[nodiscard]] std::string health() const { return get("/healthz").body; }
  [[nodiscard]] json ask(const std::string& question) const {
    const Reply reply = TestClient(socket_).ask(post("/AuthZPlugin.AuthZReq", question));
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body);
  }
  [[nodiscard]] bool allows(std::string_view body) const { return ask(create_question(body)).at("Allow"); }

  TestFolder folder_;
  const std::string socket_ = folder_.path("plugin.sock");
  const std::string engine_socket_ = folder_.path("engine.sock");
  std::unique_ptr<Program> program_;
  std::unique_ptr<FakeEngine> engine_;
};

TEST_F(DockerPluginTest, AnswersActivationAndWhatHasNoStorageBeforeTheEngineIsUpAndSaysThatItSeesNone) {
  start();
  EXPECT_EQ(json::parse(TestClient(socket_).ask(post("/Plugin.Activate", "")).body).at("Implements"),
            json::array({"authz"}));
  EXPECT_EQ(ask(R"({"RequestMethod":"GET","RequestUri":"/v1.41/info"})").at("Allow"), true);
  EXPECT_TRUE(allows(R"({"Image":"app"})"));
  EXPECT_THAT(health(), AllOf(HasSubstr("ok"), HasSubstr("not current")));
  EXPECT_THAT(get("/metrics").body, HasSubstr("walguard_docker_engine_current 0"));
}

TEST_F(DockerPluginTest, ReadsAnEngineThatAsksItAboutEachOfTheseReads) {
  start();
  start_engine();
  EXPECT_GE(engine_->authorized(), 4) << "info, volumes, containers, events";
  EXPECT_EQ(engine_->refused(), 0);
  EXPECT_THAT(get("/metrics").body,
              AllOf(HasSubstr("walguard_docker_engine_current 1"), HasSubstr("walguard_docker_volumes 1")));
}

TEST_F(DockerPluginTest, RefusesADatabaseOnNfsWithRuleAndRemedyAndOneLineWithoutSecrets) {
  start({"--log-format", "json"});
  engine_ = std::make_unique<FakeEngine>(engine_socket_, socket_);
  ASSERT_TRUE(eventually([&] { return log().find("are in view") != std::string::npos; })) << log();
  const json answer = ask(create_question(kOnNfs));
  EXPECT_EQ(answer.at("Allow"), false);
  EXPECT_THAT(std::string(answer.at("Msg")), AllOf(HasSubstr("network-filesystem"), HasSubstr("Remedy: ")));
  ASSERT_TRUE(eventually([&] { return log().find("network-filesystem") != std::string::npos; }));
  const std::string all = log();
  EXPECT_THAT(all, Not(HasSubstr("hunter")));
  const auto begin = all.rfind('\n', all.find("\"answered\"")) + 1;
  const json line = json::parse(all.substr(begin, all.find('\n', begin) - begin));
  EXPECT_EQ(line.at("kind"), "create-container");
  EXPECT_EQ(line.at("name"), "app");
  EXPECT_EQ(line.at("decision"), "deny");
  EXPECT_EQ(line.at("rule"), "network-filesystem");
  EXPECT_EQ(line.at("verdict"), "unsafe");
}

TEST_F(DockerPluginTest, SighupReadsThePolicyAgainAndOneThatIsBrokenLeavesTheFormerInForce) {
  const auto policy = [&](const std::string& mode) {
    folder_.write("policy.yaml",
                  "apiVersion: walguard.dev/v1alpha1\nkind: WalguardPolicy\n"
                  "metadata: {name: host}\nspec: {defaultMode: " +
                      mode + "}\n");
  };
  policy("enforce");
  start({"--policy", folder_.path("policy.yaml")});
  start_engine();
  EXPECT_FALSE(allows(kOnNfs));
  policy("audit");
  program_->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return log().find("reloaded mode=audit") != std::string::npos; })) << log();
  EXPECT_TRUE(allows(kOnNfs));
  policy("lenient");
  program_->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return log().find("not reloaded") != std::string::npos; })) << log();
  EXPECT_THAT(log(), HasSubstr("lenient"));
  EXPECT_TRUE(allows(kOnNfs));
}

TEST_F(DockerPluginTest, SigtermEndsItWithCodeZeroAndItsSocketIsGone) {
  start();
  start_engine();
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->exit_code(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_THAT(log(), HasSubstr("stopped"));
}

TEST_F(DockerPluginTest, AfterAKillTheNextOneTakesItsPlaceAndASecondOneIsRefused) {
  start();
  program_.reset();  // by SIGKILL
  ASSERT_TRUE(std::filesystem::exists(socket_));
  start();
  EXPECT_TRUE(allows(R"({"Image":"app"})"));
  Program second(folder_, {"docker-plugin", "--socket", socket_, "--data-dir", folder_.path("d")});
  EXPECT_EQ(second.exit_code(), 2);
  EXPECT_THAT(second.errors(), AllOf(HasSubstr("--socket"), HasSubstr("running program")));
}

TEST_F(DockerPluginTest, OverTlsOnlyTheEnginesCertificateIsAnsweredAndThereIsNoSocketUnlessAskedFor) {
  const TestCertificate own;
  const TestCertificate of_engine;
  const TestCertificate stranger;
  program_ = std::make_unique<Program>(
      folder_, std::vector<std::string>{"docker-plugin", "--listen", "127.0.0.1:0", "--tls-cert",
                                        own.files().certificate, "--tls-key", own.files().private_key,
                                        "--tls-client-ca", of_engine.files().certificate, "--docker-host",
                                        "unix://" + engine_socket_, "--data-dir", folder_.path("d")});
  ASSERT_TRUE(eventually([&] { return log().find("serving") != std::string::npos; })) << log();
  EXPECT_THAT(log(), Not(HasSubstr("socket=")));
  std::smatch port;
  const std::string text = log();
  ASSERT_TRUE(std::regex_search(text, port, std::regex(R"(https_port=(\d+))"))) << text;
  const auto status_for = [&](const server::TlsFiles* shown) {
    TestClient client(std::stoi(port[1]));
    return client.start_tls(shown) ? client.ask(post("/Plugin.Activate", "")).status : 0;
  };
  EXPECT_EQ(status_for(&of_engine.files()), 200);
  EXPECT_EQ(status_for(&stranger.files()), 0);
  EXPECT_EQ(status_for(nullptr), 0);
}

struct Refused {
  const char* what;
  std::vector<std::string> arguments;
  const char* says;
};

TEST_F(DockerPluginTest, BadArgumentsEndWithCodeTwoAndOneLineThatNamesTheFlag) {
  const TestCertificate pair;
  const std::vector<Refused> cases = {
      {"an address that others reach", {"--listen", "0.0.0.0:9468"}, "--listen: \"0.0.0.0:9468\""},
      {"a name for an address", {"--listen", "localhost:9468"}, "loopback"},
      {"plain TCP", {"--listen", "127.0.0.1:0"}, "--tls-cert: missing"},
      {"TLS that asks nobody who he is",
       {"--listen", "127.0.0.1:0", "--tls-cert", pair.files().certificate, "--tls-key",
        pair.files().private_key},
       "--tls-client-ca: missing"},
      {"an engine by TCP", {"--docker-host", "tcp://127.0.0.1:2375"}, "--docker-host"},
      {"a policy that is not there", {"--policy", "/nonexistent.yaml"}, "--policy: /nonexistent.yaml"},
      {"an unknown mode", {"--mode", "lenient"}, "--mode"},
      {"a data folder that cannot be", {"--data-dir", "/proc/walguard"}, "--data-dir"},
      {"metrics without a port", {"--metrics-address", "localhost"}, "--metrics-address"},
  };
  for (const Refused& one : cases) {
    std::vector<std::string> all = {"docker-plugin"};
    if (one.arguments.front() != "--listen") all.insert(all.end(), {"--socket", socket_});
    if (one.arguments.front() != "--data-dir") all.insert(all.end(), {"--data-dir", folder_.path("d")});
    all.insert(all.end(), one.arguments.begin(), one.arguments.end());
    Program program(folder_, all);
    EXPECT_EQ(program.exit_code(), 2) << one.what;
    EXPECT_THAT(program.errors(), HasSubstr(one.says)) << one.what;
  }
}

}  // namespace
}  // namespace walguard::cli::testing
