/// What the Docker engine answers on its API. https://docs.docker.com/reference/api/engine/
///
/// It comes from the engine itself, of whatever version: unknown keys are skipped and missing ones leave
/// their field as it is, but an answer without what identifies the thing is an error. Errors are one line.
///
/// Pure, thread-safe. The caller bounds the size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/wire/docker_container.h"

namespace walguard::wire {

/// GET /containers/json?all=1: of each container its id, name, image, state, labels and mounts. What a list
/// does not tell (runtime, start, volumes_from, sub_path) is told by `read_docker_container`.
[[nodiscard]] tl::expected<std::vector<DockerContainer>, std::string> read_docker_containers(
    std::string_view json);

/// GET /containers/ID/json: all of it.
[[nodiscard]] tl::expected<DockerContainer, std::string> read_docker_container(std::string_view json);

/// The answer to POST /containers/create: the id of what was made.
[[nodiscard]] tl::expected<std::string, std::string> read_created_container(std::string_view json);

/// GET /volumes
[[nodiscard]] tl::expected<std::vector<DockerVolume>, std::string> read_docker_volumes(std::string_view json);

/// GET /volumes/NAME
[[nodiscard]] tl::expected<DockerVolume, std::string> read_docker_volume(std::string_view json);

/// GET /version
struct DockerVersion {
  std::string version;          ///< "20.10.24+dfsg1"
  std::string api_version;      ///< "1.41": the newest that it speaks
  std::string min_api_version;  ///< "1.12"
  std::string os;               ///< "linux"; "windows" for Windows containers
};
[[nodiscard]] tl::expected<DockerVersion, std::string> read_docker_version(std::string_view json);

/// One line of GET /events
struct DockerEvent {
  enum class Type : std::uint8_t { kContainer, kVolume, kDaemon, kOther };
  Type type = Type::kOther;
  std::string action;  ///< "create", "start", "die", "destroy"; without what exec_create has behind its colon
  std::string id;      ///< container's id, volume's name
  std::optional<std::int64_t> time_nano;  ///< since 1970; ?since= takes it as seconds with a fraction
};
[[nodiscard]] tl::expected<DockerEvent, std::string> read_docker_event(std::string_view line);

/// The message of an answer of 400 and above; the answer itself, cut to one line, where it has none.
[[nodiscard]] std::string read_docker_error(std::string_view json);

}  // namespace walguard::wire
