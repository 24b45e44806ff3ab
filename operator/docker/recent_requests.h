/// What the engine was just let make, until its events tell of it. Used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

class RecentRequests {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Container = std::shared_ptr<const wire::DockerContainer>;

  /// How long the engine may take to make what it was let make, and to tell of it. One that it did not make
  /// after all (no such image) is forgotten after that.
  static constexpr std::chrono::seconds kKept{5};

  /// `container` has a name or not, and no id yet. One of the same name takes the place of the earlier.
  /// Of those that differ in nothing but their names two are kept: a third changes no judgement, and many
  /// that no engine makes would slow down each.
  void add(Container container, const EngineSnapshot& engine, Time now);
  /// `container` was made, and has its id; it takes the place of what asked for it.
  void made(Container container, const EngineSnapshot& engine, Time now);
  void add(wire::DockerVolume volume, Time now);

  /// Those that the engine does not show yet, each container of it standing for one of them.
  [[nodiscard]] std::vector<Container> containers(const EngineSnapshot& engine, Time now);
  [[nodiscard]] std::vector<wire::DockerVolume> volumes(const EngineSnapshot& engine, Time now);

 private:
  struct Wanted {
    Container container;
    std::uint64_t seen_before = 0;  ///< EngineSnapshot::last_seen when it was asked for
    Time until;
  };
  struct WantedVolume {
    wire::DockerVolume volume;
    Time until;
  };
  std::vector<Wanted> containers_;
  std::vector<WantedVolume> volumes_;
};

}  // namespace walguard::docker
