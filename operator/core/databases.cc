#include "operator/core/databases.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/declared_paths.h"
#include "operator/core/mounted_path.h"
#include "operator/core/recognise.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

void widen(std::optional<bool>& known, std::optional<bool> more) {
  if (known == true || more == true) {
    known = true;
  } else if (!more) {
    known = std::nullopt;
  }
}

void add_once(std::vector<std::string>& all, std::string_view text) {
  if (!text.empty() && std::ranges::find(all, text) == all.end()) all.emplace_back(text);
}

bool works_beside(const RecognisedDatabase& database) {
  return database.role == App::Role::kReplicator || database.role == App::Role::kRestorer;
}

/// A file that is mounted for a program to read: "/etc/litestream.yml". What mounts a whole volume is a
/// folder, whatever its name.
bool is_configuration(const VolumeMount& mount, const Volume& volume) {
  const bool may_be_a_file = !mount.sub_path.empty() || volume.host_path_type.starts_with("File") ||
                             (volume.kind == VolumeKind::kHostPath && volume.host_path_type.empty());
  constexpr std::array<std::string_view, 5> kEndings = {".yml", ".yaml", ".toml", ".json", ".conf"};
  return may_be_a_file &&
         std::ranges::any_of(kEndings, [&](std::string_view ending) { return mount.path.ends_with(ending); });
}

/// Of all databases together; pods have tens.
constexpr std::size_t kMostMountsCompared = 100'000;

