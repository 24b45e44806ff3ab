#ifndef WALGUARD_PREFLIGHT_LINK_CONNECTOR_H_
#define WALGUARD_PREFLIGHT_LINK_CONNECTOR_H_

#include <chrono>
#include <string>

#include <tl/expected.hpp>

#include "preflight/link/address.h"
#include "preflight/link/handshake.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/token.h"

namespace walguard::preflight {

/// The conductor, after the handshake.
struct Conductor {
  LineChannel channel;
  std::string address;
  std::chrono::seconds run_at_most;
};

struct Connecting {
  HostPort to;  ///< a name is resolved anew with each attempt
  const Token& token;
  PeerInfo own;
  std::chrono::steady_clock::time_point until;
  int interrupt_fd;  ///< ends the attempts when readable; -1 for never
};

/// Blocks until the conductor has accepted us. Tries again and again until the time is over while nobody is
/// there (no such name yet, connection refused, silence, a hang-up); a listener that speaks and is the wrong
/// one, or has another token or version, ends it at once. The error is a sentence.
[[nodiscard]] tl::expected<Conductor, std::string> connect_to_conductor(const Connecting& connecting);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_CONNECTOR_H_
