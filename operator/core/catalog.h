/// What walguard knows of storage drivers, filesystems and apps that keep SQLite files, each fact with its
/// source.
///
/// The data lives in `operator/knowledge/data`; this is its form and the look-up. Immutable once built,
/// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// One way in which a driver stores bytes. Drivers that hold several (SMB or NFS by parameter) have several
/// variants.
struct DriverVariant {
  /// All conditions must hold for the variant to be the one. No condition: it always matches.
  struct Condition {
    enum class Field : std::uint8_t { kParameter, kAccessMode, kVolumeHandlePrefix, kFsType };
    Field field = Field::kParameter;
    std::string key;                  ///< kParameter: name of the class parameter or volume attribute
    std::vector<std::string> values;  ///< any of them; compared without regard to case
    bool or_absent = false;           ///< kParameter, kFsType: also when it is not set (the driver's default)
  };
  std::vector<Condition> when;

  std::optional<Transport> transport;  ///< nullopt: not known well enough to judge by name
  bool per_pod_cache = false;     ///< one FUSE daemon a pod: two pods on one node are not coherent either
  bool locks_stay_local = false;  ///< the driver itself mounts with node-local locks, unseen in the PV
  bool differs_per_node = false;  ///< the same volume is other files on another node
  bool proven_only_by_preflight = false;  ///< path-based: it is whatever is mounted there
  bool costly_to_probe = false;           ///< its smallest volume is large or dear
  bool verified = false;                  ///< false: from memory; it may warn, it is never enough for `safe`
  std::string filesystem;                 ///< as the pod sees it, "ext4|xfs"; for people
  std::string source;
};

struct Driver {
  std::vector<std::string> names;     ///< exact CSI driver names, provisioners, or in-tree source keys
  std::vector<std::string> suffixes;  ///< "<anything>.rbd.csi.ceph.com"
  std::vector<DriverVariant> variants;
};

/// A mount option that takes locks or coherence away.
struct MountOptionFact {
  std::string option;  ///< "nolock", or "local_lock=all"
  enum class Effect : std::uint8_t {
    kLocksStayLocal,
    kSplitPageCache,
    kRisky
  } effect = Effect::kLocksStayLocal;
  std::string source;
};

/// A filesystem as statfs(2) and mountinfo name it.
struct Filesystem {
  std::vector<std::string> names;      ///< mountinfo: "nfs4", "fuse.sshfs"
  std::optional<std::uint64_t> magic;  ///< statfs f_type
  std::optional<Transport> transport;
  bool verified = false;
  std::string source;
};

/// Something in the way a container is started.
struct AppCondition {
  enum class Field : std::uint8_t {
    kEnvironment,  ///< a variable
    kArgument      ///< a word of `command` and `args`: "replicate", or an option's name, "--cluster-init"
  };
  Field field = Field::kEnvironment;
  std::string key;
  std::vector<std::string> values;  ///< any of them, without regard to case
  /// Also where it is not set. Without values: only there. Neither values nor this: set, to whatever.
  bool or_absent = false;
};

/// A setting that says where a database lies.
struct AppSetting {
  enum class From : std::uint8_t {
    kEnvironment,       ///< a variable: "DATA_FOLDER"
    kOption,            ///< an option of the command line: "--data-dir"
    kConfigurationKey,  ///< a key of the app's own file, which is seldom in view; for people: "database.path"
  };
  enum class Gives : std::uint8_t {
    kFile,    ///< the database's path; a relative one lies in the folder of `path`
    kFolder,  ///< a folder: takes the place of `folder` at the head of the database's path
    kUrl,     ///< a DSN; one of a scheme other than sqlite, sqlite3, file or none means another engine
  };
  From from = From::kEnvironment;
  std::string name;
  Gives gives = Gives::kFile;
  std::string folder;  ///< kFolder alone: its default, no slash at the end
};

struct AppDatabase {
  /// Where it lies unless a setting says otherwise: a container path, in which * stands for any text within
  /// one component. Empty: there is none unless a setting names it.
  std::string path;
  std::vector<AppSetting> set_by;  ///< the first that is set counts
};

/// What a setting of the app changes. nullopt: leaves it.
struct AppOverride {
  AppCondition when;
  std::optional<Strategy> journal;
  std::optional<Synchronous> synchronous;
};

/// The SQLite inside an image.
struct BundledSqlite {
  std::string tag;      ///< of the image; * stands for any text
  std::string version;  ///< "3.46.1"
};