/// Gathers what is on each volume of one workload, passing once over its mounts for each path.
class Gathering {
 public:
  Gathering(const Workload& workload, std::vector<DatabasesOnVolume>& found)
      : workload_(workload), found_(found) {
    const std::vector<Volume>& volumes = workload.pod.volumes;
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      if (volumes[i].kind == VolumeKind::kProjection) continue;  // read-only: never a database
      index_.emplace(volumes[i].name, i);
      found_[i].single_file_mount = false;
    }
    if (workload.annotations.journal_mode) {
      annotated_ = parse<Strategy>(*workload.annotations.journal_mode).value_or(Strategy::kWal);
    }
  }

  void add_declared() {
    const DeclaredPaths declared = declared_paths(workload_.annotations);
    bool all_are_on_volumes = !declared.paths.empty();
    bool could_be_any = declared.too_many;
    for (const DeclaredPath& path : declared.paths) {
      const auto mounts = mounts_of(workload_.pod, path);
      all_are_on_volumes =
          all_are_on_volumes &&
          std::ranges::any_of(mounts, [this](const VolumeMount* mount) { return at(*mount) != nullptr; });
      could_be_any = could_be_any || (mounts.empty() && is_of_windows(workload_.pod, path.entry));
      for (const VolumeMount* mount : mounts) add_named(*mount, path.path, path.entry, Certainty::kDeclared);
    }
    // The author asks for a guarantee and names no file, or names one that is nowhere (a slip, most likely):
    // it is asked of every volume. A list too long to be read could name any of them.
    const bool guarantee_of_all = workload_.annotations.require_local == true && !all_are_on_volumes;
    if (could_be_any || guarantee_of_all) suspect_every_mount();
  }

  void add_recognised(const std::vector<RecognisedDatabase>& recognised) {
    std::vector<const RecognisedDatabase*> of_others;  // that work on databases with paths not in view
    for (const RecognisedDatabase& database : recognised) {
      const bool on_a_volume = !database.path.empty() && add_with_path(database);
      if (!on_a_volume && works_beside(database)) of_others.push_back(&database);
    }
    if (!of_others.empty()) find_shared();
    for (const RecognisedDatabase* database : of_others) add_beside(*database);
  }

  void finish() {
    for (DatabasesOnVolume& on : found_) {
      if (on.certainty == Certainty::kNone) {
        on = {};
        continue;
      }
      on.strategy = on.usage.journal_contradicted.empty() ? annotated_ : Strategy::kWal;
      const auto& version = workload_.annotations.sqlite_version;
      // The author's word stands above that of the image, which may have been built anew.
      if (version && is_sqlite_version(*version)) on.usage.sqlite_version = *version;
    }
  }

 private:
  /// Null: not a volume of the pod, or one that never holds a database.
  DatabasesOnVolume* at(const VolumeMount& mount) {
    const auto it = index_.find(mount.volume);
    return it == index_.end() ? nullptr : &found_[it->second];
  }

  /// Of a mount that `at` knows.
  [[nodiscard]] const Volume& volume_of(const VolumeMount& mount) const {
    return workload_.pod.volumes[index_.at(mount.volume)];
  }

  DatabasesOnVolume* add_path(const VolumeMount& mount, std::string_view path, std::string_view shown,
                              Certainty certainty) {
    DatabasesOnVolume* on = at(mount);
    if (on == nullptr) return nullptr;
    widen(on->single_file_mount, mounts_the_file(mount, volume_of(mount), path));
    on->certainty = std::max(on->certainty, certainty);
    add_once(on->paths, shown);
    return on;
  }

  DatabasesOnVolume* add_named(const VolumeMount& mount, std::string_view path, std::string_view shown,
                               Certainty certainty) {
    DatabasesOnVolume* on = add_path(mount, path, shown, certainty);
    if (on != nullptr) look_for_split_files(*on, mount, path);
    return on;
  }

  /// In each container that runs while the database is open. Bounded: each mount is compared with each.
  void look_for_split_files(DatabasesOnVolume& on, const VolumeMount& mount, std::string_view path) {
    for (const Container& container : workload_.pod.containers) {
      if (container.role == ContainerRole::kInit || on.single_file_mount == true) continue;
      for (const VolumeMount& other : container.mounts) {
        if (&other == &mount) continue;
        if (mounts_compared_ == kMostMountsCompared) return widen(on.single_file_mount, std::nullopt);
        ++mounts_compared_;
        widen(on.single_file_mount, splits_the_files(other, mount, path));
      }
    }
  }

  /// No file is named: every volume that a container mounts may hold one, and a mounted file may be it.
  void suspect_every_mount() {
    for (const Container& container : workload_.pod.containers) {
      for (const VolumeMount& mount : container.mounts) {
        add_path(mount, mount.path, {}, Certainty::kDeclared);
      }
    }
  }

  /// Whether the annotation names it already, for any container or for this one.
  static bool is_named(const RecognisedDatabase& database, const DatabasesOnVolume& on) {
    const std::string with_container = database.container->name + ":" + database.path;
    return std::ranges::any_of(
        on.paths, [&](const std::string& path) { return path == database.path || path == with_container; });
  }

  /// False: the path is on no volume of the container.
  bool add_with_path(const RecognisedDatabase& database) {
    bool any = false;
    for (const VolumeMount* mount : mounts_of(*database.container, database.path)) {
      const DatabasesOnVolume* on = at(*mount);
      if (on == nullptr) continue;
      any = true;
      const std::string_view can_be_shown = database.path_can_be_shown ? database.path : mount->path;
      const std::string_view shown = is_named(database, *on) ? std::string_view{} : can_be_shown;
      use(*add_named(*mount, database.path, shown, Certainty::kRecognised), database);
    }
    return any || (is_of_windows(workload_.pod, database.path) && add_anywhere(database));
  }

  /// On which of its container's volumes the database is cannot be told. False: it has none.
  bool add_anywhere(const RecognisedDatabase& database) {
    bool any = false;
    for (const VolumeMount& mount : database.container->mounts) {
      DatabasesOnVolume* on = add_path(mount, database.path, {}, Certainty::kRecognised);
      if (on == nullptr) continue;
      any = true;
      use(*on, database);
    }
    return any;
  }

  void find_shared() {
    std::unordered_map<const DatabasesOnVolume*, const Container*> first_in;
    for (const Container& container : workload_.pod.containers) {
      for (const VolumeMount& mount : container.mounts) {
        const DatabasesOnVolume* on = at(mount);
        if (on == nullptr) continue;
        const auto [first, is_first] = first_in.try_emplace(on, &container);
        if (!is_first && first->second != &container) shared_.insert(on);
      }
    }
  }

  /// Of a replicator the databases of the containers beside it: anything on what it can write and shares with
  /// them, and what is known on the rest; or, where there is neither, anything on its own. A database that is
  /// known must not hide the folder of another that is not.
  void add_beside(const RecognisedDatabase& database) {
    std::vector<DatabasesOnVolume*> likely;
    std::vector<DatabasesOnVolume*> own;
    for (const VolumeMount& mount : database.container->mounts) {
      DatabasesOnVolume* on = mount.read_only ? nullptr : at(mount);
      if (on == nullptr || is_configuration(mount, volume_of(mount))) continue;
      own.push_back(on);
      const bool known = on->certainty != Certainty::kNone;
      if (known || shared_.contains(on)) likely.push_back(on);
    }
    for (DatabasesOnVolume* on : likely.empty() ? own : likely) {
      on->certainty = std::max(on->certainty, Certainty::kRecognised);
      use(*on, database);
    }
  }

  /// An app or sidecar known to set WAL overrides the annotation; what makes the answer milder never does.
  [[nodiscard]] bool contradicts(const RecognisedDatabase& database) const {
    if (annotated_ == Strategy::kRollback) return database.journal == Strategy::kWal;
    return annotated_ == Strategy::kWalExclusive && database.locking_mode_normal;
  }

  void use(DatabasesOnVolume& on, const RecognisedDatabase& database) const {
    DatabaseUsage& usage = on.usage;
    add_once(usage.apps, database.app);
    if (usage.locks_off.empty()) usage.locks_off = database.locks_off;
    if (usage.journal_contradicted.empty() && contradicts(database)) {
      usage.journal_contradicted = why_contradicted(database);
    }
    if (database.synchronous) {
      usage.synchronous = std::min(usage.synchronous.value_or(*database.synchronous), *database.synchronous);
    }
    if (usage.sqlite_version.empty()) usage.sqlite_version = database.sqlite_version;
    const std::string& container = database.container->name;
    const bool ends_before_the_app = database.container->role == ContainerRole::kInit;
    if (database.role == App::Role::kReplicator) usage.replicator = container;
    if (database.role == App::Role::kRestorer && !ends_before_the_app) usage.restorer = container;
    if (database.role == App::Role::kCopyPerReplica) usage.copies_per_replica = database.app;
    for (const std::string& config_map : database.config_maps) {
      add_once(usage.seen_in, "ConfigMap " + workload_.namespace_name + "/" + config_map);
    }
  }

  [[nodiscard]] std::string why_contradicted(const RecognisedDatabase& database) const {
    if (annotated_ == Strategy::kRollback) return database.journal_because;
    if (database.role == App::Role::kReplicator) return database.app + " needs a connection of its own";
    return "a connection string of container \"" + database.container->name + "\" sets locking_mode=NORMAL";
  }

  const Workload& workload_;
  std::vector<DatabasesOnVolume>& found_;
  std::unordered_map<std::string_view, std::size_t> index_;  // by the volume's name
  std::unordered_set<const DatabasesOnVolume*> shared_;      // that several containers mount; see find_shared
  Strategy annotated_ = Strategy::kWal;
  std::size_t mounts_compared_ = 0;
};

}  // namespace

std::vector<DatabasesOnVolume> find_databases(const Workload& workload, const Catalog& catalog) {
  std::vector<DatabasesOnVolume> found(workload.pod.volumes.size());
  Gathering gathering(workload, found);
  gathering.add_declared();
  gathering.add_recognised(recognise(workload.pod, catalog));
  gathering.finish();
  return found;
}

}  // namespace walguard::core
