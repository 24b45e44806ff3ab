#include "operator/cli/server_signals.h"

#include <csignal>
#include <initializer_list>

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigwait and its kin are POSIX, not C++

namespace walguard::cli {

ServerSignals::ServerSignals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  (void)std::signal(SIGPIPE, SIG_IGN);
}

int ServerSignals::wait() const {
  int signal = 0;
  while (sigwait(&set_, &signal) != 0) {
  }
  return signal;
}

}  // namespace walguard::cli
