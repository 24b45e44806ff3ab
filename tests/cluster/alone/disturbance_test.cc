// What disturbs every other test: walguard killed, cut off, taken away, and a node without power.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator_fixture.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

constexpr int kKilled = 137;

class Disturbance : public OperatorTest {
 protected:
  /// The pod "waiting", on a class that no preflight can ever prove, as no driver of it runs.
  void make_pod_that_waits() {
    const std::string storage_class = own("unknown");
    remove_at_end("storageclass/" + storage_class);
    ASSERT_TRUE(apply(storage_class_yaml(storage_class, storage_class) +
                      claim_yaml("nowhere", storage_class, "ReadWriteOncePod") +
                      guarded_pod("waiting", "nowhere"))
                    .ok());
    ASSERT_THAT(gates_of("waiting"), Contains("walguard/preflight"));
  }
  /// The release has none while this lives.
  class NoReplicas {
   public:
    explicit NoReplicas(const Disturbance& test) : test_(test) { scale("0"); }
    ~NoReplicas() {
      scale("2");
      EXPECT_TRUE(test_.in_release({"rollout", "status", "deployment/walguard", "--timeout=60s"}).ok());
    }
    NoReplicas(const NoReplicas&) = delete;
    NoReplicas& operator=(const NoReplicas&) = delete;

   private:
    void scale(const std::string& replicas) const {
      EXPECT_TRUE(test_.in_release({"scale", "deployment/walguard", "--replicas=" + replicas}).ok());
    }
    const Disturbance& test_;
  };

  [[nodiscard]] std::string replicas_left() const {
    return in_release({"get", "pods", "--selector=app.kubernetes.io/component=webhook", "--output=name"})
        .output;
  }
  /// An operator outside the cluster, until it has carried out so many actions of preflights. Its exit code.
  [[nodiscard]] int live_for(int actions, const std::stop_token& stop) const {
    const CommandResult end =
        cluster().walguard({"serve", std::string("--namespace=") + kReleaseNamespace, "--pod-name=mortal",
                            "--listen=127.0.0.1:0", "--http-listen=127.0.0.1:0",
                            "--image=walguard.test/walguard:dev", "--image-pull-policy=Never",
                            "--trust-node-names", "--exit-after-actions=" + std::to_string(actions)},
                           stop);
    EXPECT_TRUE(end.exit_code == kKilled || stop.stop_requested())
        << end.exit_code << end.output << end.errors;
    return end.exit_code;
  }
};

TEST_F(Disturbance, AnOperatorThatIsKilledInTheMiddleOfAPreflightGoesOnWhereItWas) {
  if (!make_pod_that_waits_for_a_preflight()) return;
  ASSERT_FALSE(running_pods().empty());
  EXPECT_TRUE(in_release({"delete", "pods", "--selector=app.kubernetes.io/component=webhook", "--force",
                          "--grace-period=0"})
                  .ok());
  expect_released();
  EXPECT_TRUE(in_release({"rollout", "status", "deployment/walguard", "--timeout=60s"}).ok());
}

TEST_F(Disturbance, KilledBetweenAnyTwoActionsOfAPreflightTheOperatorComesToTheEndAndLeavesNothing) {
  if (!cluster().is_ours()) GTEST_SKIP() << "the operator runs outside the cluster here, as an administrator";
  // Held before there is a class, so that no preflight begins while the operator of the release lives.
  ASSERT_TRUE(apply(claim_yaml("data", own("local"), "ReadWriteOnce") + guarded_pod("one", "data")).ok());
  ASSERT_THAT(gates_of("one"), Contains("walguard/preflight"));
  const NoReplicas without(*this);
  ASSERT_TRUE(eventually(std::chrono::seconds(60), [&] { return replicas_left().empty(); }))
      << replicas_left();
  if (!make_class("local", {"--attach-required"})) return;

  std::atomic<std::size_t> lives = 0;
  std::jthread one_after_the_other([&](const std::stop_token& stop) {
    // Service, Secret and the Job's start are done each time anew, so who never comes past the first stays
    // there.
    constexpr std::array kActions = {1, 1, 2, 3};
    while (!stop.stop_requested() && live_for(kActions.at(lives % kActions.size()), stop) == kKilled) ++lives;
  });
  EXPECT_TRUE(eventually(kPreflight, [&] { return gates_of("one").empty(); }));
  EXPECT_TRUE(nothing_is_left());
  one_after_the_other.request_stop();
  one_after_the_other.join();
  EXPECT_GE(lives, 6U) << "Job, Service, Secret and claim are made and removed, and the status tells of it";
}

