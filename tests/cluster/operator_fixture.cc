#include "tests/cluster/operator_fixture.h"

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

void OperatorTest::after_namespace() {
  // More than once: a pod that still waits has its preflight made again.
  EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] {
    std::vector<std::string> command = {"delete", "volumepreflights", "--ignore-not-found"};
    const auto names = own_preflights();
    command.insert(command.end(), names.begin(), names.end());
    return names.empty() || (cluster().kubectl(command).ok() && own_preflights().empty());
  }));
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

nlohmann::json OperatorTest::listed(const std::string& kinds) const {
  const CommandResult all = cluster().kubectl({"get", kinds, "--all-namespaces", "--output=json"});
  EXPECT_TRUE(all.ok()) << all.errors;
  return all.ok() ? nlohmann::json::parse(all.output).at("items") : nlohmann::json::array();
}

nlohmann::json OperatorTest::all_preflights() const { return listed("volumepreflights"); }

std::vector<std::string> OperatorTest::own_preflights() const {
  std::vector<std::string> names;
  for (const auto& preflight : all_preflights()) {
    const std::string storage_class = preflight.at("spec").value("storageClassName", "");
    if (storage_class.ends_with(own(""))) names.push_back(preflight.at("metadata").at("name"));
  }
  return names;
}

std::vector<nlohmann::json> OperatorTest::preflights_of(const std::string& storage_class) const {
  std::vector<nlohmann::json> found;
  for (const auto& item : all_preflights()) {
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
  // Those that are gone again by now may have left something too.
  for (const std::string& name : own_preflights()) seen_.insert(name);
  std::string names;
  for (const std::string& name : seen_) names += (names.empty() ? "" : ",") + name;
  if (names.empty()) return "";
  const CommandResult objects =
      cluster().kubectl({"get", "jobs,pods,services,secrets,persistentvolumeclaims", "--all-namespaces",
                         "--selector=walguard.dev/preflight in (" + names + ")", "--output=name"});
  if (!objects.ok()) return objects.errors;
  std::string left = objects.output;
  for (const auto& volume : listed("persistentvolumes")) {
    const bool ours = volume.value("/spec/storageClassName"_json_pointer, std::string()).ends_with(own("")) &&
                      volume.value("/spec/claimRef/namespace"_json_pointer, std::string()) != space();
    if (ours) left += "persistentvolume/" + volume.at("metadata").at("name").get<std::string>() + "\n";
  }
  return left;
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

CommandResult OperatorTest::in_release(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), std::string("--namespace=") + kReleaseNamespace);
  return cluster().kubectl(arguments);
}

CommandResult OperatorTest::helm(const std::string& command,
                                 const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {command, "walguard"};
  if (command == "install" || command == "upgrade" || command == "template") {
    all.emplace_back(WALGUARD_SOURCE_DIR "/charts/walguard");
  }
  all.push_back(std::string("--namespace=") + kReleaseNamespace);
  all.insert(all.end(), arguments.begin(), arguments.end());
  return cluster().helm(all);
}

std::vector<std::string> OperatorTest::release_values() const {
  const CommandResult values = cluster().helm(
      {"get", "values", "walguard", "--output=json", std::string("--namespace=") + kReleaseNamespace});
  EXPECT_TRUE(values.ok()) << values.errors;
  std::vector<std::string> arguments;
  if (!values.ok()) return arguments;
  const auto json = nlohmann::json::parse(values.output);
  for (const auto& [key, value] : json.items()) {
    arguments.push_back("--set-json=" + key + "=" + value.dump());
  }
  return arguments;
}

bool OperatorTest::make_pod_that_waits_for_a_preflight(const std::string& reclaim) {
  if (!make_class("local", {"--attach-required"}, reclaim)) return false;
  const CommandResult made =
      apply(claim_yaml("data", own("local"), "ReadWriteOnce") + guarded_pod("one", "data"));
  EXPECT_TRUE(made.ok()) << made.errors;
  return made.ok();
}

std::vector<nlohmann::json> OperatorTest::running_pods() const {
  std::vector<nlohmann::json> running;
  EXPECT_TRUE(eventually(kPreflight, [&] {
    const auto preflights = preflights_of(own("local"));
    if (preflights.empty()) return false;
    const std::string name = preflights.front().at("metadata").at("name");
    const CommandResult pods =
        in_release({"get", "pods", "--selector=walguard.dev/preflight=" + name, "--output=json"});
    if (!pods.ok()) return false;
    const auto list = nlohmann::json::parse(pods.output).at("items");
    running.assign(list.begin(), list.end());
    return !running.empty() && std::ranges::all_of(running, [](const nlohmann::json& pod) {
      return pod.value("/status/phase"_json_pointer, std::string()) == "Running";
    });
  }));
  return running;
}

void OperatorTest::expect_released() const {
  EXPECT_TRUE(wait("pod/one", "condition=Ready", kPreflight));
  EXPECT_TRUE(nothing_is_left());
}

namespace {

std::string annotated_pod(const std::string& name, const std::string& claim, const std::string& annotations) {
  std::string yaml = pod_yaml(name, claim);
  const std::string metadata = "metadata: {name: " + name + "}";
  return yaml.replace(yaml.find(metadata), metadata.size(),
                      "metadata:\n  name: " + name + "\n  annotations: {" + annotations + "}");
}

}  // namespace

std::string pod_with_database(const std::string& name, const std::string& claim) {
  return annotated_pod(name, claim, "walguard/databases: /data/app.db");
}

std::string guarded_pod(const std::string& name, const std::string& claim) {
  return annotated_pod(name, claim, "walguard/require-local: \"true\", walguard/databases: /data/app.db");
}

std::string deployment(const std::string& name, const std::string& claim, int replicas) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name +
         "}\nspec:\n  replicas: " + std::to_string(replicas) + "\n  selector: {matchLabels: {app: " + name +
         "}}\n  template:\n    metadata: {labels: {app: " + name +
         "}, annotations: {walguard/databases: /data/app.db}}\n    spec:\n      containers:\n"
         "        - {name: main, " +
         tools_image() +
         ", command: [sleep, "
         "infinity], volumeMounts: [{name: data, mountPath: /data}]}\n"
         "      volumes: [{name: data, persistentVolumeClaim: {claimName: " +
         claim + "}}]\n---\n";
}

}  // namespace walguard::cluster::testing
