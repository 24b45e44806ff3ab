// Preflights that something stands in the way of: each ends with its reason, leaves nothing behind, and shuts
// no gate for ever.
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

class PreflightTrouble : public OperatorTest {
 protected:
  /// A gated pod on a class that a preflight can prove. False: skipped or failed.
  [[nodiscard]] bool begin(const std::string& reclaim = "Delete") {
    if (!make_class("local", {"--attach-required"}, reclaim)) return false;
    const CommandResult made =
        apply(claim_yaml("data", own("local"), "ReadWriteOnce") + guarded_pod("one", "data"));
    EXPECT_TRUE(made.ok()) << made.errors;
    return made.ok();
  }

  /// Waits for the Job of the class's preflight and returns its name; empty where none came.
  [[nodiscard]] std::string job() const {
    std::string name;
    (void)eventually(std::chrono::seconds(60), [&] {
      const auto preflights = preflights_of(own("local"));
      if (preflights.empty()) return false;
      name = of_release({"get", "jobs",
                         "--selector=walguard.dev/preflight=" +
                             preflights.front().at("metadata").at("name").get<std::string>(),
                         "--output=jsonpath={.items[0].metadata.name}"})
                 .output;
      return !name.empty();
    });
    return name;
  }

  [[nodiscard]] CommandResult of_release(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), std::string("--namespace=") + kReleaseNamespace);
    return cluster().kubectl(arguments);
  }

  void expect_released() {
    EXPECT_TRUE(wait("pod/one", "condition=Ready", kPreflight));
    EXPECT_TRUE(nothing_is_left());
  }
};

TEST_F(PreflightTrouble, AJobThatSomebodyDeletesIsMadeAgain) {
  if (!begin()) return;
  const std::string name = job();
  ASSERT_FALSE(name.empty());
  EXPECT_TRUE(of_release({"delete", "job", name, "--wait=false"}).ok());
  expect_released();
}

TEST_F(PreflightTrouble, AnOperatorThatIsKilledInTheMiddleGoesOnWhereItWas) {
  if (!begin()) return;
  ASSERT_FALSE(job().empty());
  EXPECT_TRUE(of_release({"delete", "pods", "--selector=app.kubernetes.io/component=webhook", "--force",
                          "--grace-period=0"})
                  .ok());
  expect_released();
}

TEST_F(PreflightTrouble, AVolumeOfARetainClassIsNotLeftBehind) {
  if (!begin("Retain")) return;
  expect_released();
  const auto own_volumes = [&] {
    return cluster()
        .kubectl({"get", "persistentvolumes",
                  "--output=jsonpath={.items[?(@.spec.storageClassName==\"" + own("local") +
                      "\")].spec.claimRef.name}"})
        .output;
  };
  EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] { return own_volumes() == "data"; })) << own_volumes();
  // The pod's own stays, as its class says: this test's to remove.
  const auto claim = cluster().get("persistentvolumeclaim", "data", space());
  const std::string volume = claim.at("/spec/volumeName"_json_pointer);
  EXPECT_TRUE(cluster()
                  .kubectl({"patch", "persistentvolume", volume, "--type=merge",
                            "--patch={\"spec\":{\"persistentVolumeReclaimPolicy\":\"Delete\"}}"})
                  .ok());
}

TEST_F(PreflightTrouble, AQuotaThatForbidsThePreflightIsNamedAndItsEndOpensTheGate) {
  ASSERT_TRUE(of_release({"create", "quota", "nothing", "--hard=persistentvolumeclaims=0"}).ok());
  const bool begun = begin();
  if (begun) {
    EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] {
      const auto preflights = preflights_of(own("local"));
      return !preflights.empty() &&
             preflights.front().value("/status/message"_json_pointer, std::string()).find("exceeded quota") !=
                 std::string::npos;
    })) << nlohmann::json(preflights_of(own("local"))).dump(1);
    EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
  }
  EXPECT_TRUE(of_release({"delete", "quota", "nothing"}).ok());
  if (begun) expect_released();
}

TEST_F(PreflightTrouble, ANodeThatLosesItsPowerInTheMiddleLeavesNothingBehind) {
  if (!make_class("network")) return;
  ASSERT_TRUE(
      apply(claim_yaml("shared", own("network"), "ReadWriteMany") + guarded_pod("one", "shared")).ok());
  const auto running = [&] {
    const CommandResult pods =
        of_release({"get", "pods", "--selector=walguard.dev/preflight",
                    "--output=jsonpath={.items[?(@.spec.nodeName==\"node2\")].status.phase}"});
    return pods.output == "Running";
  };
  ASSERT_TRUE(eventually(kPreflight, running));
  ASSERT_TRUE(cluster().script({"kill", "node2"}).ok());
  EXPECT_TRUE(nothing_is_left());
  ASSERT_TRUE(cluster().script({"revive", "node2"}).ok());
  EXPECT_TRUE(cluster().script({"driver", own("network"), "network"}).ok());
  EXPECT_TRUE(wait("node/node2", "condition=Ready", std::chrono::seconds(120)));
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
}

}  // namespace
}  // namespace walguard::cluster::testing
