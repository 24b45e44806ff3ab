#include "tests/cluster/cluster.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/process/child_process.h"

namespace walguard::cluster::testing {

namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Where scripts/cluster keeps the cluster.
std::string cluster_folder() {
  const std::string given = variable("WALGUARD_CLUSTER_DIR");
  return given.empty() ? "/var/lib/walguard-cluster" : given;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

Cluster::Cluster(std::string kubeconfig, std::string programs, bool ours)
    : kubeconfig_(std::move(kubeconfig)), programs_(std::move(programs)), ours_(ours) {}

tl::expected<Cluster, std::string> Cluster::find() {
  const std::string own = cluster_folder() + "/admin.kubeconfig";
  const std::string given = variable("KUBECONFIG");
  const bool ours = given.empty() || given == own;
  if (ours && !std::filesystem::exists(own)) {
    return tl::make_unexpected(
        std::string("no cluster: `scripts/cluster up` starts one, as root; or set KUBECONFIG"));
  }
  Cluster cluster(ours ? own : given, first_line(cluster_folder() + "/programs"), ours);
  const CommandResult answer = cluster.kubectl({"get", "--raw", "/readyz"});
  if (!answer.ok()) return tl::unexpected("the cluster does not answer: " + answer.errors);
  return cluster;
}

std::string Cluster::program(const std::string& name) const {
  const std::string ours = programs_ + "/" + name;
  return !programs_.empty() && std::filesystem::exists(ours) ? ours : name;
}

CommandResult Cluster::run(const std::string& program, const std::vector<std::string>& arguments,
                           const std::stop_token& stop) const {
  std::vector<std::string> command = {program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  process::ChildRunner runner(process::ChildLimits{.output = 64U << 20U});
  const process::ChildEnd end =
      runner.run(command, stop, {"KUBECONFIG=" + kubeconfig_, "WALGUARD_CLUSTER_DIR=" + cluster_folder()});
  const bool exited = end.how == process::ChildEnd::How::kExited;
  return {.exit_code = exited ? end.code : -1, .output = end.output, .errors = end.error_tail};
}

CommandResult Cluster::kubectl(const std::vector<std::string>& arguments) const {
  return run(program("kubectl"), arguments);
}

CommandResult Cluster::helm(const std::vector<std::string>& arguments) const {
  return run(program("helm"), arguments);
}

CommandResult Cluster::script(const std::vector<std::string>& arguments) const {
  return run(std::string(WALGUARD_SOURCE_DIR) + "/scripts/cluster", arguments);
}

CommandResult Cluster::walguard(const std::vector<std::string>& arguments,
                                const std::stop_token& stop) const {
  return run(WALGUARD_BINARY, arguments, stop);
}

nlohmann::json Cluster::get(const std::string& kind, const std::string& name,
                            const std::string& space) const {
  std::vector<std::string> arguments = {"get", kind, name, "--output=json", "--ignore-not-found"};
  if (!space.empty()) arguments.push_back("--namespace=" + space);
  const CommandResult answer = kubectl(arguments);
  if (!answer.ok() || answer.output.empty()) return nullptr;
  return nlohmann::json::parse(answer.output);
}

bool eventually(std::chrono::seconds deadline, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  return true;
}

}  // namespace walguard::cluster::testing
