/// Reads what `docker info` prints of an engine, as text or with --format '{{json .}}'.
///
/// Pure, thread-safe. Fields that are not there stay unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::wire {

struct DockerInfo {
  std::string operating_system;  ///< "Debian GNU/Linux 12 (bookworm)", "Docker Desktop"
  std::string kernel_version;    ///< "6.1.0-18-amd64", "5.15.153.1-microsoft-standard-WSL2"
  std::string name;              ///< of the engine's host
  std::string context;           ///< of the client that asked: "default", "desktop-linux", a name of its own
  std::string default_runtime;   ///< "runc"
  std::string backing_filesystem;  ///< under the engine's data root: "extfs", "xfs"; "" where it does not say
  std::string data_root;           ///< "/var/lib/docker"
  std::optional<std::int64_t> swarm_nodes;  ///< nullopt: it is in no swarm, or does not say
};

/// The error is one line that says what was expected.
[[nodiscard]] tl::expected<DockerInfo, std::string> read_docker_info(std::string_view text);

}  // namespace walguard::wire
