#ifndef WALGUARD_PREFLIGHT_LINK_LISTENER_H_
#define WALGUARD_PREFLIGHT_LINK_LISTENER_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "preflight/link/address.h"
#include "preflight/link/handshake.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/token.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// The other host, after its handshake.
struct Peer {
  LineChannel channel;
  PeerInfo info;
  std::string address;
};

/// Waits on a TCP port for the one peer that knows the token. Strangers may come at the same time, in any
/// number: a few are heard at once, each for a short time and a few bytes, and the oldest makes room for the
/// newest.
///
/// One thread.
class Listener {
 public:
  /// The error is the end of a sentence about `address`.
  [[nodiscard]] static tl::expected<Listener, std::string> open(const HostPort& address);

  /// "127.0.0.1:40123": with the port in use, where 0 was asked for.
  [[nodiscard]] std::string address() const;

  struct Waiting {
    const Token& token;
    std::chrono::seconds run_at_most;  ///< told to the peer
    std::chrono::steady_clock::time_point until;
    int interrupt_fd;                                  ///< ends the waiting when readable; -1 for never
    std::function<void(std::string_view)> on_refusal;  ///< told of each stranger, with its address and why
  };
  /// Blocks until the peer is there, the time is over, or it is interrupted. The error is a sentence, with
  /// the first of those who were refused. To be called once.
  [[nodiscard]] tl::expected<Peer, std::string> await_peer(const Waiting& waiting);

 private:
  struct Candidate {
    LineChannel channel;
    ListeningHandshake handshake;
    std::string address;
    std::chrono::steady_clock::time_point until;
  };
  explicit Listener(UniqueFd socket) : socket_(std::move(socket)) {}

  void accept_all(const Waiting& waiting);
  /// Why this one is not to be heard any longer; empty while it is.
  [[nodiscard]] static std::string hear(Candidate& candidate);
  void refuse(const Waiting& waiting, const std::string& address, const std::string& problem);
  [[nodiscard]] std::string nobody_came() const;

  UniqueFd socket_;
  std::vector<Candidate> candidates_;  // oldest first
  std::vector<std::string> refused_;   // the first few
  std::size_t refusals_ = 0;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_LISTENER_H_
