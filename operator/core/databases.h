/// Which volumes of a workload hold SQLite databases, and how certain that is (design section 3). Pure,
/// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

struct DatabasesOnVolume {
  Certainty certainty = Certainty::kNone;
  std::vector<std::string> paths;  ///< container paths, as declared
  Strategy strategy = Strategy::kWal;
  std::optional<bool> single_file_mount;  ///< the database file itself is mounted; nullopt: cannot be told
  bool every_mount_read_only = false;
};

/// What `walguard/databases` (or, with `walguard/require-local` alone, every volume that could hold one) puts
/// on this volume. A declared path belongs to the mount with the longest mountPath above it, as the kernel
/// resolves it.
[[nodiscard]] DatabasesOnVolume find_databases(const Workload& workload, const Volume& volume);

/// Sentences about walguard annotations that cannot be read or lead nowhere: the annotation, its value, what
/// is expected.
[[nodiscard]] std::vector<std::string> annotation_complaints(const Workload& workload);

}  // namespace walguard::core
