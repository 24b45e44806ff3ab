#include "tests/chart/chart.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "operator/process/child_process.h"
#include "tests/support/files.h"

namespace walguard::chart::testing {
namespace {

using nlohmann::json;
using process::ChildEnd;

constexpr std::string_view kKubernetes = "1.34.0";  // unless the test says otherwise

ChildEnd run(const std::vector<std::string>& arguments) {
  process::ChildRunner runner({.deadline = std::chrono::seconds(100),
                               .grace = std::chrono::seconds(3),
                               .output = std::size_t{16} << 20U,
                               .error_tail = 16384});
  return runner.run(arguments, {}, {});
}

bool succeeded(const ChildEnd& end) { return end.how == ChildEnd::How::kExited && end.code == 0; }

std::string group_of(std::string_view resource) {
  if (resource.starts_with("pods")) return "";
  return resource.starts_with("jobs") || resource.starts_with("cronjobs") ? "batch" : "apps";
}

std::string without_suffix(const std::string& name) {
  constexpr std::string_view kSuffix = ".walguard.dev";
  return name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

json request_json(const Request& request) {
  auto labels = request.namespace_labels;
  labels["kubernetes.io/metadata.name"] = request.namespace_name;
  return {{"namespace", {{"name", request.namespace_name}, {"labels", labels}}},
          {"operation", request.operation},
          {"resource", request.resource},
          {"group", group_of(request.resource)},
          {"user", request.user},
          {"object", json::parse(request.object)},
          {"oldObject", json::parse(request.old_object)}};
}

}  // namespace

Objects::Objects(const std::string& yaml) {
  for (const Node& document : YAML::LoadAll(yaml)) {
    if (!document.IsMap()) continue;
    const auto key =
        document["kind"].as<std::string>() + "/" + document["metadata"]["name"].as<std::string>();
    if (!objects_.emplace(key, document).second) throw std::runtime_error(key + " was rendered twice");
  }
}

Node Objects::at(const std::string& kind_and_name) const {
  const auto found = objects_.find(kind_and_name);
  if (found == objects_.end()) throw std::runtime_error(kind_and_name + " was not rendered");
  return found->second;
}

std::map<std::string, Node> Objects::pod_specs() const {
  std::map<std::string, Node> specs;
  for (const auto& [key, object] : objects_) {
    if (key.starts_with("Pod/")) specs.emplace(key, object["spec"]);
    if (object["spec"] && object["spec"]["template"]) specs.emplace(key, object["spec"]["template"]["spec"]);
  }
  return specs;
}

void Chart::SetUp() {
  const ChildEnd built = run({WALGUARD_SOURCE_DIR "/tests/chart/chart_programs"});
  if (succeeded(built)) {
    programs_ = built.output.substr(0, built.output.find('\n'));
    return;
  }
  const char* const ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true") FAIL() << built.error_tail;
  GTEST_SKIP() << built.error_tail;
}

ChildEnd Chart::helm_template(const std::vector<std::string>& arguments) const {
  const std::string chart = WALGUARD_SOURCE_DIR "/charts/walguard";
  std::vector<std::string> all = {programs_ + "/helm", "template",       "walguard", chart,
                                  "--namespace",       "walguard-system"};
  if (std::ranges::find(arguments, "--kube-version") == arguments.end()) {
    all.insert(all.end(), {"--kube-version", std::string(kKubernetes)});
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(all);
}

std::string Chart::render_text(const std::vector<std::string>& arguments) const {
  const ChildEnd end = helm_template(arguments);
  if (!succeeded(end)) throw std::runtime_error("helm template: " + end.error_tail);
  return end.output;
}

Objects Chart::render(const std::vector<std::string>& arguments) const {
  return Objects(render_text(arguments));
}

std::string Chart::refusal(const std::vector<std::string>& arguments) const {
  const ChildEnd end = helm_template(arguments);
  return succeeded(end) ? "" : end.error_tail;
}

std::vector<std::string> Chart::called(const Request& request,
                                       const std::vector<std::string>& arguments) const {
  walguard::testing::write_file(folder_ / "manifest.yaml", render_text(arguments));
  walguard::testing::write_file(folder_ / "requests", request_json(request).dump() + "\n");
  const ChildEnd end = run({programs_ + "/webhook-match", folder_ / "manifest.yaml", folder_ / "requests"});
  if (!succeeded(end)) throw std::runtime_error("webhook-match: " + end.error_tail);
  std::vector<std::string> calls;
  for (const json& call : json::parse(end.output)) {
    calls.push_back(call.at("path").get<std::string>() + " " + without_suffix(call.at("name")) + " " +
                    call.at("failurePolicy").get<std::string>());
  }
  return calls;
}

}  // namespace walguard::chart::testing
