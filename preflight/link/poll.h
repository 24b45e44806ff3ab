#ifndef WALGUARD_PREFLIGHT_LINK_POLL_H_
#define WALGUARD_PREFLIGHT_LINK_POLL_H_

#include <chrono>
#include <vector>

#include <poll.h>

/// poll(2) with a point in time for its end and a descriptor that ends it early (a signalfd).
namespace walguard::preflight {

/// Milliseconds for poll(2) until then: never negative, rounded up so that nothing spins, and at most an
/// hour.
[[nodiscard]] int poll_timeout(std::chrono::steady_clock::time_point until);

/// Waits until one of `entries` has an event, `interrupt_fd` (-1 for none) is readable, or `until`. The
/// events are in `entries`. Returns whether the interrupt came.
[[nodiscard]] bool poll_until(std::vector<pollfd>& entries, std::chrono::steady_clock::time_point until,
                              int interrupt_fd);

/// Whether `fd` became readable (or its other end closed) before `until` and before an interrupt.
[[nodiscard]] bool wait_readable(int fd, std::chrono::steady_clock::time_point until, int interrupt_fd);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_POLL_H_
