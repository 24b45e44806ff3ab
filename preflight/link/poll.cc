#include "preflight/link/poll.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <poll.h>

namespace walguard::preflight {

int poll_timeout(std::chrono::steady_clock::time_point until) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now();
  if (until <= now) return 0;
  const auto left = std::min<std::chrono::steady_clock::duration>(until - now, std::chrono::hours(1));
  return static_cast<int>(std::chrono::ceil<milliseconds>(left).count());
}

bool poll_until(std::vector<pollfd>& entries, std::chrono::steady_clock::time_point until, int interrupt_fd) {
  entries.push_back({.fd = interrupt_fd, .events = POLLIN, .revents = 0});  // poll(2) ignores a negative one
  ::poll(entries.data(), entries.size(), poll_timeout(until));
  const bool interrupted = entries.back().revents != 0;
  entries.pop_back();
  return interrupted;
}

bool wait_readable(int fd, std::chrono::steady_clock::time_point until, int interrupt_fd) {
  std::vector<pollfd> entries = {{.fd = fd, .events = POLLIN, .revents = 0}};
  while (std::chrono::steady_clock::now() < until) {
    if (poll_until(entries, until, interrupt_fd)) return false;
    if (entries.front().revents != 0) return true;
  }
  return false;
}

}  // namespace walguard::preflight
