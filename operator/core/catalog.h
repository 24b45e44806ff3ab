/// What walguard knows of storage drivers and filesystems, each fact with its source.
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
          std::vector<Filesystem> filesystems);
  Catalog(const Catalog&) = delete;  // by_name_ holds views into drivers_
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
  [[nodiscard]] const std::vector<Driver>& drivers() const { return drivers_; }

 private:
  [[nodiscard]] const Driver* find_driver(std::string_view name) const;

  std::vector<Driver> drivers_;
  std::vector<MountOptionFact> options_;
  std::vector<Filesystem> filesystems_;
  std::unordered_map<std::string_view, const Driver*> by_name_;  // views into drivers_, which never changes
};

}  // namespace walguard::core
