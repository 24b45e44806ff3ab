/// Whether and when to send a request again because the server asked for it. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "operator/kube/api_error.h"

namespace walguard::kube {

struct RetryPolicy {
  int attempts = 5;                                ///< in all
  std::chrono::milliseconds longest_wait{30'000};  ///< between two; a server that asks for more gets this
  std::chrono::milliseconds in_all{60'000};        ///< of waiting, over all attempts
  std::chrono::milliseconds unnamed_wait{1'000};   ///< after a 429 that names none
};

/// How long to wait before attempt `attempts_made` + 1; nullopt: give the error to the caller.
///
/// As client-go: a 429 is sent again, and a 5xx where the server names a time, since it then did nothing.
/// Whatever else failed may have been done, and is the caller's to judge.
[[nodiscard]] std::optional<std::chrono::milliseconds> wait_before_retry(const RetryPolicy& policy,
                                                                         const ApiError& error,
                                                                         int attempts_made,
                                                                         std::chrono::milliseconds waited);

}  // namespace walguard::kube
