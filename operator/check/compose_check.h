/// Judges the services of a compose file: the same rules, on what an engine makes of volumes and binds.
///
/// Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "operator/check/check.h"
#include "operator/check/report.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/compose.h"

namespace walguard::check {

/// Where a compose file lies.
struct ComposePlace {
  std::string file;    ///< as it was named
  std::string folder;  ///< absolute; relative binds begin here
};

/// One object for each service. A volume or bind of one container reaches no further than that container; of
/// several, or an external one, as far as the machine. Services of other files are not looked at: each file
/// is a project of its own.
[[nodiscard]] std::vector<CheckedObject> check_compose(const wire::ComposeFile& compose,
                                                       const ComposePlace& place,
                                                       const engine::DockerHost& host,
                                                       const CheckBasis& basis);

}  // namespace walguard::check
