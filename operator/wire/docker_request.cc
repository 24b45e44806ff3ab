#include "operator/wire/docker_request.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_mounts.h"
#include "operator/wire/docker_service.h"
#include "operator/wire/docker_target.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/strict_json.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;
using json::Path;
using json::ReadError;
using Kind = DockerMount::Kind;

/// HostConfig as first given at a start, before API 1.24.
constexpr int kNoBodyOnStartSince = 24;

/// Each mount is compared with others: more than any container of people has are not read.
constexpr std::size_t kMostMounts = 1'000;

/// The keys of HostConfig that say where files are. Engines read them beside HostConfig as well.
constexpr std::array<std::string_view, 7> kOfHostConfig = {
    "Binds", "Mounts", "Tmpfs", "VolumesFrom", "VolumeDriver", "Runtime", "ReadonlyRootfs"};

constexpr std::string_view kJson = "application/json";

/// With any parameter behind it, and in any case.
bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.starts_with(' ')) type.remove_prefix(1);
  while (type.ends_with(' ')) type.remove_suffix(1);
  return std::ranges::equal(
      type, kJson, [](char c, char lower) { return std::tolower(static_cast<unsigned char>(c)) == lower; });
}

void require_body(const AuthzRequest& request) {
  const std::string type = request.content_type.value_or("");
  if (!is_json(type) || (!request.body_present && type != kJson)) {
    throw ReadError(Path(),
                    "an engine shows its plugins a request's body for certain only where the Content-Type is "
                    "exactly application/json; send it so");
  }
  if (!request.body_present) {
    throw ReadError(Path(),
                    "the engine showed no body: it shows none of 1 MiB or more, and none whose length is not "
                    "announced; send less, with a Content-Length");
  }
}

/// The engine goes by the first of two Content-Types and shows the last, so before API 1.24 any may hide a
/// HostConfig that was sent in chunks.
void refuse_body_of_start(const AuthzRequest& request, const DockerTarget& target) {
  const bool old = target.api_minor && *target.api_minor < kNoBodyOnStartSince;
  const bool says_nothing = !request.body_present || request.body == "{}" || request.body == "null";
  if (says_nothing && !(old && request.content_type)) return;
  throw ReadError(Path(),
                  "a container is started without a body; give HostConfig when it is created, or use an API "
                  "version of 1.24 or later");
}

void refuse_beside_host_config(const StrictObject& config) {
  for (const std::string_view key : kOfHostConfig) {
    const Json* const value = config.find(key);
    if (value == nullptr || says_nothing(*value)) continue;
    throw ReadError(Path().child(key), "stands beside HostConfig; write it in HostConfig");
  }
}

void read_host_config(const Json& value, const Path& at, std::optional<int> api_minor, DockerContainer& out) {
  const StrictObject host(
      value, at, {"Binds", "Mounts", "Tmpfs", "VolumesFrom", "VolumeDriver", "Runtime", "ReadonlyRootfs"});
  out.volume_driver = host.text("VolumeDriver");
  out.runtime = host.text("Runtime");
  out.read_only_root = host.flag("ReadonlyRootfs");
  host.each_item("Binds", [&](const Json& item, const Path& here) {
    out.mounts.push_back(read_docker_bind(strict_text(item, here), here, out.volume_driver));
  });
  host.each_item("Mounts", [&](const Json& item, const Path& here) {
    out.mounts.push_back(read_docker_mount(item, here, MountOwner::kContainer, api_minor));
  });
  for (const auto& [target, options] : host.text_map("Tmpfs")) {
    DockerMount mount;
    mount.kind = Kind::kTmpfs;
    mount.target = read_docker_target_path(target, at.child("Tmpfs"));
    out.mounts.push_back(std::move(mount));
  }
  host.each_item("VolumesFrom", [&](const Json& item, const Path& here) {
    out.volumes_from.push_back(read_docker_volumes_from(strict_text(item, here), here));
  });
}

