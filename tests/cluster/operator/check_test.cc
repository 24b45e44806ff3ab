// `walguard check` on what kubectl prints gives the webhook's answers about the same objects.
//
// Left out, as only `check` can see it: ConfigMaps, and what a workload of its input will make.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <stdlib.h>  // mkdtemp is of POSIX, not of <cstdlib>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator_fixture.h"
#include "tests/cluster/varied_objects.h"

namespace walguard::cluster::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kInput = "deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,pods";
constexpr const char* kState =
    "storageclasses,persistentvolumes,persistentvolumeclaims,csidrivers,nodes,runtimeclasses,namespaces,pods,"
    "horizontalpodautoscalers";

/// What is said of one object, in words that both sides have.
struct Said {
  std::string decision;
  std::string verdict;
  std::set<std::string> rules;

  friend bool operator==(const Said&, const Said&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Said& said) {
    out << said.decision << ", " << said.verdict << ":";
    for (const std::string& rule : said.rules) out << " " << rule;
    return out;
  }
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = fs::temp_directory_path() / "walguard-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { fs::remove_all(path_); }

  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

 private:
  fs::path path_;
};

class CheckBesideWebhook : public OperatorTest {
 protected:
  [[nodiscard]] std::string get(const std::string& kinds, const std::string& where) const {
    const CommandResult all = cluster().kubectl({"get", kinds, where, "--output=yaml"});
    EXPECT_TRUE(all.ok()) << all.errors;
    return all.output;
  }

  /// By "KIND NAME".
  [[nodiscard]] std::map<std::string, Said> said_by_check() const;
  [[nodiscard]] Said said_by_webhook(const json& object) const;
  /// The answer to a review of this object's creation. JSON null: there is none.
  [[nodiscard]] json review(const std::string& path, const json& object) const;

  TemporaryFolder folder_;
};

std::string worst(const std::string& a, const std::string& b) {
  static const std::vector<std::string> kOrder = {"not-applicable", "safe", "unproven", "unsafe"};
  return std::ranges::find(kOrder, a) < std::ranges::find(kOrder, b) ? b : a;
}

std::map<std::string, Said> CheckBesideWebhook::said_by_check() const {
  const std::string here = "--namespace=" + space();
  const CommandResult checked = cluster().walguard(
      {"check", "--output", "json", "--cluster-state", folder_.write("state.yaml", get(kState, "-A")),
       "--evidence", folder_.write("evidence.yaml", get("volumepreflights,claimpreflights", "-A")),
       "--policy", folder_.write("policy.yaml", get("walguardpolicies", "-A")),
       fs::path(folder_.write("input/objects.yaml", get(kInput, here))).parent_path().string()},
      {});
  EXPECT_EQ(checked.exit_code, 1) << checked.errors;
  std::map<std::string, Said> all;
  if (checked.output.empty()) return all;
  const json report = json::parse(checked.output);
  EXPECT_EQ(report.at("errors"), json::array());
  for (const json& object : report.at("objects")) {
    Said said{.decision = object.at("decision"), .verdict = "not-applicable", .rules = {}};
    for (const json& volume : object.at("volumes")) {
      said.verdict = worst(said.verdict, volume.at("verdict"));
      for (const json& finding : volume.at("findings")) said.rules.insert(finding.at("rule"));
    }
    all[object.at("kind").get<std::string>() + " " + object.at("name").get<std::string>()] = said;
  }
  return all;
}

