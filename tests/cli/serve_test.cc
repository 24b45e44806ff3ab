// `walguard serve --standalone` as it is shipped: the real program, real TLS, real files and a real
// preflight.
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): SIGHUP is POSIX, not C++
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv is POSIX, not C++

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
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kState = R"(apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: mystery}
provisioner: disk.nobody-knows.example
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: disk.nobody-knows.example}
spec: {attachRequired: true}
---
apiVersion: v1
kind: Namespace
metadata: {name: held, labels: {walguard/mode: gate}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: held}
spec: {storageClassName: mystery, accessModes: [ReadWriteOnce]}
)";

constexpr std::string_view kPod = R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{
  "uid":"uid-1","kind":{"group":"","version":"v1","kind":"Pod"},
  "resource":{"group":"","version":"v1","resource":"pods"},
  "name":"app","namespace":"held","operation":"CREATE","object":{"apiVersion":"v1","kind":"Pod",
  "metadata":{"name":"app","annotations":{"walguard/databases":"/data/app.db"}},
  "spec":{"containers":[{"name":"app","env":[{"name":"TOKEN","value":"hunter2-secret"}],
    "volumeMounts":[{"name":"data","mountPath":"/data"}]}],
    "volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data"}}]}}}})";

std::string json_post(std::string_view path, std::string_view body) {
  return post(path, body, "Content-Type: application/json\r\n");
}

class ServeTest : public ::testing::Test {
 protected:
  ServeTest() {
    folder_.write("state/cluster.yaml", std::string(kState));
    std::filesystem::create_directories(folder_.path("storage"));
  }

  std::unique_ptr<ServedWalguard> serve(std::vector<std::string> more = {}) {
    const std::vector<std::string> tls = {"--tls-cert",         certificate_.files().certificate,
                                          "--tls-key",          certificate_.files().private_key,
                                          "--preflight-binary", WALGUARD_PREFLIGHT_BINARY};
    more.insert(more.end(), tls.begin(), tls.end());
    return std::make_unique<ServedWalguard>(folder_, more);
  }

  static json ask(const ServedWalguard& served, std::string_view path) {
    const Reply reply = TestClient::tls(served.https_port()).ask(json_post(path, kPod));
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body).at("response");
  }
  static Reply get(const ServedWalguard& served, const std::string& path) {
    return TestClient(served.http_port()).ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  static bool is_gated(const json& answer) {
    return answer.at("auditAnnotations").at("verdict") == "unproven";
  }

  TestFolder folder_;
  TestCertificate certificate_;
};

TEST_F(ServeTest, APodIsGatedThenMeasuredThenLetThroughAndARestartForgetsNothing) {
  const std::vector<std::string> mapped = {"--storage-path", "mystery=" + folder_.path("storage")};
  {
    const auto served = serve(mapped);
    EXPECT_TRUE(is_gated(ask(*served, "/mutate")));
    const auto measured = [&] {
      return ask(*served, "/mutate").at("auditAnnotations").at("verdict") == "safe";
    };
    EXPECT_TRUE(eventually(measured)) << served->program().errors();
    EXPECT_TRUE(ask(*served, "/validate").at("allowed"));
    EXPECT_THAT(get(*served, "/metrics").body,
                HasSubstr(R"(walguard_preflight_runs_total{outcome="safe"} 1)"));
    served->program().signal(SIGTERM);
    EXPECT_EQ(served->program().exit_code(), 0);
  }
  EXPECT_EQ(ask(*serve(mapped), "/mutate").at("auditAnnotations").at("verdict"), "safe");
}

TEST_F(ServeTest, EveryAnswerThatIsNoPlainAllowIsOneLineWithUidNamespaceAndRuleAndNoEnvValue) {
  const auto served = serve({"--log-format", "json"});
  (void)ask(*served, "/mutate");
  const auto logged = [&] { return served->program().errors().find("unknown-driver") != std::string::npos; };
  ASSERT_TRUE(eventually(logged));
  const std::string log = served->program().errors();
  EXPECT_THAT(log, Not(HasSubstr("hunter2")));
  const auto begin = log.rfind('\n', log.find("unknown-driver")) + 1;
  const json line = json::parse(log.substr(begin, log.find('\n', begin) - begin));
  EXPECT_EQ(line.at("uid"), "uid-1");
  EXPECT_EQ(line.at("namespace"), "held");
  EXPECT_EQ(line.at("rules"), "unknown-driver");
}

TEST_F(ServeTest, ABrokenStateFileIsNamedByReadyzAndMetricsWhileTheLastGoodStateStays) {
  const auto served = serve();
  EXPECT_EQ(get(*served, "/readyz").status, 200);
  folder_.write("state/broken.yaml", "kind: StorageClass\nmetadata: {name: 7\n");
  ASSERT_TRUE(eventually([&] { return get(*served, "/readyz").status == 503; }));
  EXPECT_THAT(get(*served, "/readyz").body, HasSubstr("broken.yaml:"));
  EXPECT_THAT(get(*served, "/metrics").body, HasSubstr("walguard_state_broken 1"));
  EXPECT_EQ(get(*served, "/healthz").status, 200);
  EXPECT_TRUE(ask(*served, "/validate").contains("warnings"))
      << "the last good state still knows namespace and claim";
  std::filesystem::remove(folder_.path("state/broken.yaml"));
  EXPECT_TRUE(eventually([&] { return get(*served, "/readyz").status == 200; }));
}