/// An app known to keep SQLite files, or a program that works on those of another.
struct App {
  enum class Role : std::uint8_t {
    kOpensItsOwn,  ///< an application with databases of its own
    /// rqlite, dqlite, libSQL server, LiteFS: each replica keeps a copy and the app itself keeps them alike.
    /// One claim for each replica is right, one that replicas share is unsafe.
    kCopyPerReplica,
    kReplicator,  ///< Litestream `replicate`: a second connection to another container's database
    kRestorer,    ///< Litestream `restore`: writes the database, then ends; no other may have it open
  };
  std::string name;                   ///< for people; of several entries the same where images differ
  std::vector<std::string> images;    ///< "vaultwarden/server", "nextcloud", "*/pocketbase" (any owner)
  std::vector<std::string> programs;  ///< "litefs": base name of the first word of `command`
  std::vector<AppCondition> when;     ///< it uses SQLite in this way only where all hold
  Role role = Role::kOpensItsOwn;
  std::vector<AppDatabase> databases;  ///< none: those of the container beside it
  std::optional<Strategy> journal;  ///< by default; kRollback: it turns no WAL on, a file may still be in it
  std::optional<Synchronous> synchronous;
  std::vector<AppOverride> overrides;  ///< of those that hold, the first that says a thing counts
  std::vector<BundledSqlite> sqlite;
  /// false: from memory, at least in part; it may warn. What would make a verdict milder (a rollback journal,
  /// FULL or EXTRA, a copy per replica) is only ever said by an entry that is verified.
  bool verified = false;
  std::string source;
};

/// How names and values of the catalog are compared.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// An image reference taken apart, https://github.com/distribution/reference. Views into what was parsed.
struct ImageName {
  std::string_view repository;  ///< without registry: "vaultwarden/server"
  std::string_view tag;         ///< empty: none given
};

/// "example:5000/owner/app:1.2@sha256:..." -> {"owner/app", "1.2"}. Total: whatever the text, there is an
/// answer.
[[nodiscard]] ImageName parse_image(std::string_view reference);

/// The version of the first entry whose tag matches; null where none does.
[[nodiscard]] const std::string* bundled_sqlite(const App& app, std::string_view tag);

/// What of a volume selects a driver's variant. A null map: the parameters are not in view.
struct VariantQuery {
  std::string_view driver;
  const StringMap* parameters = nullptr;  ///< of the class
  const StringMap* attributes = nullptr;  ///< of the PV or the inline volume
  std::optional<AccessMode> widest_access;
  std::optional<std::string_view> volume_handle;
  std::optional<std::string_view> fs_type;
};

class Catalog {
 public:
  struct Match {
    const Driver* driver = nullptr;          ///< null: nobody knows this driver
    const DriverVariant* variant = nullptr;  ///< null: the facts in view do not tell which variant it is
  };

  Catalog(std::vector<Driver> drivers, std::vector<MountOptionFact> options,
          std::vector<Filesystem> filesystems, std::vector<App> apps = {});
  Catalog(const Catalog&) = delete;  // the indices hold views into the vectors
  Catalog& operator=(const Catalog&) = delete;
  Catalog(Catalog&&) = default;
  Catalog& operator=(Catalog&&) = default;
  ~Catalog() = default;

  /// The first variant whose conditions hold. A condition whose field is not in view makes every later
  /// variant uncertain: the answer is then a null variant, unless all that remain agree on everything that is
  /// judged.
  [[nodiscard]] Match find(const VariantQuery& query) const;
  [[nodiscard]] const MountOptionFact* mount_option(std::string_view option) const;
  [[nodiscard]] const Filesystem* filesystem_by_name(std::string_view name) const;
  [[nodiscard]] const Filesystem* filesystem_by_magic(std::uint64_t magic) const;
  /// The apps of an image, as it stands in a pod's spec, in the order of the data: the first whose `when`
  /// holds is the one. Registry, tag, digest and what a mirror puts before the owner do not matter.
  [[nodiscard]] std::vector<const App*> apps_of_image(std::string_view reference) const;
  /// Likewise of the first word of a container's `command`; its folder does not matter.
  [[nodiscard]] std::vector<const App*> apps_of_program(std::string_view command) const;
  [[nodiscard]] const std::vector<Driver>& drivers() const { return drivers_; }
  [[nodiscard]] const std::vector<MountOptionFact>& mount_options() const { return options_; }
  [[nodiscard]] const std::vector<Filesystem>& filesystems() const { return filesystems_; }
  [[nodiscard]] const std::vector<App>& apps() const { return apps_; }

 private:
  [[nodiscard]] const Driver* find_driver(std::string_view name) const;

  std::vector<Driver> drivers_;
  std::vector<MountOptionFact> options_;
  std::vector<Filesystem> filesystems_;
  std::vector<App> apps_;
  // Views into the vectors above, which never change.
  std::unordered_map<std::string_view, const Driver*> by_name_;
  std::unordered_map<std::string_view, std::vector<const App*>> by_image_;  // last component of the image
  std::unordered_map<std::string_view, std::vector<const App*>> by_program_;
};

}  // namespace walguard::core
