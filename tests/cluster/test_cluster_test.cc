// The test cluster itself: what the tests of the operator rely on.
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::HasSubstr;

class TestCluster : public ClusterTest {
 protected:
  /// The name of a class or driver of this test alone.
  [[nodiscard]] std::string own(const std::string& name) const { return name + "." + space() + ".example"; }

  /// A class of a driver of `kind` that runs in the nodes. False: skipped or failed.
  [[nodiscard]] bool make_class(const std::string& kind, const std::string& binding,
                                const std::string& reclaim = "Delete") {
    const std::string name = own(kind);
    if (!start_driver(name, kind)) return false;
    remove_at_end("storageclass/" + name);
    const CommandResult made = apply(storage_class_yaml(name, name, binding, reclaim));
    EXPECT_TRUE(made.ok()) << made.errors;
    return made.ok();
  }
};

TEST_F(TestCluster, HasTwoReadyNodes) {
  const CommandResult nodes = kubectl(
      {"get", "nodes", "--output=jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}"});
  ASSERT_TRUE(nodes.ok()) << nodes.errors;
  EXPECT_THAT(nodes.output, HasSubstr("True True"));
}

TEST_F(TestCluster, PodsOnTwoNodesSeeEachOthersFilesThroughAFuseMountOnEach) {
  if (!make_class("network", "Immediate")) return;
  ASSERT_TRUE(apply(claim_yaml("shared", own("network"), "ReadWriteMany") +
                    pod_yaml("one", "shared", "node1") + pod_yaml("two", "shared", "node2"))
                  .ok());
  ASSERT_TRUE(wait("pod/one", "condition=Ready"));
  ASSERT_TRUE(wait("pod/two", "condition=Ready"));

  EXPECT_TRUE(in_pod("one", "echo from-one >/data/one").ok());
  EXPECT_TRUE(in_pod("two", "echo from-two >/data/two").ok());
  EXPECT_EQ(in_pod("two", "cat /data/one").output, "from-one\n");
  EXPECT_EQ(in_pod("one", "cat /data/two").output, "from-two\n");
  EXPECT_THAT(in_pod("one", "grep ' /data ' /proc/mounts").output, HasSubstr(" fuse "));
}

TEST_F(TestCluster, AClaimOfAWaitForFirstConsumerClassBindsToTheNodeOfItsPod) {
  if (!make_class("local", "WaitForFirstConsumer")) return;
  ASSERT_TRUE(apply(claim_yaml("disk", own("local"), "ReadWriteOnce")).ok());
  ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] { return !events("disk").empty(); }));
  EXPECT_EQ(events("disk").front().reason, "WaitForFirstConsumer");

  ASSERT_TRUE(apply(pod_yaml("user", "disk", "node2")).ok());
  ASSERT_TRUE(wait("pod/user", "condition=Ready"));
  const auto claim = cluster().get("persistentvolumeclaim", "disk", space());
  ASSERT_FALSE(claim.is_null());
  const auto volume =
      cluster().get("persistentvolume", claim.at("/spec/volumeName"_json_pointer).get<std::string>());
  ASSERT_FALSE(volume.is_null());
  EXPECT_THAT(volume.at("/spec/nodeAffinity"_json_pointer).dump(), HasSubstr("node2"));
  EXPECT_EQ(volume.at("/spec/csi/driver"_json_pointer), own("local"));
  EXPECT_THAT(in_pod("user", "grep ' /data ' /proc/mounts").output, ::testing::Not(HasSubstr(" fuse ")));
}

TEST_F(TestCluster, AVolumeOfARetainClassOutlivesItsClaim) {
  if (!make_class("network", "Immediate", "Retain")) return;
  ASSERT_TRUE(apply(claim_yaml("kept", own("network"), "ReadWriteMany")).ok());
  ASSERT_TRUE(wait("persistentvolumeclaim/kept", "jsonpath={.status.phase}=Bound"));
  const auto claim = cluster().get("persistentvolumeclaim", "kept", space());
  ASSERT_FALSE(claim.is_null());
  const std::string volume = claim.at("/spec/volumeName"_json_pointer);
  remove_at_end("persistentvolume/" + volume);

  ASSERT_TRUE(kubectl({"delete", "persistentvolumeclaim", "kept"}).ok());
  EXPECT_TRUE(wait("persistentvolume/" + volume, "jsonpath={.status.phase}=Released"));
}

TEST_F(TestCluster, AnNfsVolumeIsSharedByTwoNodes) {
  if (!cluster().is_ours()) GTEST_SKIP() << "needs the stand-in for mount.nfs of scripts/cluster's nodes";
  const std::string source = "nfs: {server: files.test, path: /" + space() + "}";
  const auto pod = [&](const std::string& name, const std::string& node) {
    std::string yaml = pod_yaml(name, "none", node);
    const std::string claim = "persistentVolumeClaim: {claimName: none}";
    return yaml.replace(yaml.find(claim), claim.size(), source);
  };
  ASSERT_TRUE(apply(pod("one", "node1") + pod("two", "node2")).ok());
  ASSERT_TRUE(wait("pod/one", "condition=Ready"));
  ASSERT_TRUE(wait("pod/two", "condition=Ready"));
  EXPECT_TRUE(in_pod("one", "echo from-one >/data/one").ok());
  EXPECT_EQ(in_pod("two", "cat /data/one").output, "from-one\n");
}

TEST_F(TestCluster, PodsReachServicesByNameAcrossNodes) {
  if (!cluster().is_ours()) GTEST_SKIP() << "the names of nodes are those of scripts/cluster";
  const auto pod = [](const std::string& name, const std::string& node, const std::string& command) {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {app: " + name +
           "}}\nspec:\n  terminationGracePeriodSeconds: 0\n  nodeSelector: {kubernetes.io/hostname: " + node +
           "}\n  containers: [{name: main, " + tools_image() +
           ", "
           "command: [sh, -c, '" +
           command + "']}]\n---\n";
  };
  const std::string answer = R"(while :; do printf "HTTP/1.0 200 OK\r\n\r\nserved" | nc -l -p 8000; done)";
  const std::string service =
      "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: server}, ports: [{port: "
      "80, "
      "targetPort: 8000}]}\n";
  ASSERT_TRUE(
      apply(pod("server", "node1", answer) + pod("client", "node2", "sleep infinity") + service).ok());
  ASSERT_TRUE(wait("pod/server", "condition=Ready"));
  ASSERT_TRUE(wait("pod/client", "condition=Ready"));
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] {
    return in_pod("client", "curl --silent --max-time 2 http://web." + space() + ".svc.cluster.local/")
               .output == "served";
  }));
}

}  // namespace
}  // namespace walguard::cluster::testing
