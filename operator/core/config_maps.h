/// What ConfigMaps say of environments. Pure, thread-safe.
///
/// `walguard check` alone has them in view: the webhook does not watch them, since they are many, large, and
/// hold what is none of its business.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "operator/core/workload.h"

namespace walguard::core {

struct ConfigMap {
  std::string namespace_name;
  std::string name;
  StringMap data;
};

/// By namespace and name.
using ConfigMaps = std::map<std::pair<std::string, std::string>, StringMap>;

/// Fills in the values that the containers take from these, and remembers of each where it stood. What is not
/// there stays as it is: not in view.
void fill_in(Workload& workload, const ConfigMaps& config_maps);

}  // namespace walguard::core
