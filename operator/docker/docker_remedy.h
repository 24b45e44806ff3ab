/// Ways out that fit `docker run`. Pure, thread-safe.
#pragma once

#include <string>

#include "operator/core/decide.h"
#include "operator/docker/docker_facts.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

/// The rules' own remedies speak of claims and StorageClasses; these are for a shell on the engine's machine.
/// One line.
[[nodiscard]] std::string docker_remedy(const core::Finding& finding, const DockerVolumeFacts& volume,
                                        const wire::DockerContainer& container);

}  // namespace walguard::docker
