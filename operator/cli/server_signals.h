/// The signals that end or steer a server.
#pragma once

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX, not C++

namespace walguard::cli {

/// Made by the main thread before any other thread exists: it blocks SIGTERM, SIGINT and SIGHUP, every thread
/// made later inherits that, and only wait() takes them. From then on SIGPIPE is ignored: a client that goes
/// away in the middle of an answer is no reason to die.
class ServerSignals {
 public:
  ServerSignals();

  /// Blocks until one of them comes, and returns it.
  [[nodiscard]] int wait() const;

 private:
  sigset_t set_{};
};

}  // namespace walguard::cli
