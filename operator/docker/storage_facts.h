/// What lies behind one mount of a container: the storage, and the places by which it is told whether another
/// mount shows the same files. Pure, thread-safe. Internal to `docker`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/volume.h"
#include "operator/docker/docker_facts.h"
#include "operator/docker/storage_chain.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

/// A volume as it will be when the container runs: an existing one keeps its driver and options, whatever the
/// request says.
struct VolumeSource {
  std::string name;  ///< empty: the engine makes one up
  std::string driver = "local";
  core::StringMap options;
  std::string mountpoint;  ///< on the engine's machine
  bool cluster = false;
};

/// What one mount leads to. A bind of a volume's own folder is that volume.
struct MountSource {
  std::optional<VolumeSource> volume;
  /// A path of the engine's machine, without symlinks: that of a bind, of a volume of the engine's own, of
  /// one that the local driver binds. nullopt: the storage is not there yet, or is in memory.
  std::optional<std::string> path;
  bool path_is_whole = true;  ///< false: it may have symlinks that were not followed
  /// Two volumes with one remote name are one storage, as two with the same NFS export; empty: none.
  std::string remote;
};

/// Whether a mount shows the machine as a whole, or all of the engine's volumes, for reading alone, as those
/// of monitoring agents do: that is no use of a database.
[[nodiscard]] bool shows_the_machine(const wire::DockerMount& mount, const DockerView& view);

[[nodiscard]] MountSource source_of(const wire::DockerMount& mount, const DockerView& view);

/// Where its files are: the folder of the mount itself, and what is mounted below it. Of `inside` alone where
/// that is a path below the mount's target.
[[nodiscard]] std::vector<StorageChain> chains_of(const wire::DockerMount& mount, const MountSource& source,
                                                  std::string_view inside, const DockerView& view);

/// `inside`: paths below the mount's target that are looked at, "" for the whole of it.
void describe_storage(core::VolumeFacts& facts, const wire::DockerMount& mount, const MountSource& source,
                      const std::vector<std::string>& inside, const DockerView& view);

}  // namespace walguard::docker
