// walguard installed by its chart in a real cluster: what a person sees of it through kubectl. The fixture
// `walguard` (walguard_fixture) has installed it.
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

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Operator : public OperatorTest {};

TEST_F(Operator, ProvesAnUnknownDriverByAPreflightAndReleasesThePodAndAdmitsTheNextAtOnce) {
  if (!make_class("local", {"--attach-required"})) return;
  ASSERT_TRUE(apply(claim_yaml("first", own("local"), "ReadWriteOnce") +
                    claim_yaml("second", own("local"), "ReadWriteOnce"))
                  .ok());
  const CommandResult created = apply(guarded_pod("one", "first"));
  ASSERT_TRUE(created.ok()) << created.errors;
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight")) << "nothing is known of the driver yet";
  EXPECT_TRUE(wait("pod/one", "condition=Ready", kPreflight));
  EXPECT_TRUE(wait("persistentvolumeclaim/first", "jsonpath={.status.phase}=Bound"))
      << "its class waits for the first consumer, whom the gate held back";

  const auto preflights = preflights_of(own("local"));
  ASSERT_EQ(preflights.size(), 1U);
  EXPECT_EQ(preflights.front().at("/status/verdict/wal"_json_pointer), "safe") << preflights.front().dump(1);

  const CommandResult second = apply(guarded_pod("two", "second"));
  ASSERT_TRUE(second.ok()) << second.errors;
  EXPECT_THAT(gates_of("two"), IsEmpty());
  EXPECT_TRUE(wait("pod/two", "condition=Ready"));
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(Operator, DeniesADeploymentOnANetworkClassInItsOwnWords) {
  set_mode("enforce");
  const std::string storage_class = own("nfs");
  remove_at_end("storageclass/" + storage_class);
  ASSERT_TRUE(apply(storage_class_yaml(storage_class, "nfs.csi.k8s.io") +
                    claim_yaml("shared", storage_class, "ReadWriteMany"))
                  .ok());
  CommandResult applied;
  // The namespace's label and the claim reach walguard's index a moment later.
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] {
    applied = apply(deployment("web", "shared", 3), {"--dry-run=server"});
    return !applied.ok();
  }));
  applied = apply(deployment("web", "shared", 3));
  EXPECT_FALSE(applied.ok());
  EXPECT_THAT(applied.errors,
              AllOf(HasSubstr("denied the request"), HasSubstr("network-filesystem"), HasSubstr("Remedy:")));
  const CommandResult pod = apply(pod_with_database("direct", "shared"));
  EXPECT_FALSE(pod.ok());
  EXPECT_THAT(pod.errors, HasSubstr("network-filesystem"));
}

TEST_F(Operator, DeniesAScaleThatWouldMakeSeveralDatabasesOfOne) {
  const std::string set =
      "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 1\n  serviceName: "
      "db\n"
      "  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}, annotations: "
      "{walguard/databases: /data/app.db}}\n    spec:\n      containers:\n"
      "        - {name: main, " +
      tools_image() +
      ", command: [sleep, "
      "infinity], volumeMounts: [{name: data, mountPath: /data}]}\n"
      "      volumes: [{name: data, hostPath: {path: /mnt/walguard-scale, type: DirectoryOrCreate}}]\n";
  ASSERT_TRUE(apply(set).ok()) << "before the namespace enforces anything";
  set_mode("enforce");
  const auto scaled = [&](int replicas) {
    return kubectl({"scale", "statefulset", "db", "--replicas=" + std::to_string(replicas)});
  };
  CommandResult up;
  // The label and the StatefulSet reach walguard's index a moment later.
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] {
    up = scaled(3);
    if (up.ok()) (void)scaled(1);
    return !up.ok();
  }));
  EXPECT_THAT(up.errors, HasSubstr("replicas-diverge"));
  EXPECT_TRUE(scaled(0).ok()) << "a scale-down is never denied";
  EXPECT_TRUE(kubectl({"delete", "statefulset", "db"}).ok());
}

TEST_F(Operator, OpensTheGatesOfANamespaceThatIsSwitchedOff) {
  const std::string storage_class = own("unknown");
  remove_at_end("storageclass/" + storage_class);
  // No such driver runs: a preflight on it can never begin.
  ASSERT_TRUE(apply(storage_class_yaml(storage_class, storage_class) +
                    claim_yaml("nowhere", storage_class, "ReadWriteOncePod"))
                  .ok());
  set_mode("gate");
  const CommandResult created = apply(pod_with_database("one", "nowhere") + guarded_pod("two", "nowhere"));
  ASSERT_TRUE(created.ok()) << created.errors;
  ASSERT_THAT(gates_of("one"), Contains("walguard/preflight"));
  ASSERT_THAT(gates_of("two"), Contains("walguard/preflight"));
  set_mode("off");
  EXPECT_TRUE(eventually(std::chrono::seconds(10),
                         [&] { return gates_of("one").empty() && gates_of("two").empty(); }));
}

TEST_F(Operator, LetsAPodWithoutSharedStorageAlone) {
  set_mode("enforce");
  const std::string pod =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec:\n  containers: [{name: main, " +
      tools_image() + ", command: [sleep, infinity]}]\n";
  const CommandResult created = apply(pod);
  ASSERT_TRUE(created.ok()) << created.errors;
  EXPECT_THAT(created.errors, Not(HasSubstr("walguard")));
  EXPECT_TRUE(wait("pod/plain", "condition=Ready"));
}

}  // namespace
}  // namespace walguard::cluster::testing
