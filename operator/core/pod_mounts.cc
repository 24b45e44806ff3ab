#include "operator/core/pod_mounts.h"

#include <span>
#include <string_view>

#include "operator/core/workload.h"

namespace walguard::core {

PodMounts::PodMounts(const PodSpec& pod) {
  for (const Container& container : pod.containers) {
    for (const VolumeMount& mount : container.mounts)
      by_volume_[mount.volume].push_back({&container, &mount});
  }
}

std::span<const PodMounts::Entry> PodMounts::of(std::string_view volume) const {
  const auto found = by_volume_.find(volume);
  return found == by_volume_.end() ? std::span<const Entry>{} : std::span<const Entry>{found->second};
}

}  // namespace walguard::core