TEST_F(Disturbance, ANodeThatLosesItsPowerInTheMiddleLeavesNothingBehindAndTheNextRunSettlesIt) {
  if (!make_class("network")) return;
  ASSERT_TRUE(
      apply(claim_yaml("shared", own("network"), "ReadWriteMany") + guarded_pod("one", "shared")).ok());
  // A replica of walguard has to be left: they prefer different nodes, and need not get them.
  const std::string hosts = in_release({"get", "pods", "--selector=app.kubernetes.io/component=webhook",
                                        "--output=jsonpath={.items[*].spec.nodeName}"})
                                .output;
  const std::string victim = hosts.find("node1") == std::string::npos ? "node1" : "node2";
  const auto running = [&] {
    const CommandResult pods =
        in_release({"get", "pods", "--selector=walguard.dev/preflight",
                    "--output=jsonpath={.items[?(@.spec.nodeName==\"" + victim + "\")].status.phase}"});
    return pods.output == "Running";
  };
  ASSERT_TRUE(eventually(kPreflight, running));
  ASSERT_TRUE(cluster().script({"kill", victim}).ok());
  EXPECT_TRUE(nothing_is_left());
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
  ASSERT_TRUE(cluster().script({"revive", victim}).ok());
  EXPECT_TRUE(cluster().script({"driver", own("network"), "network"}).ok());
  EXPECT_TRUE(wait("node/" + victim, "condition=Ready", std::chrono::seconds(120)));
  const auto settled = preflight_in_phase(own("network"), "Done");
  ASSERT_FALSE(settled.is_null()) << nlohmann::json(preflights_of(own("network"))).dump(1);
  EXPECT_EQ(settled.at("/status/verdict/wal"_json_pointer), "unsafe");
  EXPECT_TRUE(in_release({"rollout", "status", "deployment/walguard", "--timeout=60s"}).ok());
}

TEST_F(Disturbance, TheCertificateIsTrustedAgainAfterSomebodyBlankedTheBundle) {
  const std::string blank =
      R"(--patch=[{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":""}])";
  ASSERT_TRUE(
      cluster().kubectl({"patch", "validatingwebhookconfiguration", "walguard", "--type=json", blank}).ok());
  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] {
    const auto configuration = cluster().get("validatingwebhookconfiguration", "walguard");
    return configuration.value("/webhooks/0/clientConfig/caBundle"_json_pointer, std::string()) != "";
  }));
}

TEST_F(Disturbance, AnUninstallOpensEveryGateInTenSecondsAndLeavesOnlyWhatTheDocumentationSays) {
  make_pod_that_waits();
  std::vector<std::string> install = release_values();
  install.insert(install.end(), {"--wait", "--timeout=100s"});
  auto uninstall = std::async(std::launch::async, [&] { return helm("uninstall", {"--wait"}); });
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] { return gates_of("waiting").empty(); }));
  const CommandResult uninstalled = uninstall.get();
  EXPECT_TRUE(uninstalled.ok()) << uninstalled.errors;
  EXPECT_THAT(gates_of("waiting"), IsEmpty());

  const CommandResult of_cluster = cluster().kubectl(
      {"get",
       "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings",
       "--selector=app.kubernetes.io/name=walguard", "--output=name"});
  EXPECT_EQ(of_cluster.output, "");
  // docs/install.md: a preflight that was running is left, and this removes it.
  EXPECT_TRUE(in_release({"delete", "job,pvc", "--selector=walguard.dev/preflight"}).ok());
  std::string in_namespace;
  EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] {
    in_namespace = in_release({"get",
                               "deployments,replicasets,pods,jobs,services,secrets,leases,roles,rolebindings,"
                               "poddisruptionbudgets,persistentvolumeclaims",
                               "--output=name"})
                       .output;
    return in_namespace.empty();
  })) << in_namespace;
  EXPECT_EQ(in_release({"get", "serviceaccounts", "--output=name"}).output, "serviceaccount/default\n");
  for (const char* const definition : {"volumepreflights", "claimpreflights", "walguardpolicies"}) {
    EXPECT_TRUE(cluster().kubectl({"get", "crd", std::string(definition) + ".walguard.dev"}).ok())
        << definition;
  }

  const CommandResult again = helm("install", install);
  EXPECT_TRUE(again.ok()) << again.errors;
}

}  // namespace
}  // namespace walguard::cluster::testing
