/// How far a volume's sharing reaches, and across which kernels. Pure, thread-safe.
///
/// Sources: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes (ReadWriteOnce is a
/// node's, ReadWriteOncePod a pod's, and both are enforced by attaching alone), KEP-2485 (ReadWriteOncePod),
/// KEP-753 (restartable init containers), design section 1.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/cluster_state.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// What bounds the sharing of one volume.
struct SharingFacts {
  /// emptyDir, generic ephemeral, ReadWriteOncePod, claim of a StatefulSet's replica
  std::optional<bool> owned_by_one_pod = false;
  std::optional<bool> single_attach;   ///< enforced ReadWriteOnce: one node at a time
  bool volume_pinned_to_node = false;  ///< PV nodeAffinity leaves one hostname
  bool stays_on_one_node = false;      ///< nothing is shared beyond the node
  bool pods_pinned_to_one_node =
      false;  ///< this pod and every other pod in view on the claim, to the same hostname
  int consumers_in_pod = 0;
};

[[nodiscard]] std::optional<Scope> sharing_scope(const SharingFacts& facts);

/// The kernels under the consumers: this Linux pod's runtime class and those of the other pods on the same
/// storage; a Windows pod among them has another kernel, whatever this one's.
/// nullopt when a runtime class is not in view or its handler is not known, unless two of the others are
/// mixed anyway.
[[nodiscard]] std::optional<KernelDomain> kernel_domain(std::string_view runtime_class,
                                                        std::span<const RunningPod* const> others,
                                                        const ClusterState& cluster);

/// Whether it is known of each of these pods whose kernel it runs on.
[[nodiscard]] bool every_kernel_known(std::span<const RunningPod* const> pods, const ClusterState& cluster);

/// Who mounts which folders of one storage, and how many of them may see the same files there. Fixed folders
/// of which neither holds the other are apart; a subPathExpr may be anything below. Views into what is added.
class MountedFolders {
 public:
  /// `base`: where the volume begins on the storage; empty for the whole of it. `owner`: a number of the
  /// caller's for who mounts it.
  void add(std::string_view base, const VolumeMount& mount, std::size_t owner);

  /// The most owners that have one folder, or what lies in it. In n log n of the mounts: whoever writes pods
  /// must not be able to hold the webhook with many of them.
  [[nodiscard]] int most_owners_of_one();

 private:
  struct Folder {
    std::vector<std::string_view> components;  ///< none: the whole storage, or nobody knows which
    std::size_t owner = 0;
  };
  std::vector<Folder> folders_;
};

/// Whether two mounts of one storage may show the same files.
[[nodiscard]] bool may_show_the_same(std::string_view base_a, const VolumeMount& a, std::string_view base_b,
                                     const VolumeMount& b);

/// Containers of the pod that may have the same files of the volume mounted while the app runs: the most of
/// them that do.
[[nodiscard]] int count_consumers(const PodMounts& pod, std::string_view volume);

/// Names of the containers beside the app, and the app's own, that have the volume mounted, but never so that
/// they can write.
[[nodiscard]] std::vector<std::string> read_only_consumers(const PodMounts& pod, const Volume& volume);

/// The handler behind a runtime class: "" for the node's default, nullopt when the class is not in view.
[[nodiscard]] std::optional<std::string> runtime_handler(std::string_view runtime_class,
                                                         const ClusterState& cluster);

}  // namespace walguard::core
