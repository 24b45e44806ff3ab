#include "operator/core/sharing.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// RuntimeClass handlers by the name that the runtimes' own guides give them: runsc
/// (https://gvisor.dev/docs/user_guide/containerd/quick_start/), kata* (kata-containers/docs
/// how-to/run-kata-with-k8s); the rest are namespaces and cgroups on the node's kernel.
std::optional<KernelDomain> domain_of_handler(std::string_view handler) {
  if (handler == "runsc" || handler == "gvisor") return KernelDomain::kPerSandbox;
  if (handler.starts_with("kata")) return KernelDomain::kPerPod;
  if (handler.empty() || handler == "runc" || handler == "crun") return KernelDomain::kShared;
  return std::nullopt;
}

std::optional<KernelDomain> domain_of_class(std::string_view runtime_class, const ClusterState& cluster) {
  const auto handler = runtime_handler(runtime_class, cluster);
  return handler ? domain_of_handler(*handler) : std::nullopt;
}

bool runs_beside_the_app(ContainerRole role) { return role != ContainerRole::kInit; }

bool mounts(const Container& container, std::string_view volume) {
  return std::ranges::any_of(container.mounts,
                             [&](const VolumeMount& mount) { return mount.volume == volume; });
}

}  // namespace

std::optional<std::string> runtime_handler(std::string_view runtime_class, const ClusterState& cluster) {
  if (runtime_class.empty()) return std::string{};
  const RuntimeClass* object = cluster.runtime_class(runtime_class);
  if (object == nullptr) return std::nullopt;
  return object->handler;
}

int count_consumers(const PodSpec& pod, std::string_view volume) {
  int together = 0;
  bool any_init = false;
  for (const Container& container : pod.containers) {
    if (!mounts(container, volume)) continue;
    if (runs_beside_the_app(container.role)) {
      ++together;
    } else {
      any_init = true;
    }
  }
  // Plain init containers run one after the other and end before the app starts.
  return together == 0 && any_init ? 1 : together;
}

std::optional<Scope> sharing_scope(const SharingFacts& facts) {
  if (facts.owned_by_one_pod) return facts.consumers_in_pod > 1 ? Scope::kPod : Scope::kContainer;
  if (facts.volume_pinned_to_node || facts.stays_on_one_node || facts.pods_pinned_to_one_node)
    return Scope::kNode;
  if (!facts.single_attach) return std::nullopt;
  return *facts.single_attach ? Scope::kNode : Scope::kCluster;
}

std::optional<KernelDomain> kernel_domain(std::string_view runtime_class,
                                          std::span<const RunningPod* const> others,
                                          const ClusterState& cluster) {
  const auto own = domain_of_class(runtime_class, cluster);
  bool any_unknown = !own;
  for (const RunningPod* pod : others) {
    const auto other = domain_of_class(pod->spec.runtime_class, cluster);
    if (own && other && *own != *other) return KernelDomain::kMixed;
    any_unknown = any_unknown || !other;
  }
  return any_unknown ? std::nullopt : own;
}

bool every_kernel_known(std::span<const RunningPod* const> pods, const ClusterState& cluster) {
  return std::ranges::all_of(pods, [&](const RunningPod* pod) {
    return domain_of_class(pod->spec.runtime_class, cluster).has_value();
  });
}

}  // namespace walguard::core
