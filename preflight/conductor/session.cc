#include "preflight/conductor/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <tl/expected.hpp>

#include "preflight/link/bounded_json.h"
#include "preflight/link/frame.h"
#include "preflight/link/line_channel.h"

namespace walguard::preflight {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::string_view kSignalPrefix = "signal ";
constexpr Seconds kPingPatience{5};
// Notes are commits, a line of some 60 bytes each: no SQLite makes them this fast for long.
constexpr std::size_t kNoteBytesAtOnce = 16UL * 1024 * 1024;
constexpr double kNoteBytesPerSecond = 4.0 * 1024 * 1024;

Clock::time_point after(Seconds patience) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(patience);
}

std::string in_seconds(Seconds patience) {
  std::string text = std::to_string(patience.count());
  return text.substr(0, text.find('.') + 2) + " s";
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string side_name(Side side) { return side == Side::kA ? "agent A" : "agent B"; }

// Deaths that the storage can bring about. Others (the OOM killer's SIGKILL, an abort of ours) say nothing
// about it.
bool caused_by_storage(std::string_view signal) { return signal == "SIGBUS"; }

}  // namespace

Session::Session(LineChannel a, LineChannel b, int interrupt_fd)
    : agents_{AgentState(std::move(a)), AgentState(std::move(b))}, interrupt_fd_(interrupt_fd) {}

Outcome<void> Session::await_agents(Seconds patience) {
  const auto greeted = [this] {
    return std::ranges::all_of(agents_, [](const AgentState& agent) {
      return agent.protocol.has_value() || agent.channel.closed();
    });
  };
  pump_until(greeted, after(patience));
  for (const Side side : {Side::kA, Side::kB}) {
    if (!agent(side).protocol) {
      const std::string& why = agent(side).channel.why_closed();
      return tl::unexpected(Failure{
          Failure::Kind::kLost, side_name(side) + " did not start" + (why.empty() ? "" : ": " + why), ""});
    }
    if (agent(side).protocol != kProtocolVersion) {
      return tl::unexpected(Failure{Failure::Kind::kLost,
                                    side_name(side) + " speaks protocol " +
                                        std::to_string(agent(side).protocol.value_or(0)) + ", not " +
                                        std::to_string(kProtocolVersion),
                                    ""});
    }
  }
  return {};
}

Worker Session::start_worker(Side side) {
  const Worker worker{side, next_worker_++};
  (void)state(worker);
  agent(side).channel.send(encode_frame({.verb = Verb::kSpawn, .number = worker.number, .payload = {}}));
  return worker;
}

Call Session::send(const Worker& worker, std::string_view op, const Json& arguments) {
  const Call call{worker, next_call_++, std::string(op)};
  state(worker).unanswered.insert(call.id);
  const Json request = {{"id", call.id}, {"op", op}, {"args", arguments}};
  agent(worker.side)
      .channel.send(encode_frame({.verb = Verb::kTo, .number = worker.number, .payload = request.dump()}));
  return call;
}

Outcome<Json> Session::wait(const Call& call, Seconds patience) {
  WorkerState& worker = state(call.worker);
  const auto done = [&] {
    return worker.replies.contains(call.id) || worker.gone || agent(call.worker.side).channel.closed();
  };
  const Clock::time_point own = after(patience);
  pump_until(done, std::min(own, deadline_));
  const auto reply = worker.replies.find(call.id);
  if (reply == worker.replies.end()) return tl::unexpected(why_no_reply(call, deadline_ < own));
  const Json json = std::move(reply->second);
  worker.replies.erase(reply);
  return unpack(call, json);
}

Outcome<Json> Session::call(const Worker& worker, std::string_view op, const Json& arguments,
                            Seconds patience) {
  return wait(send(worker, op, arguments), patience);
}

