/// Reads the services of a swarm, and what they have in common with containers: how they are started, and
/// their labels. Internal to `wire`: throws json::ReadError. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_target.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/strict_json.h"

namespace walguard::wire {

/// The body of services/create and services/ID/update.
[[nodiscard]] DockerService read_docker_service(const nlohmann::json& body, const DockerTarget& target);

/// Image and Env are named alike everywhere.
struct LaunchKeys {
  std::string_view command;  ///< what takes the place of the image's entrypoint
  std::string_view args;
};
[[nodiscard]] core::Launch read_docker_launch(const StrictObject& config, const LaunchKeys& keys);

/// "NAME=VALUE" into `launch`; one that is only named is taken away from what the image sets.
void add_docker_variable(std::string_view text, core::Launch& launch);

/// Takes over the labels of walguard that `annotations` has not yet.
void fill_from_labels(core::Annotations& annotations, const core::StringMap& labels, const json::Path& at);

/// "" where it is not there.
[[nodiscard]] std::string label_in(const core::StringMap& labels, std::string_view key);

}  // namespace walguard::wire
