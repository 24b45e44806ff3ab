// walguard installed by its chart in a real cluster: what a person sees of it through kubectl. The fixture
// `walguard` (walguard_fixture) has installed it.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// From a pod's creation to its release by a preflight. Machines of CI are loaded.
constexpr std::chrono::seconds kPreflight{180};

class Operator : public ClusterTest {
 protected:
  [[nodiscard]] std::string own(const std::string& name) const { return name + "." + space() + ".example"; }

  /// A class of an unknown driver of `kind` that runs in the nodes. False: skipped or failed.
  [[nodiscard]] bool make_class(const std::string& kind, const std::vector<std::string>& options = {},
                                const std::string& reclaim = "Delete") {
    const std::string name = own(kind);
    if (!start_driver(name, kind, options)) return false;
    remove_at_end("storageclass/" + name);
    const CommandResult made = apply(storage_class_yaml(name, name, "WaitForFirstConsumer", reclaim));
    EXPECT_TRUE(made.ok()) << made.errors;
    return made.ok();
  }

  void set_mode(const std::string& mode) const {
    const CommandResult labelled =
        cluster().kubectl({"label", "namespace", space(), "walguard/mode=" + mode, "--overwrite"});
    ASSERT_TRUE(labelled.ok()) << labelled.errors;
  }

  [[nodiscard]] std::vector<std::string> gates_of(const std::string& pod) const {
    std::vector<std::string> names;
    const auto object = cluster().get("pod", pod, space());
    if (object.is_null()) return names;
    for (const auto& gate : object.at("spec").value("schedulingGates", nlohmann::json::array())) {
      names.push_back(gate.at("name"));
    }
    return names;
  }

  /// The VolumePreflights of a class.
  [[nodiscard]] std::vector<nlohmann::json> preflights_of(const std::string& storage_class) const {
    std::vector<nlohmann::json> found;
    const CommandResult all = cluster().kubectl({"get", "volumepreflights", "--output=json"});
    if (!all.ok()) return found;
    const auto list = nlohmann::json::parse(all.output);
    for (const auto& item : list.at("items")) {
      if (item.at("spec").value("storageClassName", "") == storage_class) found.push_back(item);
    }
    return found;
  }

  /// What walguard made for preflights and has not removed, as `kubectl get --output=name` lists it.
  [[nodiscard]] std::string left_of_preflights() const {
    return cluster()
        .kubectl({"get", "jobs,pods,services,secrets,persistentvolumeclaims", "--all-namespaces",
                  "--selector=walguard.dev/preflight", "--output=name"})
        .output;
  }
};

// A pod with a database on the claim that asks for storage proven to be fit for it.
std::string guarded_pod(const std::string& name, const std::string& claim) {
  std::string yaml = pod_yaml(name, claim);
  const std::string metadata = "metadata: {name: " + name + "}";
  return yaml.replace(
      yaml.find(metadata), metadata.size(),
      "metadata:\n  name: " + name +
          "\n  annotations: {walguard/require-local: \"true\", walguard/databases: /data/app.db}");
}

std::string deployment(const std::string& name, const std::string& claim, int replicas) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name +
         "}\nspec:\n  replicas: " + std::to_string(replicas) + "\n  selector: {matchLabels: {app: " + name +
         "}}\n  template:\n    metadata: {labels: {app: " + name +
         "}, annotations: {walguard/databases: /data/app.db}}\n    spec:\n      containers:\n"
         "        - {name: main, image: \"walguard.test/tools:1\", imagePullPolicy: Never, command: [sleep, "
         "infinity], volumeMounts: [{name: data, mountPath: /data}]}\n"
         "      volumes: [{name: data, persistentVolumeClaim: {claimName: " +
         claim + "}}]\n---\n";
}

TEST_F(Operator, ProvesAnUnknownDriverByAPreflightAndReleasesThePodAndAdmitsTheNextAtOnce) {
  if (!make_class("local", {"--attach-required"})) return;
  ASSERT_TRUE(apply(claim_yaml("first", own("local"), "ReadWriteOnce") +
                    claim_yaml("second", own("local"), "ReadWriteOnce"))
                  .ok());
  const CommandResult created = apply(guarded_pod("one", "first"));
  ASSERT_TRUE(created.ok()) << created.errors;
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight")) << "nothing is known of the driver yet";
  EXPECT_TRUE(wait("pod/one", "condition=Ready", kPreflight));

  const auto preflights = preflights_of(own("local"));
  ASSERT_EQ(preflights.size(), 1U);
  EXPECT_EQ(preflights.front().at("/status/verdict/wal"_json_pointer), "safe") << preflights.front().dump(1);

  const CommandResult second = apply(guarded_pod("two", "second"));
  ASSERT_TRUE(second.ok()) << second.errors;
  EXPECT_THAT(gates_of("two"), IsEmpty());
  EXPECT_TRUE(wait("pod/two", "condition=Ready"));
  EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] { return left_of_preflights().empty(); }))
      << left_of_preflights();
}

