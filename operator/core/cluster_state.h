/// What is known of the cluster: the objects the judgement needs, found by what it asks for.
///
/// A folder of YAML fills one state as a whole; list and watch change one object at a time. Const members are
/// safe from any number of threads while none changes it; the owner sees to that. Look-ups take string_views;
/// those that return one object or a span allocate nothing. A missing object is a null pointer: "not in
/// view", which is never the same as "does not exist".
///
/// Only what is asked for is held: of pods those that mount a claim or a host path, or wait at walguard's
/// gate; of pods and templates no volume that can never hold a database (configMap, secret, projected, ...).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "operator/core/cluster_objects.h"
#include "operator/core/workload.h"

namespace walguard::core {

class ClusterState {
 public:
  /// A workload kind's object, as far as it is known.
  struct WorkloadView {
    bool in_view = false;
    const Workload* workload = nullptr;  ///< null: not in view, or without a volume to judge
  };

  ClusterState() = default;
  ClusterState(const ClusterState& other);
  ClusterState& operator=(const ClusterState& other);
  ClusterState(ClusterState&&) = default;
  ClusterState& operator=(ClusterState&&) = default;
  ~ClusterState() = default;

  /// Adds the object in the place of the one of its kind, namespace and name, if there is one.
  void add(ClusterObject object);
  /// False: there was none. `namespace_name` is ignored for kinds that have none.
  bool remove(ClusterKind kind, std::string_view namespace_name, std::string_view name);
  /// Exchanges all objects of one kind, and nothing else; cheap, whatever their number.
  void swap_kind(ClusterKind kind, ClusterState& other);

  /// Says that what is held of this kind may be old, or has never been complete. A state begins without such
  /// a word: a folder is what it is.
  void set_current(ClusterKind kind, bool current);
  [[nodiscard]] bool is_current(ClusterKind kind) const;
  /// Every kind by which sharing and storage are judged is current. Namespaces, workloads and autoscalers are
  /// not among them.
  [[nodiscard]] bool storage_is_current() const;

  [[nodiscard]] const StorageClass* storage_class(std::string_view name) const;
  /// The class marked storageclass.kubernetes.io/is-default-class; null when none or more than one is.
  [[nodiscard]] const StorageClass* default_storage_class() const;
  [[nodiscard]] const PersistentVolume* persistent_volume(std::string_view name) const;
  [[nodiscard]] const PersistentVolumeClaim* claim(std::string_view namespace_name,
                                                   std::string_view name) const;
  [[nodiscard]] const Node* node(std::string_view name) const;
  [[nodiscard]] const RuntimeClass* runtime_class(std::string_view name) const;
  /// Any of those with this handler. Looks at all of them: a cluster has a handful.
  [[nodiscard]] const RuntimeClass* runtime_class_of_handler(std::string_view handler) const;
  [[nodiscard]] const CsiDriver* csi_driver(std::string_view name) const;
  [[nodiscard]] const Namespace* namespace_object(std::string_view name) const;
  /// Null also for a pod that is not held (see above).
  [[nodiscard]] const RunningPod* pod(std::string_view namespace_name, std::string_view name) const;
  [[nodiscard]] WorkloadView workload(WorkloadKind kind, std::string_view namespace_name,
                                      std::string_view name) const;
  /// The most replicas that an autoscaler in view may give this workload; nullopt: none scales it.
  [[nodiscard]] std::optional<std::int64_t> autoscaled_to(WorkloadKind kind, std::string_view namespace_name,
                                                          std::string_view name) const;

