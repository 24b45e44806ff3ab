/// What kind of machine a container engine runs on, which decides what a bind mount is. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "operator/wire/docker_info.h"

namespace walguard::engine {

struct DockerHost {
  enum class Kind : std::uint8_t {
    kUnknown,         ///< no `docker info` was given
    kLinux,           ///< the engine runs on the machine itself: a bind is a folder of the same kernel
    kVirtualMachine,  ///< Docker Desktop and its like: folders of the host come in through a share
    kWsl2,            ///< an engine inside WSL2: ext4 inside, drives of Windows through a share
  };
  Kind kind = Kind::kUnknown;
  std::string words;            ///< for people: "Docker Desktop", "WSL2"
  std::string default_runtime;  ///< empty: not known
  std::optional<bool>
      volumes_are_local;             ///< the engine's data root is on a local filesystem, by its own word
  std::string data_root_filesystem;  ///< for people: "extfs"
  std::int64_t swarm_nodes = 1;      ///< more than 1: containers of one service run on several machines
};

[[nodiscard]] DockerHost describe_host(const wire::DockerInfo& info);

/// Whether a path can only be one that is shared into a virtual machine, whatever is known of the host:
/// C:\..., /mnt/c/..., /Users/..., /host_mnt/..., /run/desktop/mnt/host/...
[[nodiscard]] bool is_path_outside_of_the_machine(std::string_view path);

}  // namespace walguard::engine
