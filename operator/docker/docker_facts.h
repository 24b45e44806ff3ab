/// What is known of the volumes of a container that hold databases: the storage behind them, and who else of
/// the engine's containers has the same files. Pure, thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/resolved_path.h"
#include "operator/docker/storage_chain.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

/// Where the files of whole mounts are, by the mount.
using MountChains = std::unordered_map<const wire::DockerMount*, std::vector<StorageChain>>;

/// What the judgement of a container looks at. Everything outlives it. Used by one thread at a time.
struct DockerView {
  const EngineSnapshot& engine;
  const engine::DockerHost& host;
  const MountTable* mounts = nullptr;  ///< null: what the engine's machine has mounted is not seen
  const core::Catalog& catalog;
  /// Follows the symlinks of a path on the engine's machine.
  std::function<ResolvedPath(const std::string& path)> resolve;
  /// Containers that may be there beside the one that is judged: all that the engine has, running or not, and
  /// what it was just let make.
  std::vector<const wire::DockerContainer*> containers;
  /// Worked out once: several views of one judgement share it.
  std::shared_ptr<MountChains> chains = std::make_shared<MountChains>();
};

/// One volume of a container that holds a database, or that is asked to hold one.
struct DockerVolumeFacts {
  core::VolumeFacts facts;
  wire::DockerMount mount;  ///< the first of that volume
  std::string host_path;    ///< where it is on the engine's machine; empty: not known, or in memory
};

/// `container` has its volumes_from resolved, `workload` is what workload_of makes of it. It is not counted
/// as a consumer beside itself where it stands among `view.containers` by its id.
[[nodiscard]] std::vector<DockerVolumeFacts> facts_of(const wire::DockerContainer& container,
                                                      const core::Workload& workload, const DockerView& view);

/// A service of a swarm: its tasks run on machines that nobody here sees.
[[nodiscard]] std::vector<DockerVolumeFacts> facts_of_service(const wire::DockerService& service,
                                                              const core::Workload& workload,
                                                              const DockerView& view);

/// Whether two containers may have the same files mounted.
[[nodiscard]] bool may_share(const wire::DockerContainer& a, const wire::DockerContainer& b,
                             const DockerView& view);

}  // namespace walguard::docker
