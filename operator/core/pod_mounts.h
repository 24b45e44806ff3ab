/// The mounts of a pod, by the volume that they show. Pure; thread-safe once built.
#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {

/// Built in one pass. A pod may be sent with tens of thousands of volumes and mounts, and to look for each
/// one among all of them would hold the webhook. Views into the pod, which has to outlive it.
class PodMounts {
 public:
  struct Entry {
    const Container* container = nullptr;
    const VolumeMount* mount = nullptr;
  };

  explicit PodMounts(const PodSpec& pod);

  /// In the pod's order: those of one container stand together.
  [[nodiscard]] std::span<const Entry> of(std::string_view volume) const;

 private:
  std::unordered_map<std::string_view, std::vector<Entry>> by_volume_;
};

}  // namespace walguard::core
