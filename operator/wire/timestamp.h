/// Times as Kubernetes writes them, RFC 3339 in UTC. Pure, thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace walguard::wire {

/// metav1.Time: "2026-01-31T23:59:59Z".
[[nodiscard]] std::string time_text(std::chrono::sys_seconds time);

/// metav1.MicroTime: "2026-01-31T23:59:59.000001Z".
[[nodiscard]] std::string micro_time_text(std::chrono::sys_time<std::chrono::microseconds> time);

}  // namespace walguard::wire
