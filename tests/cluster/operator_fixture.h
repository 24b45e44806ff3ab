/// What the tests of walguard in a cluster share: classes, guarded pods, and a look at what walguard made.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"

namespace walguard::cluster::testing {

/// From a pod's creation to its release by a preflight. Machines of CI are loaded.
inline constexpr std::chrono::seconds kPreflight{180};
inline constexpr const char* kReleaseNamespace = "walguard-system";

/// walguard is installed already, by the fixture `walguard` (walguard_fixture).
class OperatorTest : public ClusterTest {
 protected:
  /// A name for objects outside the namespace that no other test has.
  [[nodiscard]] std::string own(const std::string& name) const { return name + "." + space() + ".example"; }

  /// Takes away the preflights that walguard made for classes of this test, and waits for their end.
  void after_namespace() override;

  /// A class of an unknown driver of `kind` that runs in the nodes, both named own(kind). False: skipped or
  /// failed.
  [[nodiscard]] bool make_class(const std::string& kind, const std::vector<std::string>& options = {},
                                const std::string& reclaim = "Delete");
  /// The namespace's label walguard/mode.
  void set_mode(const std::string& mode) const;
  [[nodiscard]] std::vector<std::string> gates_of(const std::string& pod) const;
  /// The VolumePreflights of a class.
  [[nodiscard]] std::vector<nlohmann::json> preflights_of(const std::string& storage_class) const;
  /// Waits until a VolumePreflight of the class has this phase, and returns it; JSON null where none has.
  [[nodiscard]] nlohmann::json preflight_in_phase(const std::string& storage_class, const std::string& phase,
                                                  std::chrono::seconds deadline = kPreflight) const;
  /// What walguard made for preflights of this test and has not removed, as `kubectl get --output=name` lists
  /// it.
  [[nodiscard]] std::string left_of_preflights() const;
  /// Waits until nothing is.
  [[nodiscard]] ::testing::AssertionResult nothing_is_left() const;
  /// Waits for an Event about `object` that says `words`.
  [[nodiscard]] ::testing::AssertionResult is_told(const std::string& object, const std::string& words) const;

  /// `kubectl ARGUMENT...` in walguard's namespace.
  [[nodiscard]] CommandResult in_release(std::vector<std::string> arguments) const;
  /// `helm COMMAND walguard ARGUMENT...` in walguard's namespace, with the chart where the command takes one.
  [[nodiscard]] CommandResult helm(const std::string& command,
                                   const std::vector<std::string>& arguments = {}) const;
  /// Arguments for helm that say the values of the release as it is.
  [[nodiscard]] std::vector<std::string> release_values() const;

  /// The pod "one", gated, with its claim "data" of class own("local"), which a preflight can prove. False:
  /// skipped or failed.
  [[nodiscard]] bool make_pod_that_waits_for_a_preflight(const std::string& reclaim = "Delete");
  /// Waits for the preflight of own("local") to have one pod or more, all of them running, and returns their
  /// JSON.
  [[nodiscard]] std::vector<nlohmann::json> running_pods() const;
  /// Waits until the pod "one" runs, and nothing is left of preflights.
  void expect_released() const;

 private:
  /// The items of `kubectl get KINDS --all-namespaces`.
  [[nodiscard]] nlohmann::json listed(const std::string& kinds) const;
  [[nodiscard]] nlohmann::json all_preflights() const;
  /// Names of the VolumePreflights of classes that are own(...).
  [[nodiscard]] std::vector<std::string> own_preflights() const;

  mutable std::set<std::string> seen_;  // names of own preflights
};

/// A pod with a database on the claim.
[[nodiscard]] std::string pod_with_database(const std::string& name, const std::string& claim);
/// A pod with a database on the claim that asks for storage proven to be fit for it.
[[nodiscard]] std::string guarded_pod(const std::string& name, const std::string& claim);
[[nodiscard]] std::string deployment(const std::string& name, const std::string& claim, int replicas);

}  // namespace walguard::cluster::testing
