#include "operator/kube/retry.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "operator/kube/api_error.h"

namespace walguard::kube {

std::optional<std::chrono::milliseconds> wait_before_retry(const RetryPolicy& policy, const ApiError& error,
                                                           int attempts_made,
                                                           std::chrono::milliseconds waited) {
  const bool server_failed = error.kind == ApiError::Kind::kStatus && error.code >= 500;
  const bool asked_for_it = error.is(429) || (server_failed && error.retry_after);
  if (!asked_for_it || attempts_made >= policy.attempts) return std::nullopt;
  const std::chrono::milliseconds asked = error.retry_after ? *error.retry_after : policy.unnamed_wait;
  const std::chrono::milliseconds wait = std::min(asked, policy.longest_wait);
  if (waited + wait > policy.in_all) return std::nullopt;
  return wait;
}

}  // namespace walguard::kube
