/// How far a volume's sharing reaches, and across which kernels. Pure, thread-safe.
///
/// Sources: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes (ReadWriteOnce is a
/// node's, ReadWriteOncePod a pod's, and both are enforced by attaching alone), KEP-2485 (ReadWriteOncePod),
/// KEP-753 (restartable init containers), design section 1.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "operator/core/cluster_state.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// What bounds the sharing of one volume.
struct SharingFacts {
  bool owned_by_one_pod =
      false;  ///< emptyDir, generic ephemeral, ReadWriteOncePod, claim of a StatefulSet's replica
  std::optional<bool> single_attach;   ///< enforced ReadWriteOnce: one node at a time
  bool volume_pinned_to_node = false;  ///< PV nodeAffinity leaves one hostname
  bool stays_on_one_node = false;      ///< nothing is shared beyond the node
  bool pods_pinned_to_one_node =
      false;  ///< this pod and every other pod in view on the claim, to the same hostname
  int consumers_in_pod = 0;
};

[[nodiscard]] std::optional<Scope> sharing_scope(const SharingFacts& facts);

/// The kernels under the consumers: this pod's runtime class and those of the other pods on the same claim.
/// nullopt when a runtime class is not in view or its handler is not known.
[[nodiscard]] std::optional<KernelDomain> kernel_domain(std::string_view runtime_class,
                                                        std::span<const RunningPod* const> others,
                                                        const ClusterState& cluster);

/// Whether it is known of each of these pods whose kernel it runs on.
[[nodiscard]] bool every_kernel_known(std::span<const RunningPod* const> pods, const ClusterState& cluster);

/// Containers of the pod that have the volume mounted while the app runs.
[[nodiscard]] int count_consumers(const PodSpec& pod, std::string_view volume);

/// The handler behind a runtime class: "" for the node's default, nullopt when the class is not in view.
[[nodiscard]] std::optional<std::string> runtime_handler(std::string_view runtime_class,
                                                         const ClusterState& cluster);

}  // namespace walguard::core
