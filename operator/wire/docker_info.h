/// Reads what `docker info` prints of an engine, as text or with --format '{{json .}}'.
///
/// Pure, thread-safe. Fields that are not there stay unknown.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace walguard::wire {

/// An OCI runtime that the engine knows. Anybody may give one any name: what it is, its path and type tell.
struct DockerRuntime {
  std::string path;               ///< "runc", "/usr/bin/runsc"; empty: not told (text, or a shim)
  std::string type;               ///< of a containerd shim: "io.containerd.kata.v2"; empty: not told
  std::vector<std::string> args;  ///< "--platform=systrap"
};

struct DockerInfo {
  std::string operating_system;  ///< "Debian GNU/Linux 12 (bookworm)", "Docker Desktop"
  std::string kernel_version;    ///< "6.1.0-18-amd64", "5.15.153.1-microsoft-standard-WSL2"
  std::string name;              ///< of the engine's host
  std::string context;           ///< of the client that asked: "default", "desktop-linux", a name of its own
  std::string default_runtime;   ///< "runc"
  std::string backing_filesystem;  ///< under the engine's data root: "extfs", "xfs"; "" where it does not say
  std::string data_root;           ///< "/var/lib/docker"
  std::map<std::string, DockerRuntime, std::less<>> runtimes;  ///< by name; empty: not told
  /// "name=seccomp,profile=default", "name=rootless"; in text "seccomp", "Profile: default", "rootless".
  std::vector<std::string> security_options;
  bool rootless = false;  ///< by the security options: the engine has a mount namespace of its own
  std::optional<std::int64_t> swarm_nodes;  ///< nullopt: it is in no swarm, or does not say
};

/// The error is one line that says what was expected.
[[nodiscard]] tl::expected<DockerInfo, std::string> read_docker_info(std::string_view text);

}  // namespace walguard::wire
