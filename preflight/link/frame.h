#ifndef WALGUARD_PREFLIGHT_LINK_FRAME_H_
#define WALGUARD_PREFLIGHT_LINK_FRAME_H_

#include <string>
#include <string_view>

#include <tl/expected.hpp>

/// The lines that conductor and agent exchange: "VERB NUMBER[ PAYLOAD]".
///
/// conductor -> agent   spawn W          start worker process W
///                      kill W           SIGKILL it
///                      to W JSON        hand it a request
///                      ping N           are you there?
///                      done 0 JSON      the run is over, and this is what came of it; the last line
/// agent -> conductor   ready V          speaks protocol version V; the first line, once
///                      from W JSON      a reply or a note of worker W, as it wrote it
///                      exit W HOW       it is gone; HOW is "status N" or "signal SIGBUS"; its last line from
///                      W
///                      pong N           the answer to ping N
///
/// The agent never looks into the JSON: a worker that writes nonsense is the conductor's to judge. Over TCP
/// the lines of link/handshake.h come first.
namespace walguard::preflight {

inline constexpr int kProtocolVersion = 2;

enum class Verb { kSpawn, kKill, kTo, kPing, kDone, kReady, kFrom, kExit, kPong };

struct Frame {
  Verb verb = Verb::kReady;
  int number = 0;  ///< the worker; for kReady the protocol version; never negative
  std::string payload;

  bool operator==(const Frame&) const = default;
};

/// Without the newline; the payload must hold none.
[[nodiscard]] std::string encode_frame(const Frame& frame);

/// The error says what is wrong with the line, without repeating it.
[[nodiscard]] tl::expected<Frame, std::string> parse_frame(std::string_view line);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_FRAME_H_
