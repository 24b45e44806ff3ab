/// Who has a volume of a compose file mounted, and under which kernels. Pure, thread-safe.
#pragma once

#include <vector>

#include "operator/check/compose_facts.h"
#include "operator/core/volume.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/compose.h"

namespace walguard::check {

/// Fills in the scope of the sharing, its consumers and their kernels. `facts` has its transport already.
void add_sharing(core::VolumeFacts& facts, const wire::ComposeMount& mount, const ComposeUse& use,
                 const std::vector<ComposeUse>& all, const wire::ComposeFile& compose,
                 const engine::DockerHost& host);

}  // namespace walguard::check
