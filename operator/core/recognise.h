/// Which databases the containers of a pod open, as far as the way they are started tells (design section 3:
/// certainty `recognised`): by images and programs that the catalog knows, and by connection strings and
/// paths in environment and arguments.
///
/// Pure, thread-safe; bounded in time and memory whatever the spec says. The one place that reads
/// core::Launch. Takes out of it container paths, names of apps, of ConfigMaps and of SQLite's own parameters
/// and values, nothing else.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

struct RecognisedDatabase {
  const Container* container = nullptr;  ///< of the pod that was asked about
  /// In the container; * stands for any text within one component. Empty, of a replicator or restorer alone:
  /// the databases of the containers beside it.
  std::string path;
  bool path_can_be_shown = true;  ///< false: more than a path may stand in it, the mount's path is shown
  std::string app;                ///< for people: "Vaultwarden"; empty: a connection string or a path told
  App::Role role = App::Role::kOpensItsOwn;

  std::optional<Strategy> journal;   ///< kRollback: it turns no WAL on, which alone makes nothing milder
  std::string journal_because;       ///< with `journal`: "Vaultwarden sets WAL"
  bool locking_mode_normal = false;  ///< a connection string says so, or a second connection needs it
  std::optional<Synchronous> synchronous;
  std::string sqlite_version;            ///< of the image; empty: not known
  std::string locks_off;                 ///< as in DatabaseUsage
  std::vector<std::string> config_maps;  ///< that it was learned from
};

/// In the order of the containers. Most pods have none.
[[nodiscard]] std::vector<RecognisedDatabase> recognise(const PodSpec& pod, const Catalog& catalog);

}  // namespace walguard::core