Failure Session::why_no_reply(const Call& call, bool deadline_first) {
  const WorkerState& worker = state(call.worker);
  const std::string doing = "\"" + call.op + "\" on " + side_name(call.worker.side).substr(6) + "'s side";
  if (interrupted_) return {Failure::Kind::kInterrupted, "interrupted", ""};
  if (agent(call.worker.side).channel.closed()) return lost(call.worker.side);
  if (worker.gone) {
    const bool signalled = worker.exit.starts_with(kSignalPrefix);
    const std::string signal = signalled ? worker.exit.substr(kSignalPrefix.size()) : "";
    const bool storage = !worker.killed_by_us && caused_by_storage(signal);
    return {storage ? Failure::Kind::kDied : Failure::Kind::kLost,
            "the process doing " + doing + " ended with " + worker.exit, signal};
  }
  kill(call.worker);
  if (deadline_first) return {Failure::Kind::kOutOfTime, "the time budget ended during " + doing, ""};
  if (!is_there(call.worker.side)) return lost(call.worker.side);
  return {Failure::Kind::kHung, doing + " hung: no answer in the time given, so it was killed", ""};
}

Failure Session::lost(Side side) const {
  if (interrupted_) return {Failure::Kind::kInterrupted, "interrupted", ""};
  return {Failure::Kind::kLost, side_name(side) + " is gone: " + agent(side).channel.why_closed(), ""};
}

bool Session::is_there(Side side) {
  AgentState& asked = agent(side);
  const int ping = next_ping_++;
  asked.channel.send(encode_frame({.verb = Verb::kPing, .number = ping, .payload = {}}));
  const auto answered = [&] { return asked.last_pong >= ping || asked.channel.closed(); };
  if (!pump_until(answered, after(kPingPatience)) && !interrupted_) {
    asked.channel.close("it does not answer any more");
  }
  return !asked.channel.closed() && !interrupted_;
}

Outcome<Json> Session::unpack(const Call& call, const Json& reply) {
  if (const auto ok = reply.find("ok"); ok != reply.end()) return *ok;
  const auto error = reply.find("error");
  if (error != reply.end() && error->is_object()) {
    return tl::unexpected(
        Failure{Failure::Kind::kRefused, text_of(*error, "what"), text_of(*error, "error")});
  }
  return tl::unexpected(
      Failure{Failure::Kind::kLost, "a worker answered \"" + call.op + "\" with nonsense", ""});
}

void Session::kill(const Worker& worker) {
  state(worker).killed_by_us = true;
  agent(worker.side)
      .channel.send(encode_frame({.verb = Verb::kKill, .number = worker.number, .payload = {}}));
}

void Session::forget(const Worker& worker) {
  WorkerState& left = state(worker);
  if (left.gone) {
    agent(worker.side).workers.erase(worker.number);
    return;
  }
  if (!left.killed_by_us) kill(worker);
  left.forgotten = true;
}

Outcome<void> Session::kill_and_wait(const Worker& worker, Seconds patience) {
  kill(worker);
  WorkerState& state_now = state(worker);
  const Clock::time_point own = after(patience);
  const auto gone = [&] { return state_now.gone || agent(worker.side).channel.closed(); };
  if (pump_until(gone, std::min(own, deadline_)) && state_now.gone) return {};
  if (interrupted_ || agent(worker.side).channel.closed()) return tl::unexpected(lost(worker.side));
  if (deadline_ < own) {
    return tl::unexpected(
        Failure{Failure::Kind::kOutOfTime, "the time budget ended while a process was dying", ""});
  }
  if (!is_there(worker.side)) return tl::unexpected(lost(worker.side));
  // Only a system call that cannot be interrupted holds up SIGKILL.
  return tl::unexpected(
      Failure{Failure::Kind::kHung, "a killed process is still there after " + in_seconds(patience), ""});
}

void Session::kill_all_but(const Worker& spared) {
  for (const Side side : {Side::kA, Side::kB}) {
    for (auto& [number, worker] : agent(side).workers) {
      if (!worker.gone && number != spared.number) kill({side, number});
    }
  }
}

void Session::forgive_interruption() {
  interrupt_fd_ = -1;  // one more Ctrl-C must not keep the folder from being removed
  interrupted_ = false;
}

Outcome<void> Session::idle(Seconds pause) {
  const Clock::time_point own = after(pause);
  pump_until([] { return false; }, std::min(own, deadline_));
  if (interrupted_) return tl::unexpected(Failure{Failure::Kind::kInterrupted, "interrupted", ""});
  if (deadline_ < own) return tl::unexpected(Failure{Failure::Kind::kOutOfTime, "the time budget ended", ""});
  return {};
}

