#ifndef WALGUARD_PREFLIGHT_CONDUCTOR_SESSION_H_
#define WALGUARD_PREFLIGHT_CONDUCTOR_SESSION_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "preflight/link/line_channel.h"

/// The conductor's end of the two agents: worker processes on either side, and calls to them with a deadline
/// each.
///
/// One thread. Nothing here touches the storage under test. Whatever the storage, a worker or an agent does,
/// or whoever plays the agent sends, no call outlasts its deadline by more than the time an agent has to
/// answer a ping, nothing is thrown, and what is kept of an agent's words is bounded.
namespace walguard::preflight {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

enum class Side { kA, kB };

/// Why a call brought no result.
struct Failure {
  enum class Kind {
    kRefused,      ///< the operation answered with an error: `error` is its name
    kDied,         ///< the worker died of something the storage can cause: `error` is the signal, "SIGBUS"
    kHung,         ///< no answer within the time given; the worker has been killed
    kOutOfTime,    ///< the check's or the run's own budget ended first; says nothing about the storage
    kLost,         ///< agent or worker gone or talking nonsense, for no reason that speaks of the storage
    kInterrupted,  ///< somebody asked us to stop
  };
  Kind kind = Kind::kLost;
  std::string what;   ///< one line for a person
  std::string error;  ///< "ENOSPC", "SIGBUS" or empty
};
template <typename T>
using Outcome = tl::expected<T, Failure>;

struct Worker {
  Side side = Side::kA;
  int number = 0;
};

struct Call {
  Worker worker;
  std::int64_t id = 0;
  std::string op;
};

class Session {
 public:
  /// `a` and `b`: to agents that have just started, here or on another host. `interrupt_fd` becomes readable
  /// when the run is to stop (a signalfd); -1 for never.
  Session(LineChannel a, LineChannel b, int interrupt_fd);

  /// Waits for both agents' greeting and checks that they speak our protocol.
  [[nodiscard]] Outcome<void> await_agents(Seconds patience);

  /// A new process, doing nothing yet. That it could not be started shows in the first call.
  [[nodiscard]] Worker start_worker(Side side);

  /// Calls of one worker are done in the order sent. wait() gives up after `patience`, or at the check's
  /// deadline. That a worker hangs is believed only of an agent that still answers, which has nothing to do
  /// with the storage: one that does not is lost, and so is every call to it from then on.
  [[nodiscard]] Call send(const Worker& worker, std::string_view op, const Json& arguments);
  [[nodiscard]] Outcome<Json> wait(const Call& call, Seconds patience);
  [[nodiscard]] Outcome<Json> call(const Worker& worker, std::string_view op, const Json& arguments,
                                   Seconds patience);

  /// SIGKILL. kill_and_wait returns when the process is gone, and with it every lock the kernel held for it.
  void kill(const Worker& worker);
  [[nodiscard]] Outcome<void> kill_and_wait(const Worker& worker, Seconds patience);
  void kill_all_but(const Worker& spared);
  /// Kills it unless it is gone, and keeps nothing of it: none of its calls is waited for any more.
  void forget(const Worker& worker);

  /// Lets `pause` pass while events are still taken in.
  [[nodiscard]] Outcome<void> idle(Seconds pause);

  /// No wait goes past it. Set for each check.
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
  /// What workers say on their own account. An agent that says far more of it than a workload can is hung up
  /// on.
  void on_note(std::function<void(const Worker&, const Json&)> handler);
  /// Called several times a second while waiting.
  void on_tick(std::function<void()> handler) { tick_handler_ = std::move(handler); }
  /// After an interruption nothing can be called, until this lets the tidying up begin.
  void forgive_interruption();

  /// Tells the agent what came of the run (one line), and waits until it has hung up.
  void hand_over(Side side, std::string_view result, Seconds patience);

 private:
  struct WorkerState {
    bool gone = false;
    bool killed_by_us = false;
    bool forgotten = false;
    std::string exit;  // as the agent says it: "signal SIGBUS"
    std::set<std::int64_t> unanswered;
    std::map<std::int64_t, Json> replies;
  };
  struct AgentState {
    explicit AgentState(LineChannel to_agent) : channel(std::move(to_agent)) {}
    LineChannel channel;
    std::optional<int> protocol;
    std::map<int, WorkerState> workers;
    int last_pong = 0;
    std::size_t note_bytes = 0;  // since on_note()
  };

  AgentState& agent(Side side) { return agents_.at(static_cast<std::size_t>(side)); }
  [[nodiscard]] const AgentState& agent(Side side) const {
    return agents_.at(static_cast<std::size_t>(side));
  }
  WorkerState& state(const Worker& worker) { return agent(worker.side).workers[worker.number]; }
  /// Takes in events until `done` holds. False at `until`, or when interrupted.
  bool pump_until(const std::function<bool()>& done, Clock::time_point until);
  void pump_once(Clock::time_point until);
  void take_lines(Side side, bool ready);
  void take_frame(Side side, std::string_view line);
  void take_message(const Worker& worker, const std::string& payload);
  void take_note(const Worker& worker, const Json& note, std::size_t bytes);
  /// Whether the agent answers at all; hangs up on it where it does not.
  [[nodiscard]] bool is_there(Side side);
  [[nodiscard]] Failure lost(Side side) const;
  [[nodiscard]] Failure why_no_reply(const Call& call, bool deadline_first);
  [[nodiscard]] static Outcome<Json> unpack(const Call& call, const Json& reply);

  std::array<AgentState, 2> agents_;
  int interrupt_fd_;
  bool interrupted_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  int next_worker_ = 1;
  int next_ping_ = 1;
  std::int64_t next_call_ = 1;
  std::function<void(const Worker&, const Json&)> note_handler_;
  Clock::time_point notes_since_;
  std::function<void()> tick_handler_;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CONDUCTOR_SESSION_H_
