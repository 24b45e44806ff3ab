// What disturbs every other test: walguard killed, cut off, taken away, and a node without power.
#include <chrono>
#include <future>
#include <string>
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
