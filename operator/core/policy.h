/// What an administrator decided: modes, ages, and what is let through.
#pragma once

#include <string>
#include <vector>

#include "operator/core/verdict.h"

namespace walguard::core {

struct Policy {
  Mode default_mode = Mode::kWarn;
  UtcSeconds evidence_max_age = UtcSeconds{30} * 24 * 3600;  ///< seconds; older evidence is stale
  UtcSeconds stale_grace = UtcSeconds{7} * 24 * 3600;        ///< seconds; so long a stale pass only warns
  /// A network filesystem used from one node only: unsafe, unless this accepts a passing preflight there.
  bool accept_network_filesystem_on_one_node = false;
  /// Namespaces whose pods may carry walguard/accept-risk; "*" is every namespace.
  std::vector<std::string> accept_risk_namespaces;
  bool automatic_preflights = true;
  bool probe_costly_drivers = false;
};

}  // namespace walguard::core
