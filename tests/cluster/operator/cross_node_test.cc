// Preflights of two pods on two nodes. One at a time: one of them cuts the way between all such pods.
#include <chrono>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator_fixture.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class CrossNode : public OperatorTest {
 protected:
  [[nodiscard]] nlohmann::json done_with(const std::string& verdict) const {
    nlohmann::json found;
    EXPECT_TRUE(eventually(kPreflight, [&] {
      for (auto& preflight : preflights_of(own("files"))) {
        if (preflight.value("/status/phase"_json_pointer, std::string()) == "Done" &&
            preflight.at("/status/verdict/wal"_json_pointer) == verdict) {
          found = std::move(preflight);
        }
      }
      return !found.is_null();
    })) << nlohmann::json(preflights_of(own("files"))).dump(1);
    return found;
  }
};

TEST_F(CrossNode, AClassIsUnsafeOverTwoFuseMountsOfOneFolderAndSafeOnOneNodeWithALocalBacking) {
  if (!start_driver(own("files"), "network", {"--attach-required"})) return;
  remove_at_end("storageclass/" + own("files"));
  ASSERT_TRUE(apply(storage_class_yaml(own("files"), own("files")) +
                    claim_yaml("shared", own("files"), "ReadWriteMany"))
                  .ok());
  const CommandResult created = apply(guarded_pod("one", "shared"));
  ASSERT_TRUE(created.ok()) << created.errors;
  const auto unsafe = done_with("unsafe");
  ASSERT_FALSE(unsafe.is_null());
  EXPECT_EQ(unsafe.at("status").at("nodes").size(), 2U) << "one pod on each of two nodes";
  EXPECT_TRUE(is_told("one", "preflight-failed"));
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
  EXPECT_THAT(kubectl({"describe", "pod", "one"}).output, HasSubstr("mmap-coherence"));
  EXPECT_TRUE(nothing_is_left());

  ASSERT_TRUE(cluster().script({"driver", own("files"), "local", "--attach-required"}).ok());
  const CommandResult alone =
      apply(claim_yaml("alone", own("files"), "ReadWriteOnce") + guarded_pod("two", "alone"));
  ASSERT_TRUE(alone.ok()) << alone.errors;
  const auto safe = done_with("safe");
  ASSERT_FALSE(safe.is_null());
  EXPECT_EQ(safe.at("/status/scope"_json_pointer), "node");
  EXPECT_EQ(safe.at("status").at("nodes").size(), 1U);
  EXPECT_TRUE(wait("pod/two", "condition=Ready"));
  EXPECT_TRUE(nothing_is_left());
}

/// The test cluster accepts NetworkPolicies and does not enforce them: the nodes' packet filter does here
/// what a network plugin would.
TEST_F(CrossNode, ANetworkPolicyWhereThePodsDoNotReachEachOtherIsNamed) {
  if (!start_driver(own("files"), "network")) return;
  remove_at_end("storageclass/" + own("files"));
  const std::string policy = "deny-" + space();
  const auto filter = [&](const std::string& change) {
    for (const std::string node : {"node1", "node2"}) {
      const CommandResult changed = cluster().script(
          {"on", node, "iptables", change, "FORWARD", "-p", "tcp", "--dport", "7433", "-j", "DROP"});
      EXPECT_TRUE(changed.ok()) << changed.errors;
    }
  };
  filter("-I");
  EXPECT_TRUE(apply_anywhere("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " +
                             policy + ", namespace: " + kReleaseNamespace +
                             "}\nspec: {podSelector: {matchLabels: " + "{walguard.test/of: " + space() +
                             "}}, policyTypes: [Ingress, Egress]}\n")
                  .ok());
  EXPECT_TRUE(apply(storage_class_yaml(own("files"), own("files")) +
                    claim_yaml("shared", own("files"), "ReadWriteMany") + guarded_pod("one", "shared"))
                  .ok());
  EXPECT_TRUE(eventually(kPreflight, [&] {
    const auto all = preflights_of(own("files"));
    return !all.empty() &&
           all.front().value("/status/reason"_json_pointer, std::string()) == "NetworkPolicy" &&
           all.front().at("/status/message"_json_pointer).get<std::string>().find(policy) !=
               std::string::npos;
  })) << nlohmann::json(preflights_of(own("files"))).dump(1);
  filter("-D");
  EXPECT_TRUE(in_release({"delete", "networkpolicy", policy}).ok());
  EXPECT_TRUE(nothing_is_left());
}

}  // namespace
}  // namespace walguard::cluster::testing
