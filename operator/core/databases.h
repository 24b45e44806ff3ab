/// Which volumes of a workload hold SQLite databases, how certain that is, and how they are opened (design
/// section 3). Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {

struct DatabasesOnVolume {
  Certainty certainty = Certainty::kNone;
  /// Container paths, as declared and then as recognised, each once.
  std::vector<std::string> paths;
  Strategy strategy = Strategy::kWal;
  std::optional<bool> single_file_mount;  ///< the database file itself is mounted; nullopt: cannot be told
  DatabaseUsage usage;
};

/// For each volume of the pod, in their order, what the annotation walguard/databases puts on it (or, with
/// walguard/require-local alone, what any mounted volume could hold) and what is recognised there. A path
/// belongs to the mount with the longest mountPath above it, as the kernel resolves it.
[[nodiscard]] std::vector<DatabasesOnVolume> find_databases(const Workload& workload, const Catalog& catalog);

/// Sentences about walguard annotations that cannot be read or lead nowhere: the annotation, its value, what
/// is expected.
[[nodiscard]] std::vector<std::string> annotation_complaints(const Workload& workload);

}  // namespace walguard::core
