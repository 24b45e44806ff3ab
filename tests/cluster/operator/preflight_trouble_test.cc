// Preflights that something stands in the way of: each ends with its reason, leaves nothing behind, and shuts
// no gate for ever.
#include <chrono>
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
using ::testing::HasSubstr;

std::string name_of(const nlohmann::json& object) { return object.at("metadata").at("name"); }

class PreflightTrouble : public OperatorTest {
 protected:
  /// Waits until the preflight of a class says this reason, and returns its message.
  [[nodiscard]] std::string message_of(const std::string& reason, const std::string& storage_class) const {
    std::string message;
    EXPECT_TRUE(eventually(kPreflight,
                           [&] {
                             for (const auto& preflight : preflights_of(storage_class)) {
                               if (preflight.value("/status/reason"_json_pointer, std::string()) != reason)
                                 continue;
                               message = preflight.at("/status/message"_json_pointer);
                             }
                             return !message.empty();
                           }))
        << reason << " in " << nlohmann::json(preflights_of(storage_class)).dump(1);
    return message;
  }

  /// Nothing is left, and the next run has its time. That it opens the gate is the evicted pod's test.
  void expect_another_run() const {
    const auto ended = preflight_in_phase(own("local"), "Inconclusive");
    ASSERT_FALSE(ended.is_null()) << nlohmann::json(preflights_of(own("local"))).dump(1);
    EXPECT_NE(ended.at("status").value("nextRetry", ""), "") << ended.dump(1);
    EXPECT_TRUE(nothing_is_left());
  }

  /// Ends the containers of these pods by force, with `message` as what they have to say.
  void end_with(const std::vector<nlohmann::json>& pods, const std::string& message) const {
    for (const auto& pod : pods) {
      const std::string uid = pod.at("metadata").at("uid");
      const std::string run = pod.at("metadata").at("labels").at("walguard.dev/run");
      const CommandResult ended = cluster().script(
          {"on", pod.at("spec").at("nodeName"), "sh", "-euc",
           R"(for log in /var/lib/kubelet/pods/"$0"/containers/agent/*; do printf %s "$1" >"$log"; done
              pkill --signal KILL --full "^/usr/bin/walguard-preflight run /$2 " || true)",
           uid, message, run});
      EXPECT_TRUE(ended.ok()) << ended.errors;
    }
  }
};

TEST_F(PreflightTrouble, AJobThatSomebodyDeletesIsMadeAgain) {
  if (!make_pod_that_waits_for_a_preflight()) return;
  const auto pods = running_pods();
  ASSERT_FALSE(pods.empty());
  const std::string run = pods.front().at("metadata").at("labels").at("walguard.dev/run");
  EXPECT_TRUE(in_release({"delete", "job", run, "--wait=false"}).ok());
  expect_released();
}

TEST_F(PreflightTrouble, AnEvictedPodIsNamedAndTheNextRunProvesTheClass) {
  if (!make_pod_that_waits_for_a_preflight()) return;
  const auto pods = running_pods();
  ASSERT_FALSE(pods.empty());
  // What a kubelet that is short of memory writes.
  const CommandResult evicted = in_release(
      {"patch", "pod", name_of(pods.front()), "--subresource=status",
       R"(--patch={"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}})"});
  ASSERT_TRUE(evicted.ok()) << evicted.errors;
  EXPECT_THAT(message_of("Evicted", own("local")), HasSubstr("low on memory"));
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
  expect_released();
}

TEST_F(PreflightTrouble, GarbageInPlaceOfAReportIsNoVerdictAndAnotherRunComes) {
  if (!make_pod_that_waits_for_a_preflight()) return;
  end_with(running_pods(), "<html>503 Service Unavailable</html>");
  EXPECT_THAT(message_of("NoReport", own("local")), HasSubstr("without a report"));
  expect_another_run();
}

TEST_F(PreflightTrouble, TheReportOfAnotherRunIsNoVerdictAndAnotherRunComes) {
  if (!make_pod_that_waits_for_a_preflight()) return;
  const std::string view =
      R"({"path": "/another-run", "fstype": "ext4", "magic": "0xef53", "device": "8:1", "kernel": "6.1",)"
      R"( "boot_id": "1", "sandbox": ""})";
  end_with(
      running_pods(),
      R"({"schema": "walguard.dev/preflight-report/v1", "verdict": {"wal": "unproven", "wal-exclusive":)"
      R"( "unproven", "rollback": "unproven"}, "scope": "node", "reasons": [], "checks": [], "views": [)" +
          view + ", " + view +
          R"(], "sqlite": {"version": "3.46.1"}, "probe": {"version": "0.1.0"}, "started":)"
          R"( "2026-01-01T00:00:00Z", "seconds": 1})");
  EXPECT_THAT(message_of("ForeignReport", own("local")), HasSubstr("another one"));
  expect_another_run();
}

TEST_F(PreflightTrouble, AVolumeOfARetainClassIsNotLeftBehind) {
  if (!make_pod_that_waits_for_a_preflight("Retain")) return;
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
  const std::string volume = claim.value("/spec/volumeName"_json_pointer, std::string());
  EXPECT_TRUE(cluster()
                  .kubectl({"patch", "persistentvolume", volume, "--type=merge",
                            R"(--patch={"spec": {"persistentVolumeReclaimPolicy": "Delete"}})"})
                  .ok());
}

TEST_F(PreflightTrouble, AQuotaThatForbidsThePreflightIsNamedAndItsEndOpensTheGate) {
  const std::string quota = "nothing-" + space();
  ASSERT_TRUE(in_release({"create", "quota", quota,
                          "--hard=" + own("local") + ".storageclass.storage.k8s.io/persistentvolumeclaims=0"})
                  .ok());
  const bool begun = make_pod_that_waits_for_a_preflight();
  if (begun) {
    EXPECT_THAT(message_of("ResourceQuota", own("local")), HasSubstr("exceeded quota: " + quota));
    EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
  }
  EXPECT_TRUE(in_release({"delete", "quota", quota}).ok());
  if (begun) expect_released();
}

TEST_F(PreflightTrouble, AJobThatNeverSchedulesIsNamedAndGivenUp) {
  if (!make_class("local", {"--attach-required"})) return;
  // As a person orders it; on a node that there is not.
  ASSERT_TRUE(apply("apiVersion: walguard.dev/v1alpha1\nkind: VolumePreflight\nmetadata: {name: " + space() +
                    "}\nspec: {storageClassName: " + own("local") +
                    ", accessMode: ReadWriteOnce, scope: node, nodeSelector: {walguard.test/node: none}}\n")
                  .ok());
  EXPECT_THAT(message_of("Unschedulable", own("local")), HasSubstr("didn't match Pod's node affinity"));
  const auto ended = preflight_in_phase(own("local"), "Inconclusive");
  ASSERT_FALSE(ended.is_null()) << nlohmann::json(preflights_of(own("local"))).dump(1);
  EXPECT_EQ(ended.at("/status/reason"_json_pointer), "Unschedulable");
  EXPECT_NE(ended.at("status").value("nextRetry", ""), "") << ended.dump(1);
  EXPECT_TRUE(nothing_is_left());
}

}  // namespace
}  // namespace walguard::cluster::testing
