/// Who else has the files of a container's volume mounted, through which caches and under which kernels.
/// Pure, thread-safe. Internal to `docker`.
#pragma once

#include <string>
#include <vector>

#include "operator/core/volume.h"
#include "operator/docker/docker_facts.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

struct PlaceInMount {
  const wire::DockerMount* mount = nullptr;
  std::string inside;  ///< below the mount's target; empty: the mount itself
};

/// Where the databases of one volume lie in a container.
struct DatabasePlaces {
  std::vector<PlaceInMount> folders;  ///< at least one; the whole of each mount where no path is told
  std::vector<PlaceInMount> files;    ///< those whose path is told
};

/// Fills in the scope of the sharing, its consumers and their kernels. `facts` has its transport already.
void add_sharing(core::VolumeFacts& facts, const wire::DockerContainer& container,
                 const wire::DockerMount& mount, const DatabasePlaces& places, const DockerView& view);

}  // namespace walguard::docker