/// Config.Volumes: anonymous volumes, where nothing else is mounted. Some clients list the targets of all
/// mounts in it.
void read_anonymous(const StrictObject& config, DockerContainer& out) {
  config.inside("Volumes", [&](const Json& volumes, const Path& here) {
    for (const auto& [target, options] : volumes.items()) {
      if (!options.is_null() && !options.is_object()) throw ReadError(here, "expected {} behind each path");
      DockerMount mount;
      mount.kind = Kind::kVolume;
      mount.target = read_docker_target_path(target, here);
      mount.driver = out.volume_driver;
      mount.anonymous = true;
      const bool taken = std::ranges::any_of(
          out.mounts, [&](const DockerMount& other) { return other.target == mount.target; });
      if (!taken) out.mounts.push_back(std::move(mount));
    }
  });
}

CreateContainer read_create(const Json& body, const DockerTarget& target) {
  const Path root;
  const StrictObject config(body, root,
                            {"Image", "Cmd", "Entrypoint", "Env", "Labels", "Volumes", "HostConfig", "Binds",
                             "Mounts", "Tmpfs", "VolumesFrom", "VolumeDriver", "Runtime", "ReadonlyRootfs"});
  refuse_beside_host_config(config);
  DockerContainer out;
  out.state = DockerContainer::State::kWanted;
  out.name = target.name;
  if (out.name.starts_with('/')) out.name.erase(0, 1);
  out.launch = read_docker_launch(config, {.command = "Entrypoint", .args = "Cmd"});
  out.image = out.launch.image;
  const core::StringMap labels = config.text_map("Labels");
  fill_from_labels(out.labels, labels, root.child("Labels"));
  out.compose_project = label_in(labels, "com.docker.compose.project");
  out.compose_service = label_in(labels, "com.docker.compose.service");
  config.inside("HostConfig", [&](const Json& host, const Path& here) {
    read_host_config(host, here, target.api_minor, out);
  });
  read_anonymous(config, out);
  if (out.mounts.size() + out.volumes_from.size() > kMostMounts) {
    throw ReadError(root, "more than " + std::to_string(kMostMounts) + " mounts; mount their folder");
  }
  return {.container = std::move(out)};
}

CreateVolume read_volume(const Json& body) {
  const Path root;
  const StrictObject object(body, root, {"Name", "Driver", "DriverOpts", "Labels", "ClusterVolumeSpec"});
  object.refuse_others();
  DockerVolume out;
  out.name = object.text("Name");
  const std::string driver = object.text("Driver");
  if (!driver.empty()) out.driver = driver;
  out.options = object.text_map("DriverOpts");
  fill_from_labels(out.labels, object.text_map("Labels"), root.child("Labels"));
  out.cluster = object.find("ClusterVolumeSpec") != nullptr;
  return {.volume = std::move(out)};
}

DockerRequest read_body(const AuthzRequest& request, const DockerTarget& target) {
  require_body(request);
  const Json body = parse_strictly(request.body);
  if (target.route == DockerRoute::kCreateContainer) return read_create(body, target);
  if (target.route == DockerRoute::kCreateVolume) return read_volume(body);
  return RunService{.service = read_docker_service(body, target)};
}

DockerRequest read(const AuthzRequest& request, const DockerTarget& target) {
  if (target.route == DockerRoute::kNoStorage) return NoStorage();
  if (target.route != DockerRoute::kStartContainer) return read_body(request, target);
  refuse_body_of_start(request, target);
  return StartContainer{.container = target.object};
}

}  // namespace

tl::expected<DockerRequest, std::string> read_docker_request(const AuthzRequest& request) {
  constexpr std::string_view kCannot = "this request cannot be judged: ";
  const auto target = read_docker_target(request.method, request.uri);
  if (!target) return tl::make_unexpected(std::string(kCannot) + target.error());
  try {
    return read(request, *target);
  } catch (const ReadError& error) {
    return tl::make_unexpected(std::string(kCannot).append(error.what()));
  }
}

}  // namespace walguard::wire
