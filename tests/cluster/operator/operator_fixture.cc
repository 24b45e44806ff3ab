#include "tests/cluster/operator/operator_fixture.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"

namespace walguard::cluster::testing {

bool OperatorTest::make_class(const std::string& kind, const std::vector<std::string>& options,
                              const std::string& reclaim) {
  const std::string name = own(kind);
  if (!start_driver(name, kind, options)) return false;
  remove_at_end("storageclass/" + name);
  const CommandResult made = apply(storage_class_yaml(name, name, "WaitForFirstConsumer", reclaim));
  EXPECT_TRUE(made.ok()) << made.errors;
  return made.ok();
}

void OperatorTest::set_mode(const std::string& mode) const {
  const CommandResult labelled =
      cluster().kubectl({"label", "namespace", space(), "walguard/mode=" + mode, "--overwrite"});
  ASSERT_TRUE(labelled.ok()) << labelled.errors;
}

std::vector<std::string> OperatorTest::gates_of(const std::string& pod) const {
  std::vector<std::string> names;
  const auto object = cluster().get("pod", pod, space());
  if (object.is_null()) return names;
  for (const auto& gate : object.at("spec").value("schedulingGates", nlohmann::json::array())) {
    names.push_back(gate.at("name"));
  }
  return names;
}

std::vector<nlohmann::json> OperatorTest::preflights_of(const std::string& storage_class) const {
  std::vector<nlohmann::json> found;
  const CommandResult all = cluster().kubectl({"get", "volumepreflights", "--output=json"});
  if (!all.ok()) return found;
  const auto list = nlohmann::json::parse(all.output);
  for (const auto& item : list.at("items")) {
    if (item.at("spec").value("storageClassName", "") == storage_class) found.push_back(item);
  }
  return found;
}

nlohmann::json OperatorTest::preflight_in_phase(const std::string& storage_class, const std::string& phase,
                                                std::chrono::seconds deadline) const {
  nlohmann::json found;
  (void)eventually(deadline, [&] {
    for (auto& preflight : preflights_of(storage_class)) {
      if (preflight.value("/status/phase"_json_pointer, std::string()) == phase) found = std::move(preflight);
    }
    return !found.is_null();
  });
  return found;
}

std::string OperatorTest::left_of_preflights() const {
  return cluster()
      .kubectl({"get", "jobs,pods,services,secrets,persistentvolumeclaims", "--all-namespaces",
                "--selector=walguard.dev/preflight", "--output=name"})
      .output;
}

::testing::AssertionResult OperatorTest::nothing_is_left() const {
  if (eventually(std::chrono::seconds(90), [&] { return left_of_preflights().empty(); })) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "left of preflights: " << left_of_preflights();
}

::testing::AssertionResult OperatorTest::is_told(const std::string& object, const std::string& words) const {
  std::vector<Event> all;
  const bool told = eventually(std::chrono::seconds(60), [&] {
    all = events(object);
    return std::ranges::any_of(
        all, [&](const Event& event) { return event.message.find(words) != std::string::npos; });
  });
  if (told) return ::testing::AssertionSuccess();
  auto failure = ::testing::AssertionFailure() << "no Event about " << object << " says \"" << words << "\":";
  for (const Event& event : all) failure << "\n  " << event.reason << ": " << event.message;
  return failure;
}

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

}  // namespace walguard::cluster::testing
