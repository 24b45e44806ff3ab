/// What list-and-watch does next: list or watch, from where, after which wait. Pure: time and chance are
/// passed in. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/backoff.h"

namespace walguard::kube {

struct ReflectorPolicy {
  Backoff backoff;
  /// A watch that ends in good order sooner than this and without an event counts as a failure, or a server
  /// that ends each at once would be asked without pause.
  std::chrono::milliseconds shortest_watch{1'000};
  /// So many watches in a row that failed without an event lead to a new list: a server restored from a
  /// backup knows nothing of our resourceVersion, and need not say 410.
  int watches_before_relist = 5;
};

struct ReflectorState {
  std::string resource_version;                     ///< where a watch goes on; "": list first
  int failures = 0;                                 ///< in a row, lists and watches together
  int failed_watches = 0;                           ///< in a row, from this resourceVersion
  std::optional<std::chrono::seconds> retry_after;  ///< the server's word with the last failure
};

struct ReflectorStep {
  enum class What : std::uint8_t { kList, kWatch };
  What what = What::kList;
  std::chrono::milliseconds wait{0};  ///< before it
};

/// How a watch ended.
struct WatchOutcome {
  std::optional<ApiError> error;  ///< nullopt: the server ended it in good order
  std::string resource_version;   ///< of the last event or bookmark; "": there was none
  std::chrono::milliseconds lasted{0};
};

/// `chance` in [0, 1). A server's retry-after is obeyed up to `policy.backoff.longest`.
[[nodiscard]] ReflectorStep next_step(const ReflectorPolicy& policy, const ReflectorState& state,
                                      double chance);

/// `result`: the list's resourceVersion.
[[nodiscard]] ReflectorState after_list(ReflectorState state,
                                        const tl::expected<std::string, ApiError>& result);

[[nodiscard]] ReflectorState after_watch(const ReflectorPolicy& policy, ReflectorState state,
                                         const WatchOutcome& outcome);

}  // namespace walguard::kube
