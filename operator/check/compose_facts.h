/// What lies behind the mounts of a compose file's services. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/compose.h"

namespace walguard::check {

/// A service with everything it mounts, what it takes over from other services among it.
struct ComposeUse {
  const wire::ComposeService* service = nullptr;
  std::vector<wire::ComposeMount> mounts;
  std::string folder;  ///< absolute; where relative binds begin
};

[[nodiscard]] std::vector<ComposeUse> resolve_uses(const wire::ComposeFile& compose,
                                                   const std::string& folder);

/// Whether services, or containers beside them, that the file does not show may have its volumes mounted.
[[nodiscard]] bool depends_on_the_unseen(const wire::ComposeFile& compose);
/// Whether a variable may make the volume of `mount` another than its default says.
[[nodiscard]] bool is_settled_by_variables(const wire::ComposeMount& mount, const ComposeUse& use,
                                           const wire::ComposeFile& compose);

/// The service as a workload of one container, its volumes in the order of its mounts. Two mounts of one
/// source are one volume.
[[nodiscard]] core::Workload workload_of(const ComposeUse& use);

/// Everything about one mount that does not depend on the databases on it.
[[nodiscard]] core::VolumeFacts facts_of(const wire::ComposeMount& mount, const ComposeUse& use,
                                         const std::vector<ComposeUse>& all, const wire::ComposeFile& compose,
                                         const engine::DockerHost& host, const core::Catalog& catalog);

}  // namespace walguard::check