TEST_F(ServeTest, TwoHundredIdleFiftyMuteAndTwentySlowConnectionsDoNotDelayTheNextRequest) {
  const auto served = serve();
  std::vector<TestClient> crowd;
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(TestClient::tls(served->https_port()));
    ASSERT_EQ(crowd.back().ask(json_post("/validate", kPod)).status, 200);
  }
  for (int i = 0; i < 50; ++i) crowd.emplace_back(served->https_port());
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(TestClient::tls(served->https_port()));
    ASSERT_TRUE(crowd.back().send("P"));
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(TestClient::tls(served->https_port()).ask(json_post("/validate", kPod)).status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

TEST_F(ServeTest, SigtermEndsItWithCodeZeroAndSighupReadsTheCertificateAgain) {
  const auto served = serve();
  certificate_.renew("renewed");
  served->program().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return TestClient::tls(served->https_port()).server_name() == "renewed"; }));
  served->program().signal(SIGTERM);
  EXPECT_EQ(served->program().exit_code(), 0);
  EXPECT_THAT(served->program().errors(), HasSubstr("stopped"));
}

struct BadArguments {
  const char* what;
  std::vector<std::string> arguments;
  const char* says;
};

TEST_F(ServeTest, BadArgumentsEndWithCodeTwoAndOneErrorThatNamesTheFlag) {
  const std::string state = folder_.path("state");
  const std::string data = folder_.path("d");
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"serve",
                                    "--data-dir",
                                    data,
                                    "--tls-cert",
                                    certificate_.files().certificate,
                                    "--tls-key",
                                    certificate_.files().private_key,
                                    "--http-listen",
                                    "127.0.0.1:0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::vector<BadArguments> cases = {
      {"no state", with({"--kubeconfig", "/nonexistent/config"}), "--standalone"},
      {"a folder that is not there", with({"--standalone", "/nonexistent", "--listen", "127.0.0.1:0"}),
       "/nonexistent"},
      {"no port", with({"--standalone", state, "--listen", "localhost"}), "--listen: \"localhost\""},
      {"a port out of range", with({"--standalone", state, "--listen", "127.0.0.1:70000"}), "70000"},
      {"an unknown mode", with({"--standalone", state, "--mode", "lenient"}), "--mode"},
      {"half a storage path", with({"--standalone", state, "--storage-path", "mystery"}), "--storage-path"},
      {"no certificate",
       {"serve", "--standalone", state, "--data-dir", data, "--listen", "127.0.0.1:0", "--http-listen",
        "127.0.0.1:0"},
       "--tls-cert"},
      {"no command", {}, "no command given"},
      {"an unknown command", {"serfe"}, "serfe"},
  };
  for (const BadArguments& bad : cases) {
    Program program(folder_, bad.arguments);
    EXPECT_EQ(program.exit_code(), 2) << bad.what;
    EXPECT_THAT(program.errors(), HasSubstr(bad.says)) << bad.what;
    EXPECT_EQ(program.output(), "") << bad.what;
  }
}

TEST_F(ServeTest, FlagsMayComeFromTheEnvironmentAndFromAConfigFile) {
  folder_.write("walguard.toml", "[serve]\nmode = \"enforce\"\n");
  setenv("WALGUARD_LOG_FORMAT", "json", 1);
  const auto served = serve({"--config", folder_.path("walguard.toml")});
  unsetenv("WALGUARD_LOG_FORMAT");
  EXPECT_THAT(served->program().errors(), HasSubstr(R"("mode":"enforce")"));
}

TEST(Explain, ListsEveryRuleAndExplainsOneWithItsRemedyAndSource) {
  const TestFolder folder;
  Program all(folder, {"explain"});
  EXPECT_EQ(all.exit_code(), 0);
  EXPECT_THAT(all.output(), HasSubstr("network-filesystem"));
  Program one(folder, {"explain", "network-filesystem", "-o", "json"});
  EXPECT_EQ(one.exit_code(), 0);
  const json rule = json::parse(one.output()).at(0);
  EXPECT_EQ(rule.at("severity"), "unsafe");
  EXPECT_NE(rule.at("remedy"), "");
  Program unknown(folder, {"explain", "no-such-rule"});
  EXPECT_EQ(unknown.exit_code(), 2);
  EXPECT_THAT(unknown.errors(), HasSubstr("no-such-rule"));
}

TEST(Version, IsOneLineOnStdout) {
  const TestFolder folder;
  Program program(folder, {"version"});
  EXPECT_EQ(program.exit_code(), 0);
  EXPECT_EQ(program.output(), "walguard " WALGUARD_VERSION "\n");
}

}  // namespace
}  // namespace walguard::cli::testing
