#ifndef WALGUARD_PREFLIGHT_CONDUCTOR_LAUNCH_H_
#define WALGUARD_PREFLIGHT_CONDUCTOR_LAUNCH_H_

#include <string>
#include <utility>

#include <sys/types.h>
#include <tl/expected.hpp>

#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// An agent running as a child of this process: this very program, executed anew. It dies with us, however we
/// die.
class LocalAgent {
 public:
  /// Starts it. The error is a sentence.
  [[nodiscard]] static tl::expected<LocalAgent, std::string> start();

  LocalAgent(LocalAgent&& other) noexcept;
  LocalAgent& operator=(LocalAgent&&) = delete;
  LocalAgent(const LocalAgent&) = delete;
  LocalAgent& operator=(const LocalAgent&) = delete;
  /// Gives it a moment to end by itself (it does when its link closes), then kills it. Never blocks for long:
  /// a worker that the kernel cannot kill is not waited for.
  ~LocalAgent();

  /// Our end of its link; to be taken once.
  [[nodiscard]] UniqueFd take_link() { return std::move(link_); }

 private:
  LocalAgent(pid_t pid, UniqueFd link) : pid_(pid), link_(std::move(link)) {}

  pid_t pid_;
  UniqueFd link_;
};

/// From its making on, SIGINT, SIGTERM and SIGHUP do not end this process but make fd() readable, and SIGPIPE
/// does nothing.
class Interrupts {
 public:
  Interrupts();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CONDUCTOR_LAUNCH_H_
