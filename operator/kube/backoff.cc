#include "operator/kube/backoff.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace walguard::kube {

std::chrono::milliseconds backoff_wait(const Backoff& backoff, int failures, double chance) {
  if (failures <= 0) return std::chrono::milliseconds(0);
  const int doublings = std::min(failures - 1, 30);
  const std::int64_t full = std::min(backoff.first.count() << doublings, backoff.longest.count());
  return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(full) * (0.5 + chance / 2)));
}

}  // namespace walguard::kube
