/// What one Docker engine has: its containers, its volumes, and what it says of itself. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "operator/wire/docker_container.h"
#include "operator/wire/docker_info.h"

namespace walguard::docker {

/// A container that the engine has, running or not.
struct KnownContainer {
  wire::DockerContainer container;
  /// Counts what was first seen of the engine: two containers are in the order in which they came.
  std::uint64_t first_seen = 0;
};

/// Immutable once it is handed out; copies share the containers.
struct EngineSnapshot {
  /// Whether this is what the engine has now: everything was listed and its events are being followed. Where
  /// it is false nobody can say who shares a volume, and nothing that shares one is `safe`.
  bool current = false;
  std::string why_not_current = "the engine has not been asked yet";  ///< one line for people; "" where it is

  std::optional<wire::DockerInfo> info;  ///< nullopt: never heard of it
  std::map<std::string, std::shared_ptr<const KnownContainer>, std::less<>> containers;   ///< by their id
  std::map<std::string, std::shared_ptr<const wire::DockerVolume>, std::less<>> volumes;  ///< by their name
  std::uint64_t last_seen = 0;  ///< the greatest `first_seen` so far, of containers that are gone among them
};

}  // namespace walguard::docker
