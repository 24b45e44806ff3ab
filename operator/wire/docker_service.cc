#include "operator/wire/docker_service.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_mounts.h"
#include "operator/wire/docker_target.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/labels.h"
#include "operator/wire/strict_json.h"
#include "operator/wire/workload_reader.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;
using json::Path;
using json::ReadError;

/// Each is compared with others.
constexpr std::size_t kMostMounts = 1'000;

/// A list of words, or one word, as Go's strslice takes it.
std::vector<std::string> read_words(const StrictObject& config, std::string_view key) {
  const Json* const value = config.find(key);
  if (value == nullptr || !value->is_string()) return config.texts(key);
  return {config.text(key)};
}

void read_container_spec(const Json& value, const Path& at, const DockerTarget& target, DockerService& out) {
  const StrictObject spec(value, at, {"Image", "Labels", "Command", "Args", "Env", "Mounts", "ReadOnly"});
  out.launch = read_docker_launch(spec, {.command = "Command", .args = "Args"});
  out.read_only_root = spec.flag("ReadOnly");
  fill_from_labels(out.labels, spec.text_map("Labels"), at.child("Labels"));
  spec.each_item("Mounts", [&](const Json& item, const Path& here) {
    out.mounts.push_back(read_docker_mount(item, here, MountOwner::kService, target.api_minor));
  });
  if (out.mounts.size() > kMostMounts) {
    throw ReadError(at.child("Mounts"),
                    "more than " + std::to_string(kMostMounts) + " of them; mount their folder");
  }
}

void read_task(const Json& value, const Path& at, const DockerTarget& target, DockerService& out) {
  const StrictObject task(value, at, {"ContainerSpec", "Placement"});
  task.inside("ContainerSpec",
              [&](const Json& spec, const Path& here) { read_container_spec(spec, here, target, out); });
  task.inside("Placement", [&](const Json& placement, const Path& here) {
    out.constraints = StrictObject(placement, here, {"Constraints"}).texts("Constraints");
  });
}

void read_mode(const Json& value, const Path& at, DockerService& out) {
  const StrictObject mode(value, at, {"Replicated", "Global", "ReplicatedJob", "GlobalJob"});
  mode.refuse_others();
  out.on_every_node = mode.find("Global") != nullptr || mode.find("GlobalJob") != nullptr;
  out.is_job = mode.find("ReplicatedJob") != nullptr || mode.find("GlobalJob") != nullptr;
  mode.inside("Replicated", [&](const Json& replicated, const Path& here) {
    out.replicas = StrictObject(replicated, here, {"Replicas"}).integer("Replicas");
  });
  mode.inside("ReplicatedJob", [&](const Json& job, const Path& here) {
    out.replicas = StrictObject(job, here, {"MaxConcurrent"}).integer("MaxConcurrent");
  });
}

}  // namespace

void add_docker_variable(std::string_view text, core::Launch& launch) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return;
  core::EnvironmentVariable variable;
  variable.name = text.substr(0, equals);
  variable.value = text.substr(equals + 1);
  launch.environment.push_back(std::move(variable));
}

core::Launch read_docker_launch(const StrictObject& config, const LaunchKeys& keys) {
  core::Launch launch;
  launch.image = config.text("Image");
  launch.command = read_words(config, keys.command);
  launch.args = read_words(config, keys.args);
  for (const std::string& variable : config.texts("Env")) add_docker_variable(variable, launch);
  return launch;
}

std::string label_in(const core::StringMap& labels, std::string_view key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

void fill_from_labels(core::Annotations& annotations, const core::StringMap& labels, const Path& at) {
  AnnotationList list;
  for (const auto& [key, value] : labels) {
    if (is_walguard_label(key)) list.emplace_back(key, value);
  }
  if (contradictory_label(list)) {
    throw ReadError(at,
                    "a label stands there as walguard.NAME and as walguard/NAME, with two values; keep one");
  }
  fill_annotations(annotations, list);
}

DockerService read_docker_service(const Json& body, const DockerTarget& target) {
  const Path root;
  if (target.rolls_back) {
    throw ReadError(root,
                    "a rollback goes to a service's previous spec, which the request does not show; update "
                    "the service to what it should be");
  }
  const StrictObject service(body, root, {"Name", "Labels", "TaskTemplate", "Mode"});
  DockerService out;
  out.id = target.object;
  out.name = service.text("Name");
  service.inside("TaskTemplate",
                 [&](const Json& task, const Path& here) { read_task(task, here, target, out); });
  service.inside("Mode", [&](const Json& mode, const Path& here) { read_mode(mode, here, out); });
  fill_from_labels(out.labels, service.text_map("Labels"), root.child("Labels"));
  return out;
}

}  // namespace walguard::wire
