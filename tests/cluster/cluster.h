/// What the tests of label `cluster` drive a cluster with: kubectl, helm and scripts/cluster, from outside,
/// as a person does. Every call blocks until its command ends, two minutes at most where nothing else is
/// said.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace walguard::cluster::testing {

struct CommandResult {
  int exit_code = -1;  ///< -1: did not end by itself
  std::string output;
  std::string errors;  ///< the last kilobytes

  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

/// An Event about one object, as `kubectl describe` shows it.
struct Event {
  std::string type;  ///< Normal or Warning
  std::string reason;
  std::string message;
};

/// A running cluster. Copyable; holds no connection.
class Cluster {
 public:
  /// The one that KUBECONFIG names, else the one that scripts/cluster has started; or why there is none.
  static tl::expected<Cluster, std::string> find();

  /// Whether it is scripts/cluster's: only then can nodes be entered and killed, and drivers started in them.
  [[nodiscard]] bool is_ours() const { return ours_; }

  [[nodiscard]] CommandResult kubectl(const std::vector<std::string>& arguments) const;
  [[nodiscard]] CommandResult helm(const std::vector<std::string>& arguments) const;
  /// `scripts/cluster ARGUMENT...`.
  [[nodiscard]] CommandResult script(const std::vector<std::string>& arguments) const;

  /// walguard as it was built beside the tests, outside the cluster and with an administrator's rights.
  [[nodiscard]] CommandResult walguard(const std::vector<std::string>& arguments,
                                       const std::stop_token& stop) const;

  /// An object of `kind` (`pod`, `volumepreflights.walguard.dev`, ...); JSON null where there is none.
  /// `space`: its namespace, empty for objects that have none.
  [[nodiscard]] nlohmann::json get(const std::string& kind, const std::string& name,
                                   const std::string& space = "") const;

 private:
  Cluster(std::string kubeconfig, std::string programs, bool ours);

  [[nodiscard]] CommandResult run(const std::string& program, const std::vector<std::string>& arguments,
                                  const std::stop_token& stop = {}) const;
  [[nodiscard]] std::string program(const std::string& name) const;

  std::string kubeconfig_;
  std::string programs_;  ///< folder of kubectl and helm; empty: they are in PATH
  bool ours_;
};

/// Asks again until `condition` holds; false when it did not within `deadline`. For what `kubectl wait`
/// cannot say.
[[nodiscard]] bool eventually(std::chrono::seconds deadline, const std::function<bool()>& condition);

/// A test with a namespace of its own. Skips where there is no cluster, and fails there when CI=true. At the
/// end the namespace goes (whether it has gone is the fixture's to see), then what `remove_at_end` named,
/// then the drivers; a failed test shows first what was in the namespace.
class ClusterTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] const Cluster& cluster() const { return *cluster_; }
  [[nodiscard]] const std::string& space() const { return space_; }  ///< the namespace

  /// `kubectl ARGUMENT...` in the test's namespace.
  [[nodiscard]] CommandResult kubectl(std::vector<std::string> arguments) const;
  /// `kubectl apply OPTION...` in the test's namespace.
  [[nodiscard]] CommandResult apply(const std::string& yaml,
                                    const std::vector<std::string>& options = {}) const;
  /// `kubectl apply OPTION...` of objects that name their namespaces themselves.
  [[nodiscard]] CommandResult apply_anywhere(const std::string& yaml,
                                             const std::vector<std::string>& options = {}) const;
  /// Waits for `object` ("pod/a") as `kubectl wait --for=CONDITION` does: "condition=Ready", "delete",
  /// "jsonpath={.status.phase}=Bound".
  [[nodiscard]] ::testing::AssertionResult wait(
      const std::string& object, const std::string& condition,
      std::chrono::seconds deadline = std::chrono::seconds(60)) const;
  /// Runs a shell command in a pod.
  [[nodiscard]] CommandResult in_pod(const std::string& pod, const std::string& command) const;
  /// Events about an object of the test's namespace, in the order they came.
  [[nodiscard]] std::vector<Event> events(const std::string& object_name) const;

  /// Called at the end, when the namespace goes or has gone. For what a test cannot name before.
  virtual void after_namespace() {}

  /// Objects outside the namespace ("storageclass/x"), deleted at the end.
  void remove_at_end(const std::string& object) { objects_.push_back(object); }
  /// Starts the test CSI driver (`scripts/cluster driver`) under this name; ended at the end. False: see the
  /// failure. Where nodes cannot be entered the test is skipped: check `IsSkipped()`.
  bool start_driver(const std::string& name, const std::string& kind,
                    const std::vector<std::string>& options = {});

 private:
  std::unique_ptr<const Cluster> cluster_;  // null: there is none
  std::string space_;
  std::vector<std::string> objects_;
  std::vector<std::string> drivers_;
};

/// The fields of a container, on one line of YAML: an image with a shell and curl. On a cluster of somebody
/// else it is the one that WALGUARD_TOOLS_IMAGE names.
[[nodiscard]] std::string tools_image();

/// YAML of a StorageClass of `driver`. `binding`: Immediate or WaitForFirstConsumer; `reclaim`: Delete or
/// Retain.
[[nodiscard]] std::string storage_class_yaml(const std::string& name, const std::string& driver,
                                             const std::string& binding = "WaitForFirstConsumer",
                                             const std::string& reclaim = "Delete");

/// YAML of a claim of 64 MiB.
[[nodiscard]] std::string claim_yaml(const std::string& name, const std::string& storage_class,
                                     const std::string& access_mode);

/// YAML of a pod that waits, with the claim mounted at /data and a shell in it. `node`: empty lets the
/// scheduler choose.
[[nodiscard]] std::string pod_yaml(const std::string& name, const std::string& claim,
                                   const std::string& node = "");

}  // namespace walguard::cluster::testing
