/// What is known of the cluster: the objects the judgement needs, reduced to the fields it reads.
///
/// `ClusterState` is filled once by a shell (a folder of YAML, or list and watch) and read-only afterwards; a
/// shell swaps in a new one as a whole. Const members are safe from any number of threads. Look-ups take
/// string_views and allocate nothing. A missing object is a null pointer: "not in view", which is never the
/// same as "does not exist".
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

struct StorageClass {
  std::string name;
  std::string provisioner;
  StringMap parameters;
  std::vector<std::string> mount_options;
  bool wait_for_first_consumer = false;
  bool retain = false;
  bool is_default = false;
};

struct PersistentVolume {
  std::string name;
  std::string storage_class;
  std::vector<AccessMode> access_modes;
  std::vector<std::string> mount_options;
  VolumeMode volume_mode = VolumeMode::kFilesystem;
  VolumeKind kind =
      VolumeKind::kUnknown;  ///< kHostPath, kInline (csi and in-tree drivers); `local` is kInline
  std::string driver;        ///< CSI driver name or the in-tree source's key ("nfs", "local", ...)
  std::string volume_handle;
  std::string provisioned_by;  ///< annotation pv.kubernetes.io/provisioned-by; empty: made by hand
  StringMap attributes;
  std::string fs_type;
  std::string path;                            ///< hostPath and local
  std::optional<std::string> pinned_hostname;  ///< nodeAffinity leaves just this hostname
};

struct PersistentVolumeClaim {
  std::string namespace_name;
  std::string name;
  ClaimSpec spec;
};

struct Node {
  std::string name;
  std::string hostname;  ///< label kubernetes.io/hostname
  std::string kernel_release;
  std::string os;
};

struct RuntimeClass {
  std::string name;
  std::string handler;
};

struct CsiDriver {
  std::string name;
  bool attach_required = true;  ///< CSIDriver.spec.attachRequired; the API's default is true
};

struct Namespace {
  std::string name;
  std::optional<Mode> mode;  ///< label walguard/mode
  bool ignored = false;      ///< label walguard/ignore
};

/// A pod that is not yet Succeeded or Failed; a terminating one still writes.
struct RunningPod {
  std::string namespace_name;
  std::string name;
  PodSpec spec;
};

class ClusterState {
 public:
  void add(StorageClass object);
  void add(PersistentVolume object);
  void add(PersistentVolumeClaim object);
  void add(Node object);
  void add(RuntimeClass object);
  void add(CsiDriver object);
  void add(Namespace object);
  void add(const RunningPod& object);

  [[nodiscard]] const StorageClass* storage_class(std::string_view name) const;
  /// The class marked storageclass.kubernetes.io/is-default-class; null when none or more than one is.
  [[nodiscard]] const StorageClass* default_storage_class() const;
  [[nodiscard]] const PersistentVolume* persistent_volume(std::string_view name) const;
  [[nodiscard]] const PersistentVolumeClaim* claim(std::string_view namespace_name,
                                                   std::string_view name) const;
  [[nodiscard]] const Node* node(std::string_view name) const;
  [[nodiscard]] const RuntimeClass* runtime_class(std::string_view name) const;
  [[nodiscard]] const CsiDriver* csi_driver(std::string_view name) const;
  [[nodiscard]] const Namespace* namespace_object(std::string_view name) const;
  /// The pods in view that mount this claim, in no order.
  [[nodiscard]] std::span<const RunningPod> pods_of_claim(std::string_view namespace_name,
                                                          std::string_view claim) const;
  /// Every PersistentVolume of this one's driver and volumeHandle, itself among them: one volume under
  /// several names. Just itself where it has no handle.
  [[nodiscard]] std::vector<const PersistentVolume*> same_storage(const PersistentVolume& volume) const;
  /// The claims that are bound, or ask to be bound, to this PersistentVolume.
  [[nodiscard]] std::vector<const PersistentVolumeClaim*> claims_of_volume(std::string_view volume) const;
  /// The pods in view on claims named PREFIX followed by digits, as those of a StatefulSet's template are.
  [[nodiscard]] std::vector<const RunningPod*> pods_of_numbered_claims(std::string_view namespace_name,
                                                                       std::string_view prefix) const;
  /// The pods in view that mount this host path, a folder above it or one below it.
  [[nodiscard]] std::vector<const RunningPod*> pods_of_host_path(std::string_view path) const;
  /// Every object counted, for logs and metrics.
  [[nodiscard]] std::size_t size() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

  ByName<StorageClass> classes_;
  ByName<PersistentVolume> volumes_;
  ByName<ByName<PersistentVolumeClaim>> claims_;  // namespace -> name
  ByName<Node> nodes_;
  ByName<RuntimeClass> runtimes_;
  ByName<CsiDriver> drivers_;
  ByName<Namespace> namespaces_;
  ByName<ByName<std::vector<RunningPod>>> pods_of_claims_;                      // namespace -> claim
  ByName<std::vector<std::string>> volumes_of_handle_;                          // driver, a line feed, handle
  ByName<std::vector<std::pair<std::string, std::string>>> claims_of_volumes_;  // namespace and name of each
  std::vector<RunningPod> pods_with_host_paths_;
  std::vector<std::string> default_classes_;
  std::size_t pods_ = 0;
};

}  // namespace walguard::core