  /// The pods in view that mount this claim, in no order.
  [[nodiscard]] std::span<const RunningPod* const> pods_of_claim(std::string_view namespace_name,
                                                                 std::string_view claim) const;
  /// Every PersistentVolume that is, or holds, or lies in the same storage, itself among them: one volume
  /// under several names. They have its driver and volumeHandle, or are paths of a node that may be its own.
  [[nodiscard]] std::vector<const PersistentVolume*> same_storage(const PersistentVolume& volume) const;
  /// The PersistentVolumes that are this path of a node, a folder above it or one below it, on whatever node.
  [[nodiscard]] std::vector<const PersistentVolume*> volumes_at_path(std::string_view path) const;
  /// The claims that are bound, or ask to be bound, to this PersistentVolume.
  [[nodiscard]] std::vector<const PersistentVolumeClaim*> claims_of_volume(std::string_view volume) const;
  /// The pods in view on claims named PREFIX followed by digits, as those of a StatefulSet's template are.
  [[nodiscard]] std::vector<const RunningPod*> pods_of_numbered_claims(std::string_view namespace_name,
                                                                       std::string_view prefix) const;
  /// The pods in view that mount this host path, a folder above it or one below it.
  [[nodiscard]] std::vector<const RunningPod*> pods_of_host_path(std::string_view path) const;
  /// The pods in view that wait at the gate kGateName, in no order.
  [[nodiscard]] std::vector<const RunningPod*> gated_pods() const;

  /// Objects held, for logs and metrics.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t size(ClusterKind kind) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;
  /// namespace -> name
  template <typename T>
  using ByNamespace = ByName<ByName<T>>;
  using Names = std::unordered_set<std::string, TextHash, std::equal_to<>>;
  using Pods = std::vector<const RunningPod*>;

  // One table for each kind, with the indexes into it: no index reaches from one kind into another, so that a
  // kind can be replaced as a whole.

  struct PodTable {
    ByNamespace<RunningPod> pods;
    ByNamespace<Pods> of_claims;
    Pods with_host_paths;
    Pods gated;

    PodTable() = default;
    PodTable(const PodTable& other);  // the indexes point at its own pods
    PodTable(PodTable&&) = default;
    PodTable& operator=(const PodTable&) = delete;
    PodTable& operator=(PodTable&&) = default;
    ~PodTable() = default;
    void add(RunningPod pod);
    bool remove(std::string_view namespace_name, std::string_view name);

   private:
    void index(const RunningPod& pod);
  };

  struct ClaimTable {
    ByNamespace<PersistentVolumeClaim> claims;
    ByName<std::vector<std::pair<std::string, std::string>>> of_volumes;  // namespace and name of each

    void add(PersistentVolumeClaim claim);
    bool remove(std::string_view namespace_name, std::string_view name);
  };

  struct VolumeTable {
    ByName<PersistentVolume> volumes;
    ByName<std::vector<std::string>> of_handles;  // driver, a line feed, handle
    // Path of a node, without a slash at its end -> names. Ordered: what lies below a path follows it.
    std::map<std::string, std::vector<std::string>, std::less<>> of_paths;

    void add(PersistentVolume volume);
    bool remove(std::string_view name);
  };

  struct ClassTable {
    ByName<StorageClass> classes;
    std::vector<std::string> defaults;

    void add(StorageClass object);
    bool remove(std::string_view name);
  };

  struct WorkloadTable {
    ByNamespace<Workload> with_volumes;
    ByName<Names> without_volumes;  // namespace -> names

    void add(Workload workload);
    bool remove(std::string_view namespace_name, std::string_view name);
  };

  void add_one(RunningPod object) { pods_.add(std::move(object)); }
  void add_one(PersistentVolumeClaim object) { claims_.add(std::move(object)); }
  void add_one(PersistentVolume object) { volumes_.add(std::move(object)); }
  void add_one(StorageClass object) { classes_.add(std::move(object)); }
  void add_one(CsiDriver object);
  void add_one(Node object);
  void add_one(RuntimeClass object);
  void add_one(Namespace object);
  void add_one(Workload object);
  void add_one(Autoscaler object);

  PodTable pods_;
  ClaimTable claims_;
  VolumeTable volumes_;
  ClassTable classes_;
  ByName<CsiDriver> drivers_;
  ByName<Node> nodes_;
  ByName<RuntimeClass> runtimes_;
  ByName<Namespace> namespaces_;
  std::array<WorkloadTable, kClusterKindCount> workloads_;  // by ClusterKind; those of no workload stay empty
  ByNamespace<Autoscaler> autoscalers_;
  std::array<bool, kClusterKindCount> out_of_date_{};  // by ClusterKind
};

}  // namespace walguard::core
