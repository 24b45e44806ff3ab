// The release as helm sees it. The last test takes walguard away and puts it back.
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator/operator_fixture.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kChart = WALGUARD_SOURCE_DIR "/charts/walguard";

class Release : public OperatorTest {
 protected:
  [[nodiscard]] CommandResult upgrade() const {
    return cluster().helm({"upgrade", "walguard", kChart, std::string("--namespace=") + kReleaseNamespace,
                           "--reuse-values", "--wait", "--timeout=100s",
                           "--set-string=podAnnotations.restarted=" + space()});
  }
  /// A pod on a class that no preflight can ever prove, as no driver of it runs.
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

TEST_F(Release, PassesItsHelmTest) {
  const CommandResult tested =
      cluster().helm({"test", "walguard", std::string("--namespace=") + kReleaseNamespace, "--timeout=100s"});
  EXPECT_TRUE(tested.ok()) << tested.output << tested.errors;
  EXPECT_THAT(tested.output, HasSubstr("Succeeded"));
}

TEST_F(Release, AnUpgradeLosesNoEvidence) {
  if (!make_class("local", {"--attach-required"})) return;
  ASSERT_TRUE(apply(claim_yaml("first", own("local"), "ReadWriteOnce") +
                    claim_yaml("second", own("local"), "ReadWriteOnce") + guarded_pod("one", "first"))
                  .ok());
  ASSERT_TRUE(wait("pod/one", "condition=Ready", kPreflight));
  const CommandResult upgraded = upgrade();
  ASSERT_TRUE(upgraded.ok()) << upgraded.output << upgraded.errors;
  ASSERT_TRUE(apply(guarded_pod("two", "second")).ok());
  EXPECT_THAT(gates_of("two"), IsEmpty());
  EXPECT_TRUE(wait("pod/two", "condition=Ready"));
}

TEST_F(Release, TheCertificateIsTrustedAgainAfterSomebodyBlankedTheBundle) {
  const std::string patch = R"([{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":""}])";
  ASSERT_TRUE(
      cluster()
          .kubectl({"patch", "validatingwebhookconfiguration", "walguard", "--type=json", "--patch=" + patch})
          .ok());
  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] {
    const auto configuration = cluster().get("validatingwebhookconfiguration", "walguard");
    return configuration.value("/webhooks/0/clientConfig/caBundle"_json_pointer, std::string()) != "";
  }));
}

TEST_F(Release, AnUninstallOpensEveryGateAndLeavesOnlyTheDefinitions) {
  make_pod_that_waits();
  const std::string in_release = std::string("--namespace=") + kReleaseNamespace;
  const CommandResult values = cluster().helm({"get", "values", "walguard", in_release, "--output=json"});
  ASSERT_TRUE(values.ok()) << values.errors;
  const CommandResult uninstalled = cluster().helm({"uninstall", "walguard", in_release, "--wait"});
  EXPECT_TRUE(uninstalled.ok()) << uninstalled.errors;
  EXPECT_THAT(gates_of("waiting"), IsEmpty());

  const std::string kinds =
      "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings,"
      "deployments,services,secrets,leases,jobs,serviceaccounts,roles,rolebindings";
  const CommandResult left = cluster().kubectl(
      {"get", kinds, "--all-namespaces", "--selector=app.kubernetes.io/name=walguard", "--output=name"});
  EXPECT_EQ(left.output, "");
  EXPECT_TRUE(cluster().kubectl({"get", "crd", "volumepreflights.walguard.dev"}).ok());

  std::vector<std::string> install = {"install", "walguard", kChart, in_release, "--wait", "--timeout=100s"};
  const auto json = nlohmann::json::parse(values.output);
  for (const auto& [key, value] : json.items()) {
    install.push_back("--set-json=" + key + "=" + value.dump());
  }
  const CommandResult again = cluster().helm(install);
  EXPECT_TRUE(again.ok()) << again.errors;
}

}  // namespace
}  // namespace walguard::cluster::testing
