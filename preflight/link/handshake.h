#ifndef WALGUARD_PREFLIGHT_LINK_HANDSHAKE_H_
#define WALGUARD_PREFLIGHT_LINK_HANDSHAKE_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "preflight/link/token.h"

/// The first lines between two hosts, before those of link/frame.h: who are you, and do you know the token?
///
///   connecting                        listening
///   hello PROTOCOL RELEASE NONCE_C
///                                     challenge NONCE_L
///   proof HMAC("connecting", nonces)
///                                     welcome SECONDS HMAC("listening", nonces, SECONDS)
///   join {"dir":"/data","node":"n1"}
///                                     refused WHY          instead of any of its lines; then it hangs up
///
/// SECONDS is how long the run may take at most. Both prove the token, and neither can reflect the other's
/// proof, as each names its role. The connecting side proves first: anybody can come to a listener, who must
/// not hand out material for guessing; where to connect to, a person has said. Who sits between the two and
/// passes all lines on can also change the later ones: the link is authenticated, not encrypted.
///
/// Pure; not thread-safe. Input may come from anybody.
namespace walguard::preflight {

/// The longest line of a handshake, in bytes. A `join` holds a path of at most PATH_MAX.
inline constexpr std::size_t kMaxHandshakeLineBytes = 16UL * 1024;

/// How the two sides name what they speak. Hosts of one run must have the same probe.
struct Release {
  int protocol = 0;
  std::string version;

  /// Of this program.
  [[nodiscard]] static Release own();
  bool operator==(const Release&) const = default;
};

/// What the connecting side says of itself.
struct PeerInfo {
  std::string dir;   ///< its path to the storage under test, absolute
  std::string node;  ///< its node's name; empty where it was not told

  bool operator==(const PeerInfo&) const = default;
};

/// What is to be done after a line of the peer.
struct HandshakeStep {
  std::string send;  ///< a line for the peer; empty for none
  std::string
      problem;  ///< why the handshake is over in vain, to be said after the peer's name; empty: it goes on
};

class ListeningHandshake {
 public:
  /// `token` must outlive this. `nonce` is from make_nonce().
  ListeningHandshake(const Token& token, std::string nonce, std::chrono::seconds run_at_most);

  [[nodiscard]] HandshakeStep take(std::string_view line);
  /// The peer is who it should be, and peer() is what it said.
  [[nodiscard]] bool done() const { return state_ == State::kDone; }
  [[nodiscard]] const PeerInfo& peer() const { return peer_; }

 private:
  enum class State { kHello, kProof, kJoin, kDone };
  [[nodiscard]] HandshakeStep take_hello(std::string_view line);
  [[nodiscard]] HandshakeStep take_proof(std::string_view line);
  [[nodiscard]] HandshakeStep take_join(std::string_view line);

  const Token* token_;  // not owned
  std::string nonce_;
  std::string peer_nonce_;
  long seconds_;
  PeerInfo peer_;
  State state_ = State::kHello;
};

class ConnectingHandshake {
 public:
  /// `token` must outlive this. `nonce` is from make_nonce(). `own` is told to nobody who has not proved the
  /// token.
  ConnectingHandshake(const Token& token, std::string nonce, PeerInfo own);

  [[nodiscard]] std::string first_line() const;
  [[nodiscard]] HandshakeStep take(std::string_view line);
  [[nodiscard]] bool done() const { return state_ == State::kDone; }
  [[nodiscard]] std::chrono::seconds run_at_most() const { return run_at_most_; }

 private:
  enum class State { kChallenge, kWelcome, kDone };
  [[nodiscard]] HandshakeStep take_challenge(std::string_view line);
  [[nodiscard]] HandshakeStep take_welcome(std::string_view line);

  const Token* token_;  // not owned
  std::string nonce_;
  std::string peer_nonce_;
  PeerInfo own_;
  std::chrono::seconds run_at_most_{0};
  State state_ = State::kChallenge;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_HANDSHAKE_H_