json CheckBesideWebhook::review(const std::string& path, const json& object) const {
  const std::string version = object.at("apiVersion");
  const std::size_t slash = version.find('/');
  const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
  const std::string kind = object.at("kind");
  std::string resource = kind + "s";
  std::ranges::transform(resource, resource.begin(), [](unsigned char c) { return std::tolower(c); });
  const json request = {{"uid", "0"},
                        {"kind", {{"group", group}, {"version", "v1"}, {"kind", kind}}},
                        {"resource", {{"group", group}, {"version", "v1"}, {"resource", resource}}},
                        {"name", object.at("metadata").at("name")},
                        {"namespace", space()},
                        {"operation", "CREATE"},
                        {"userInfo", {{"username", "somebody"}}},
                        {"dryRun", true},
                        {"object", object}};
  const json body = {
      {"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}};
  const std::string service =
      std::string("/api/v1/namespaces/") + kReleaseNamespace + "/services/https:walguard:443/proxy/" + path;
  const CommandResult answer = cluster().kubectl(
      {"create", "--raw", service, "--filename", folder_.write("review.json", body.dump())});
  EXPECT_TRUE(answer.ok()) << answer.errors;
  return answer.ok() ? json::parse(answer.output).at("response") : json();
}

std::string decoded(const std::string& base64) {
  std::string bytes(base64.size(), '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
  bytes.resize(static_cast<std::size_t>(std::max(length, 0)));
  return bytes;
}

/// As the API server asks: first for a patch, then for the last word on what the patch has made of it.
Said CheckBesideWebhook::said_by_webhook(const json& object) const {
  json patched = object;
  json& spec = patched["spec"];
  const auto gated = [&] {
    const json gates = spec.value("schedulingGates", json::array());
    return std::ranges::any_of(gates,
                               [](const json& gate) { return gate.at("name") == "walguard/preflight"; });
  };
  const json mutated = review("mutate", object);
  if (mutated.is_null()) return {};
  if (decoded(mutated.value("patch", "")).find("/spec/schedulingGates") != std::string::npos) {
    spec["schedulingGates"].push_back({{"name", "walguard/preflight"}});
  }
  const json answer = review("validate", patched);
  if (answer.is_null()) return {};
  Said said;
  const bool warns = !answer.value("warnings", json::array()).empty();
  said.decision = !answer.at("allowed").get<bool>()       ? "deny"
                  : object.at("kind") == "Pod" && gated() ? "gate"
                  : warns                                 ? "warn"
                                                          : "allow";
  const json notes = answer.value("auditAnnotations", json::object());
  said.verdict = notes.value("verdict", "not-applicable");
  std::istringstream rules(notes.value("rules", ""));
  for (std::string rule; std::getline(rules, rule, ',');) said.rules.insert(rule);
  return said;
}

std::string title_of(const json& object) {
  return object.at("kind").get<std::string>() + " " + object.at("metadata").at("name").get<std::string>();
}

TEST_F(CheckBesideWebhook, BothSayTheSameOfTheSameObjects) {
  const json objects = varied_objects(space());
  for (const json& item : objects.at("items")) {
    const json& own_name = item.at("metadata").at("name");
    if (item.at("kind") == "CSIDriver" || own_name.get<std::string>().find(space()) != std::string::npos) {
      remove_at_end(item.at("kind").get<std::string>() + "/" + own_name.get<std::string>());
    }
  }
  const CommandResult made = apply(objects.dump());
  ASSERT_TRUE(made.ok()) << made.errors;
  for (const char* const claim : {"static-nfs", "disk-a", "disk-b", "local"}) {
    ASSERT_TRUE(wait(std::string("persistentvolumeclaim/") + claim, "jsonpath={.status.phase}=Bound"));
  }
  ASSERT_TRUE(wait("pod/set-1", "jsonpath={.status.phase}=Pending"));
  set_mode("enforce");

  // What both have in view may still change: pods are being made, and a watch is a moment behind.
  std::map<std::string, Said> by_check;
  std::map<std::string, Said> by_webhook;
  (void)eventually(std::chrono::seconds(60), [&] {
    by_check = said_by_check();
    by_webhook.clear();
    const json all = json::parse(kubectl({"get", kInput, "--output=json"}).output);
    for (const json& object : all.at("items")) {
      by_webhook[title_of(object)] = said_by_webhook(object);
    }
    return by_check == by_webhook;
  });
  EXPECT_GE(by_webhook.size(), 60U);
  std::set<std::string> decisions;
  for (const auto& [name, said] : by_webhook) {
    EXPECT_EQ(by_check[name], said) << name;
    decisions.insert(said.decision);
  }
  EXPECT_EQ(by_check.size(), by_webhook.size());
  EXPECT_EQ(decisions, (std::set<std::string>{"allow", "deny", "gate", "warn"})) << "all are compared";
}

}  // namespace
}  // namespace walguard::cluster::testing