TEST_F(Operator, KeepsAPodOffStorageThatTwoNodesDoNotShareCoherentlyAndSaysWhy) {
  if (!make_class("network")) return;
  ASSERT_TRUE(apply(claim_yaml("shared", own("network"), "ReadWriteMany")).ok());
  const CommandResult created = apply(guarded_pod("one", "shared"));
  ASSERT_TRUE(created.ok()) << created.errors;
  const auto finished = [&] {
    const auto preflights = preflights_of(own("network"));
    return !preflights.empty() &&
           preflights.front().value("/status/verdict/wal"_json_pointer, std::string()) == "unsafe";
  };
  EXPECT_TRUE(eventually(kPreflight, finished)) << nlohmann::json(preflights_of(own("network"))).dump(1);
  const auto preflights = preflights_of(own("network"));
  ASSERT_EQ(preflights.size(), 1U);
  EXPECT_EQ(preflights.front().at("status").at("nodes").size(), 2U) << "one pod on each of two nodes";

  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] {
    const auto all = events("one");
    return std::ranges::any_of(
        all, [](const Event& event) { return event.message.find("preflight-failed") != std::string::npos; });
  }));
  EXPECT_THAT(gates_of("one"), Contains("walguard/preflight"));
  EXPECT_THAT(kubectl({"describe", "pod", "one"}).output, HasSubstr("mmap-coherence"));
}

TEST_F(Operator, DeniesADeploymentOnANetworkClassInItsOwnWords) {
  set_mode("enforce");
  const std::string storage_class = own("nfs");
  remove_at_end("storageclass/" + storage_class);
  ASSERT_TRUE(apply(storage_class_yaml(storage_class, "nfs.csi.k8s.io") +
                    claim_yaml("shared", storage_class, "ReadWriteMany"))
                  .ok());
  const CommandResult applied = apply(deployment("web", "shared", 3));
  EXPECT_FALSE(applied.ok());
  EXPECT_THAT(applied.errors,
              AllOf(HasSubstr("denied the request"), HasSubstr("network-filesystem"), HasSubstr("Remedy:")));
  const CommandResult pod = apply(guarded_pod("direct", "shared"));
  EXPECT_FALSE(pod.ok());
  EXPECT_THAT(pod.errors, HasSubstr("network-filesystem"));
}

TEST_F(Operator, DeniesAScaleThatWouldMakeSeveralDatabasesOfOne) {
  const std::string set =
      "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 1\n  serviceName: "
      "db\n"
      "  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}, annotations: "
      "{walguard/databases: /data/app.db}}\n    spec:\n      containers:\n"
      "        - {name: main, image: \"walguard.test/tools:1\", imagePullPolicy: Never, command: [sleep, "
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
  std::string pod = guarded_pod("one", "nowhere");
  const std::string required = "walguard/require-local: \"true\", ";
  pod.erase(pod.find(required), required.size());
  const CommandResult created = apply(pod);
  ASSERT_TRUE(created.ok()) << created.errors;
  ASSERT_THAT(gates_of("one"), Contains("walguard/preflight"));
  set_mode("off");
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] { return gates_of("one").empty(); }));
}

TEST_F(Operator, LetsAPodWithoutSharedStorageAlone) {
  set_mode("enforce");
  const std::string pod =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec:\n  containers: [{name: main, image: "
      "\"walguard.test/tools:1\", imagePullPolicy: Never, command: [sleep, infinity]}]\n";
  const CommandResult created = apply(pod);
  ASSERT_TRUE(created.ok()) << created.errors;
  EXPECT_THAT(created.errors, Not(HasSubstr("walguard")));
  EXPECT_TRUE(wait("pod/plain", "condition=Ready"));
}

}  // namespace
}  // namespace walguard::cluster::testing
