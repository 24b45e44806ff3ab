// `walguard serve` in a cluster, as it is shipped: the real program, real TLS, and an API server that a test
// leads.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/kube/api/fake_cluster.h"
#include "tests/server/http/test_certificate.h"
#include "tests/server/http/test_client.h"

namespace walguard::cli::testing {
namespace {

using kube::testing::event;
using kube::testing::FakeCluster;
using nlohmann::json;
using server::testing::eventually;
using server::testing::post;
using server::testing::Reply;
using server::testing::TestCertificate;
using server::testing::TestClient;
using ::testing::HasSubstr;

constexpr std::string_view kPod = R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{
  "uid":"uid-1","kind":{"group":"","version":"v1","kind":"Pod"},
  "resource":{"group":"","version":"v1","resource":"pods"},
  "name":"app","namespace":"held","operation":"CREATE","object":{"apiVersion":"v1","kind":"Pod",
  "metadata":{"name":"app","annotations":{"walguard/databases":"/data/app.db"}},
  "spec":{"containers":[{"name":"app","volumeMounts":[{"name":"data","mountPath":"/data"}]}],
    "volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data"}}]}}}})";

constexpr const char* kClass =
    R"({"metadata": {"name": "mystery"}, "provisioner": "disk.nobody-knows.example"})";
constexpr const char* kDriver =
    R"({"metadata": {"name": "disk.nobody-knows.example"}, "spec": {"attachRequired": true}})";
constexpr const char* kNamespace = R"({"metadata": {"name": "held", "labels": {"walguard/mode": "gate"}}})";
constexpr const char* kClaim = R"({"metadata": {"name": "data", "namespace": "held", "resourceVersion": "8"},
    "spec": {"storageClassName": "mystery", "accessModes": ["ReadWriteOnce"]}})";

class ServeClusterTest : public ::testing::Test {
 protected:
  void serve() {
    serve({"--tls-cert", certificate_.files().certificate, "--tls-key", certificate_.files().private_key});
  }
  void serve(const std::vector<std::string>& more) {
    folder_.write("kubeconfig",
                  "apiVersion: v1\nkind: Config\ncurrent-context: t\n"
                  "contexts: [{name: t, context: {cluster: c, user: u}}]\n"
                  "users: [{name: u, user: {}}]\n"
                  "clusters: [{name: c, cluster: {server: \"" +
                      cluster_.url() + "\"}}]\n");
    std::vector<std::string> arguments = {"--kubeconfig", folder_.path("kubeconfig")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    walguard_ = std::make_unique<ServedWalguard>(folder_, arguments, ServedWalguard::State::kCluster);
  }

  Reply get(std::string_view path) {
    TestClient client(walguard_->http_port());
    return client.ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  bool becomes_ready() {
    return eventually([&] { return get("/readyz").status == 200; });
  }
  json mutate() {
    TestClient client = TestClient::tls(walguard_->https_port());
    return json::parse(
        client.ask(post("/mutate", kPod, "Content-Type: application/json\r\n")).body)["response"];
  }

  TestFolder folder_;
  TestCertificate certificate_;
  FakeCluster cluster_;
  std::unique_ptr<ServedWalguard> walguard_;
};

TEST_F(ServeClusterTest, IsReadyOnceEverythingWasListedAndSaysBeforeWhatIsNot) {
  cluster_.refuse("csidrivers");
  serve();
  EXPECT_TRUE(eventually([&] {
    const Reply reply = get("/readyz");
    return reply.status == 503 && reply.body.find("csidrivers: not listed yet: ") != std::string::npos &&
           reply.body.find("pods") == std::string::npos;
  })) << get("/readyz").body;
  EXPECT_THAT(get("/metrics").body, HasSubstr(R"(walguard_index_stale{kind="csidrivers"} 1)"));
  cluster_.set_list("csidrivers", kDriver);
  EXPECT_TRUE(becomes_ready()) << get("/readyz").body;
  const std::string metrics = get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(walguard_index_stale{kind="csidrivers"} 0)"));
  EXPECT_THAT(metrics, HasSubstr(R"(walguard_index_objects{kind="csidrivers"} 1)"));
}

TEST_F(ServeClusterTest, AnswersFromWhatTheApiServerHasAndFollowsItsChanges) {
  cluster_.set_list("storageclasses", kClass);
  cluster_.set_list("csidrivers", kDriver);
  cluster_.set_list("namespaces", kNamespace);
  serve();
  ASSERT_TRUE(becomes_ready()) << get("/readyz").body;
  EXPECT_THAT(mutate()["warnings"].dump(), HasSubstr("claim data is not in view"));

  cluster_.watch_of("persistentvolumeclaims")->write(event("ADDED", kClaim));
  EXPECT_TRUE(
      eventually([&] { return mutate()["warnings"].dump().find("unknown-driver") != std::string::npos; }));
  EXPECT_TRUE(mutate().contains("patch")) << "held until a preflight has measured the class";
}

TEST_F(ServeClusterTest, AnApiServerThatIsAwayAtTheStartIsWaitedForAndSaid) {
  cluster_.fail("walguard-tls", 503, "ServiceUnavailable", "back soon");
  serve({"--namespace", "walguard-system", "--pod-name", "me", "--image", "walguard:test"});
  EXPECT_TRUE(eventually([&] { return get("/readyz").body.find("back soon") != std::string::npos; }));
  EXPECT_THAT(get("/readyz").body, HasSubstr("certificate: none yet: "));
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/healthz").status, 200) << "a restart would help nobody";

  cluster_.fail("walguard-tls", 404, "NotFound", "it is yours to make");
  EXPECT_TRUE(becomes_ready()) << get("/readyz").body;
  EXPECT_TRUE(mutate().contains("allowed")) << "over TLS";
}

/// What is not listed yet looks as if it were not there.
TEST_F(ServeClusterTest, TheLeaderOpensNoGateBeforeItHasSeenEveryPolicy) {
  cluster_.set_list("storageclasses", kClass);
  cluster_.set_list("csidrivers", kDriver);
  cluster_.set_list("persistentvolumeclaims", kClaim);
  cluster_.set_list("namespaces", R"({"metadata": {"name": "held"}})");
  cluster_.set_list("pods", R"({"metadata": {"name": "waiting", "namespace": "held", "uid": "u",
      "annotations": {"walguard/databases": "/data/app.db"}},
    "spec": {"schedulingGates": [{"name": "walguard/preflight"}],
      "containers": [{"name": "app", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
      "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}})");
  cluster_.refuse("walguardpolicies");
  cluster_.set_object("walguard-leader", R"({"metadata": {"name": "walguard-leader", "resourceVersion": "3"},
    "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}})");
  serve({"--namespace", "walguard-system", "--pod-name", "me", "--image", "walguard:test"});
  ASSERT_TRUE(eventually([&] { return cluster_.count("PATCH", "walguard-leader") >= 2; })) << "it leads";
  EXPECT_EQ(cluster_.count("PATCH", "waiting"), 0);

  cluster_.set_list("walguardpolicies",
                    R"({"apiVersion": "walguard.dev/v1alpha1",
      "kind": "WalguardPolicy", "metadata": {"name": "strict"}, "spec": {"defaultMode": "gate"}})");
  EXPECT_TRUE(eventually([&] { return cluster_.count("POST", "volumepreflights") > 0; }))
      << "the pod waits for a preflight\n"
      << walguard_->program().errors();
  EXPECT_EQ(cluster_.count("PATCH", "waiting"), 0);
}

}  // namespace
}  // namespace walguard::cli::testing
