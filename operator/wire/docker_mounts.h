/// The forms in which a request to the Docker engine says what is mounted: Binds, Mounts, VolumesFrom, Tmpfs.
///
/// Internal to `wire`: a form that is not understood whole throws json::ReadError. Pure, thread-safe.
/// https://docs.docker.com/reference/api/engine/, volume/mounts of moby.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "operator/wire/docker_container.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

enum class MountOwner : std::uint8_t { kContainer, kService };

/// One of HostConfig.Mounts, or of a service's Mounts. `api_minor` as in DockerTarget: engines leave out what
/// the version does not have.
[[nodiscard]] DockerMount read_docker_mount(const nlohmann::json& value, const json::Path& at,
                                            MountOwner owner, std::optional<int> api_minor);

/// One of HostConfig.Binds: "/path:/target", "volume:/target", "/target", each but the last with ":ro,z".
[[nodiscard]] DockerMount read_docker_bind(std::string_view text, const json::Path& at,
                                           const std::string& volume_driver);

/// One of HostConfig.VolumesFrom: "container", "container:ro".
[[nodiscard]] DockerVolumesFrom read_docker_volumes_from(std::string_view text, const json::Path& at);

/// A path in the container, absolute and not its root; as core::normalised_path makes it.
[[nodiscard]] std::string read_docker_target_path(const std::string& text, const json::Path& at);

}  // namespace walguard::wire
