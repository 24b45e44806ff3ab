#include "operator/core/sharing.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/pod_mounts.h"
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

/// The folders from the root to `path`, then to `below`; none where it may lead anywhere.
std::vector<std::string_view> components_of(std::string_view path, std::string_view below) {
  std::vector<std::string_view> components;
  for (std::string_view rest : {path, below}) {
    while (!rest.empty()) {
      const std::size_t slash = std::min(rest.find('/'), rest.size());
      const std::string_view component = rest.substr(0, slash);
      if (component == "..") return {};
      if (!component.empty() && component != ".") components.push_back(component);
      rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
  }
  return components;
}

}  // namespace

std::optional<std::string> runtime_handler(std::string_view runtime_class, const ClusterState& cluster) {
  if (runtime_class.empty()) return std::string{};
  const RuntimeClass* object = cluster.runtime_class(runtime_class);
  if (object == nullptr) return std::nullopt;
  return object->handler;
}

void MountedFolders::add(std::string_view base, const VolumeMount& mount, std::size_t owner) {
  // Of an expanded subPath no more is known than where the volume begins.
  const std::string_view below = mount.sub_path_is_expanded ? std::string_view{} : mount.sub_path;
  folders_.push_back({components_of(base, below), owner});
}

int MountedFolders::most_owners_of_one() {
  // Sorted, what lies in a folder comes right behind it. So the folders fall into groups, each of a topmost
  // folder with all that lie in it, and of two groups nothing is shared.
  std::ranges::sort(folders_, {}, &Folder::components);
  const auto lies_in = [](const Folder& folder, const Folder& above) {
    return std::ranges::mismatch(folder.components, above.components).in2 == above.components.end();
  };
  std::size_t most = 0;
  std::set<std::size_t> owners;
  const Folder* topmost = nullptr;
  for (const Folder& folder : folders_) {
    if (topmost == nullptr || !lies_in(folder, *topmost)) {
      topmost = &folder;
      owners.clear();
    }
    owners.insert(folder.owner);
    most = std::max(most, owners.size());
  }
  return static_cast<int>(most);
}

bool may_show_the_same(std::string_view base_a, const VolumeMount& a, std::string_view base_b,
                       const VolumeMount& b) {
  MountedFolders folders;
  folders.add(base_a, a, 1);
  folders.add(base_b, b, 2);
  return folders.most_owners_of_one() == 2;
}

int count_consumers(const PodMounts& pod, std::string_view volume) {
  const auto mounts = pod.of(volume);
  MountedFolders folders;
  const Container* last = nullptr;
  std::size_t owner = 0;
  for (const auto& [container, mount] : mounts) {
    if (!runs_beside_the_app(container->role)) continue;
    if (container != last) ++owner;
    last = container;
    folders.add({}, *mount, owner);
  }
  const int most = folders.most_owners_of_one();
  if (most > 0) return most;
  // Plain init containers run one after the other and end before the app starts.
  return mounts.empty() ? 0 : 1;
}

std::vector<std::string> read_only_consumers(const PodMounts& pod, const Volume& volume) {
  std::vector<std::string> names;
  const auto mounts = pod.of(volume.name);
  for (auto mount = mounts.begin(); mount != mounts.end();) {
    const Container& container = *mount->container;
    bool writes = false;
    for (; mount != mounts.end() && mount->container == &container; ++mount) {
      writes = writes || !(mount->mount->read_only || volume.read_only);
    }
    if (!writes && runs_beside_the_app(container.role)) names.push_back(container.name);
  }
  return names;
}

std::optional<Scope> sharing_scope(const SharingFacts& facts) {
  if (facts.owned_by_one_pod == true) return facts.consumers_in_pod > 1 ? Scope::kPod : Scope::kContainer;
  if (facts.volume_pinned_to_node || facts.stays_on_one_node || facts.pods_pinned_to_one_node)
    return Scope::kNode;
  if (!facts.single_attach) return std::nullopt;
  if (*facts.single_attach) return Scope::kNode;
  return facts.owned_by_one_pod ? std::optional(Scope::kCluster) : std::nullopt;
}

std::optional<KernelDomain> kernel_domain(std::string_view runtime_class,
                                          std::span<const RunningPod* const> others,
                                          const ClusterState& cluster) {
  std::optional<KernelDomain> known = domain_of_class(runtime_class, cluster);
  bool any_unknown = !known;
  for (const RunningPod* pod : others) {
    if (pod->spec.windows) return KernelDomain::kMixed;
    const auto other = domain_of_class(pod->spec.runtime_class, cluster);
    if (known && other && *known != *other) return KernelDomain::kMixed;
    if (!known) known = other;
    any_unknown = any_unknown || !other;
  }
  return any_unknown ? std::nullopt : known;
}

bool every_kernel_known(std::span<const RunningPod* const> pods, const ClusterState& cluster) {
  return std::ranges::all_of(pods, [&](const RunningPod* pod) {
    return !pod->spec.windows && domain_of_class(pod->spec.runtime_class, cluster).has_value();
  });
}

}  // namespace walguard::core
