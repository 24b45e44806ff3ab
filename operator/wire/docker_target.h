/// Which of the engine's routes a request goes to, as far as it decides where containers keep their files.
/// https://docs.docker.com/reference/api/engine/; api/server of moby.
///
/// The engine matches the path with its percent-encoding taken out, sends a client that wrote "//", "." or
/// ".." to the clean path, and takes an absolute URI ("http://host/containers/create") as well. So a path is
/// brought into that form first, and where it then is a route with storage that was written in another way,
/// it is refused: no client does that, and an engine with another router may read it otherwise.
///
/// Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::wire {

enum class DockerRoute : std::uint8_t {
  /// No storage comes with it, nor a container into being or running: all reads, stop, exec, build, images,
  /// networks. Also the update of a volume (PUT /volumes/NAME), which changes its availability alone, and of
  /// a container's limits.
  kNoStorage,
  kCreateContainer,  ///< POST /containers/create
  kStartContainer,   ///< POST /containers/ID/start, and restart, which starts one that does not run
  kCreateVolume,     ///< POST /volumes/create
  kCreateService,    ///< POST /services/create
  kUpdateService,    ///< POST /services/ID/update
};

/// Versions of the API that walguard has been written after: 1.12 to 1.55.
inline constexpr int kOldestApiMinor = 12;
inline constexpr int kNewestApiMinor = 55;

struct DockerTarget {
  DockerRoute route = DockerRoute::kNoStorage;
  std::optional<int> api_minor;  ///< 41 of /v1.41; nullopt: none is written, the engine goes by its newest
  std::string object;            ///< container or service: a name, an id, or how an id begins
  std::string name;              ///< kCreateContainer: ?name=
  bool rolls_back = false;       ///< kUpdateService: ?rollback=, to a spec that the request does not show
};

/// Never refuses what has no storage, however it is written. The error is one line for people.
[[nodiscard]] tl::expected<DockerTarget, std::string> read_docker_target(std::string_view method,
                                                                         std::string_view uri);

}  // namespace walguard::wire
