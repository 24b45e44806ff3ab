#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "operator/server/http_codec.h"
#include "operator/server/http_limits.h"
#include "operator/server/router.h"
#include "operator/server/transport.h"

namespace walguard::server {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Shared by all threads of a server.
struct HttpCounters {
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> failed_handshakes = 0;
  std::atomic<std::uint64_t> deadlines_missed = 0;
  std::atomic<std::uint64_t> evicted = 0;
};

/// What the connections of one event loop share. The buffers are scratch space within one call of Connection.
struct LoopContext {
  const HttpLimits& limits;
  const Router& router;
  HttpCounters& counters;
  std::span<char> input;
  /// Set by whoever drains the server, while a handler runs too: its answer must then close the connection.
  const std::atomic<bool>& draining;
  std::string output = {};
};

/// One client's connection as a state machine: takes what the socket gives, answers each request as soon as
/// it is whole, and never blocks (but for the handler). Used by the thread of its event loop alone.
class Connection {
 public:
  enum class Phase {
    kHandshake,  ///< TLS is not set up yet
    kIdle,       ///< no byte of the next request has come
    kReading,    ///< a request has begun
    kWriting,    ///< the client has not yet taken the whole answer; nothing is read meanwhile
    kLingering,  ///< refused and answered: what is still coming is thrown away, so that the answer survives
    kClosed,
  };
  static constexpr std::size_t kPhases = 6;

  /// What advance() waits for.
  enum class Need { kReadable, kWritable, kAnotherTurn };

  /// `loop` must outlive the connection.
  Connection(Transport transport, LoopContext& loop);

  /// Goes on for as long as the socket allows, or for one fair share of work (then: kAnotherTurn).
  Need advance();
  /// The time allowed for the phase is over: answers 408 where a request had begun, and is kClosed then.
  void expire();
  /// Serves a request that has already come and closes unless one is under way. For draining.
  void finish();
  /// Ends an idle connection in an orderly way.
  void close();

  [[nodiscard]] Phase phase() const { return phase_; }
  /// When the phase began; of kReading, when the first byte of the request came.
  [[nodiscard]] SteadyTime since() const { return since_; }
  [[nodiscard]] int fd() const { return transport_.fd(); }

 private:
  void enter(Phase phase);
  bool step();
  bool step_handshake();
  bool step_read();
  bool step_write();
  bool step_discard();
  bool wait_or_close(IoStatus status);

  void take_in(std::string_view bytes);
  std::size_t parse(std::string_view input);
  void answer();
  void refuse(int status, std::string_view reason);
  void send_continue();
  void send(std::string_view response);
  void finish_answer();

  Transport transport_;
  LoopContext& loop_;
  RequestParser parser_;
  Phase phase_ = Phase::kHandshake;
  SteadyTime since_;
  Need need_ = Need::kReadable;
  std::string unparsed_;  // bytes of a request whose end is needed to parse them
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  bool close_after_answer_ = false;
  bool input_remains_ = false;  // the client may still be sending a request that was refused
};

}  // namespace walguard::server
