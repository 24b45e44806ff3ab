/// How long to wait after the n-th failure in a row. Pure: chance is passed in.
#pragma once

#include <chrono>

namespace walguard::kube {

struct Backoff {
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds longest{30'000};
};

/// Doubles with each failure up to `longest`; then between half of that and all of it, as `chance` in [0, 1)
/// says, so that many clients of a server that comes back do not come back at once. 0 after no failure.
[[nodiscard]] std::chrono::milliseconds backoff_wait(const Backoff& backoff, int failures, double chance);

}  // namespace walguard::kube
