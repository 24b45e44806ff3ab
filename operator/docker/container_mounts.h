/// What a container mounts, taken together, and the container as a workload that `core` can look at. Pure,
/// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

/// The container of this name, id, or unique beginning of an id, as the engine looks it up; null: none, or
/// several that begin so.
[[nodiscard]] const KnownContainer* find_container(const EngineSnapshot& engine, std::string_view written);

/// With the mounts of the containers that it takes volumes from; its own hide theirs. The error names the one
/// that is not in view.
[[nodiscard]] tl::expected<wire::DockerContainer, std::string> with_volumes_from(
    wire::DockerContainer container, const EngineSnapshot& engine);

/// The name of the volume that a mount is in `workload_of`, as people know it: the volume's name, the bind's
/// path, or what it is mounted at.
[[nodiscard]] std::string name_of(const wire::DockerMount& mount);

/// A pod of one container, its volumes in the order of the mounts. Two mounts of one source are one volume.
/// `labels` are those of walguard that count.
[[nodiscard]] core::Workload workload_of(const wire::DockerContainer& container, core::Annotations labels);

/// The container's labels, with what the labels of its volumes add: a wish for a guarantee, a stricter mode,
/// databases by their path on the volume.
[[nodiscard]] core::Annotations labels_of(const wire::DockerContainer& container,
                                          const EngineSnapshot& engine);

}  // namespace walguard::docker
