#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tests/cluster/cluster.h"

namespace walguard::cluster::testing {

namespace {

bool in_ci() {
  const char* const ci = std::getenv("CI");
  return ci != nullptr && std::string(ci) == "true";
}

/// kubectl reads what it applies from a file: our child processes have no standard input.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("walguard-apply-" + std::to_string(getpid()) + ".yaml")) {
    std::ofstream(path_) << text;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }

  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

void ClusterTest::SetUp() {
  auto found = Cluster::find();
  if (!found) {
    ASSERT_FALSE(in_ci()) << found.error();
    GTEST_SKIP() << found.error();
  }
  cluster_ = std::make_unique<const Cluster>(*found);
  // A name of its own: other tests run meanwhile, and an earlier one may have left something behind.
  std::ostringstream random;
  random << std::hex << std::random_device()();
  const std::string name = "test-" + random.str();
  const CommandResult made = cluster_->kubectl({"create", "namespace", name});
  ASSERT_TRUE(made.ok()) << made.errors;
  space_ = name;
  // Pods are refused before their namespace has its service account.
  ASSERT_TRUE(eventually(std::chrono::seconds(30),
                         [&] { return !cluster_->get("serviceaccount", "default", space_).is_null(); }));
}

void ClusterTest::TearDown() {
  if (!cluster_) return;
  if (HasFailure() && !space_.empty()) {
    std::cerr << kubectl({"get", "pods,persistentvolumeclaims,jobs", "--output=wide"}).output
              << kubectl({"get", "events", "--sort-by=.lastTimestamp"}).output;
  }
  if (!space_.empty()) {
    // What drivers have to take back goes first; a namespace is slower about it than one who asks.
    if (!drivers_.empty()) {
      EXPECT_TRUE(kubectl({"delete", "pods,persistentvolumeclaims", "--all", "--timeout=60s"}).ok());
    }
    EXPECT_TRUE(cluster_->kubectl({"delete", "namespace", space_, "--wait=false"}).ok()) << space_;
    after_namespace();
  }
  for (const std::string& object : objects_) {
    EXPECT_TRUE(cluster_->kubectl({"delete", object, "--ignore-not-found", "--timeout=60s"}).ok()) << object;
  }
  for (const std::string& driver : drivers_) {
    // Volumes are removed by the driver, so it has to live as long as they do.
    EXPECT_TRUE(eventually(std::chrono::seconds(60),
                           [&] {
                             const CommandResult left =
                                 cluster_->kubectl({"get", "persistentvolumes",
                                                    "--output=jsonpath={.items[?(@.spec.csi.driver==\"" +
                                                        driver + "\")].metadata.name}"});
                             return left.ok() && left.output.empty();
                           }))
        << "volumes of " << driver << " are left";
    EXPECT_TRUE(cluster_->script({"driver", driver, "stop"}).ok()) << driver;
  }
}

CommandResult ClusterTest::kubectl(std::vector<std::string> arguments) const {
  // In front: what follows a `--` is not kubectl's.
  arguments.insert(arguments.begin(), "--namespace=" + space_);
  return cluster_->kubectl(arguments);
}

CommandResult ClusterTest::apply(const std::string& yaml, const std::vector<std::string>& options) const {
  const TemporaryFile file(yaml);
  std::vector<std::string> command = {"apply", "--filename=" + file.path()};
  command.insert(command.end(), options.begin(), options.end());
  return kubectl(std::move(command));
}

CommandResult ClusterTest::apply_anywhere(const std::string& yaml,
                                          const std::vector<std::string>& options) const {
  const TemporaryFile file(yaml);
  std::vector<std::string> command = {"apply", "--filename=" + file.path()};
  command.insert(command.end(), options.begin(), options.end());
  return cluster_->kubectl(command);
}

::testing::AssertionResult ClusterTest::wait(const std::string& object, const std::string& condition,
                                             std::chrono::seconds deadline) const {
  const CommandResult end =
      kubectl({"wait", object, "--for=" + condition, "--timeout=" + std::to_string(deadline.count()) + "s"});
  if (end.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << object << " is not " << condition << " within " << deadline.count() << " s: " << end.errors;
}

CommandResult ClusterTest::in_pod(const std::string& pod, const std::string& command) const {
  return kubectl({"exec", pod, "--", "sh", "-c", command});
}

std::vector<Event> ClusterTest::events(const std::string& object_name) const {
  const CommandResult answer =
      kubectl({"get", "events", "--output=json", "--sort-by=.metadata.creationTimestamp",
               "--field-selector=involvedObject.name=" + object_name});
  std::vector<Event> events;
  if (!answer.ok()) return events;
  const auto list = nlohmann::json::parse(answer.output);
  for (const auto& item : list.at("items")) {
    events.push_back({item.value("type", ""), item.value("reason", ""), item.value("message", "")});
  }
  return events;
}

bool ClusterTest::start_driver(const std::string& name, const std::string& kind,
                               const std::vector<std::string>& options) {
  const auto skip = [] {
    GTEST_SKIP() << "needs mounts on the nodes: only on the cluster of scripts/cluster";
  };
  if (!cluster_->is_ours()) {
    skip();
    return false;
  }
  drivers_.push_back(name);
  std::vector<std::string> command = {"driver", name, kind};
  command.insert(command.end(), options.begin(), options.end());
  const CommandResult end = cluster_->script(command);
  EXPECT_TRUE(end.ok()) << end.errors;
  return end.ok();
}

std::string tools_image() {
  const char* const given = std::getenv("WALGUARD_TOOLS_IMAGE");
  const std::string image = given == nullptr ? "walguard.test/tools:1" : given;
  return "image: \"" + image + "\", imagePullPolicy: IfNotPresent";
}

std::string storage_class_yaml(const std::string& name, const std::string& driver, const std::string& binding,
                               const std::string& reclaim) {
  return "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: " + name +
         "}\nprovisioner: " + driver + "\nvolumeBindingMode: " + binding + "\nreclaimPolicy: " + reclaim +
         "\n---\n";
}

std::string claim_yaml(const std::string& name, const std::string& storage_class,
                       const std::string& access_mode) {
  return "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " + name +
         "}\nspec:\n  storageClassName: " + storage_class + "\n  accessModes: [" + access_mode +
         "]\n  resources: {requests: {storage: 64Mi}}\n---\n";
}

std::string pod_yaml(const std::string& name, const std::string& claim, const std::string& node) {
  const std::string where = node.empty() ? "" : "  nodeSelector: {kubernetes.io/hostname: " + node + "}\n";
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
         "}\nspec:\n  terminationGracePeriodSeconds: 1\n" + where + "  containers:\n    - {name: main, " +
         tools_image() +
         ", command: [sleep, infinity], volumeMounts: [{name: data, mountPath: /data}]}\n"
         "  volumes: [{name: data, persistentVolumeClaim: {claimName: " +
         claim + "}}]\n---\n";
}

}  // namespace walguard::cluster::testing