bool Session::pump_until(const std::function<bool()>& done, Clock::time_point until) {
  while (!interrupted_ && !done()) {
    const bool last = Clock::now() >= until;
    pump_once(until);  // at its end too: what has come by then counts
    if (last) return !interrupted_ && done();
  }
  return !interrupted_;
}

void Session::pump_once(Clock::time_point until) {
  // poll(2) passes over descriptors below 0.
  const auto entry_of = [](const LineChannel& channel) {
    return pollfd{.fd = channel.closed() ? -1 : channel.fd(), .events = channel.poll_events(), .revents = 0};
  };
  std::array<pollfd, 3> entries{entry_of(agent(Side::kA).channel), entry_of(agent(Side::kB).channel),
                                pollfd{.fd = interrupt_fd_, .events = POLLIN, .revents = 0}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  const auto timeout = std::clamp<std::chrono::milliseconds>(left, std::chrono::milliseconds(0), kTick);
  ::poll(entries.data(), entries.size(), static_cast<int>(timeout.count()));
  if (entries.back().revents != 0) interrupted_ = true;
  for (const Side side : {Side::kA, Side::kB}) {
    take_lines(side, entries.at(static_cast<std::size_t>(side)).revents != 0);
  }
  if (tick_handler_) tick_handler_();
}

void Session::take_lines(Side side, bool ready) {
  LineChannel& channel = agent(side).channel;
  channel.flush();
  // Not asked in vain: a check makes thousands of calls, and some kernels are slow to be asked.
  if (ready) channel.receive();
  while (const std::optional<std::string> line = channel.next_line()) take_frame(side, *line);
}

void Session::take_frame(Side side, std::string_view line) {
  const auto frame = parse_frame(line);
  if (!frame) {
    agent(side).channel.close("it sent a line that is none of ours (" + frame.error() + ")");
    return;
  }
  if (frame->verb == Verb::kReady) agent(side).protocol = frame->number;
  if (frame->verb == Verb::kPong) agent(side).last_pong = std::min(frame->number, next_ping_ - 1);
  const auto worker = agent(side).workers.find(frame->number);
  if (worker == agent(side).workers.end()) return;
  if (frame->verb == Verb::kFrom) take_message({side, frame->number}, frame->payload);
  if (frame->verb == Verb::kExit) {
    worker->second.gone = true;
    worker->second.exit = frame->payload;
    if (worker->second.forgotten) agent(side).workers.erase(worker);
  }
}

void Session::take_message(const Worker& worker, const std::string& payload) {
  std::optional<Json> parsed = parse_bounded_json(payload);
  if (!parsed || !parsed->is_object()) {
    // Not to be waited out: the call that it may have answered would look as if the storage had hung.
    agent(worker.side).channel.close("it sent a message that is none of ours");
    return;
  }
  Json& message = *parsed;
  if (const auto note = message.find("note"); note != message.end()) {
    take_note(worker, *note, payload.size());
    return;
  }
  const auto found = message.find("id");
  if (found == message.end() || !found->is_number_integer()) return;
  const auto id = found->get<std::int64_t>();
  if (state(worker).unanswered.erase(id) > 0) state(worker).replies[id] = std::move(message);
}

void Session::take_note(const Worker& worker, const Json& note, std::size_t bytes) {
  if (!note_handler_) return;
  AgentState& from = agent(worker.side);
  from.note_bytes += bytes;
  const double allowed =
      kNoteBytesAtOnce + kNoteBytesPerSecond * Seconds(Clock::now() - notes_since_).count();
  if (static_cast<double>(from.note_bytes) > allowed) {
    from.channel.close("it says more than a workload can");
    return;
  }
  try {
    note_handler_(worker, note);
  } catch (const Json::exception&) {
    from.channel.close("it noted what is none of ours");
  }
}

void Session::on_note(std::function<void(const Worker&, const Json&)> handler) {
  note_handler_ = std::move(handler);
  notes_since_ = Clock::now();
  for (AgentState& each : agents_) each.note_bytes = 0;
}

void Session::hand_over(Side side, std::string_view result, Seconds patience) {
  LineChannel& channel = agent(side).channel;
  channel.send(encode_frame({.verb = Verb::kDone, .number = 0, .payload = std::string(result)}));
  pump_until([&] { return channel.closed(); }, after(patience));
}

}  // namespace walguard::preflight
