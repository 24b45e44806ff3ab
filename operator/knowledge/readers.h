/// One reader for each data file. Pure; throws DataError at the first bad value.
#pragma once

#include <string_view>
#include <vector>

#include "operator/core/catalog.h"

namespace walguard::knowledge {

/// `file` is for the errors.
[[nodiscard]] std::vector<core::Driver> read_drivers(std::string_view yaml,
                                                     std::string_view file = "drivers.yaml");
[[nodiscard]] std::vector<core::MountOptionFact> read_mount_options(std::string_view yaml);
[[nodiscard]] std::vector<core::Filesystem> read_filesystems(std::string_view yaml);
[[nodiscard]] std::vector<core::App> read_apps(std::string_view yaml);

}  // namespace walguard::knowledge
