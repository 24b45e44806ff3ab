#include "operator/server/connection.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "operator/server/http_codec.h"
#include "operator/server/http_message.h"
#include "operator/server/transport.h"

namespace walguard::server {
namespace {

// Steps (mostly: TLS records of up to 16 KiB) a connection may take before others get a turn: about a
// millisecond.
constexpr int kStepsPerTurn = 128;
// An idle connection keeps no more buffer than this.
constexpr std::size_t kIdleBuffer = 1024;

}  // namespace

Connection::Connection(Transport transport, LoopContext& loop)
    : transport_(std::move(transport)),
      loop_(loop),
      parser_(loop.limits),
      since_(std::chrono::steady_clock::now()) {}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = std::chrono::steady_clock::now();
  need_ = Need::kReadable;
  if (phase == Phase::kIdle && unparsed_.empty() && unparsed_.capacity() > kIdleBuffer)
    std::string().swap(unparsed_);
}

Connection::Need Connection::advance() {
  for (int steps = 0; steps < kStepsPerTurn; ++steps) {
    if (!step()) return need_;
  }
  return Need::kAnotherTurn;
}

/// True when there may be more to do at once; else need_ or the phase kClosed says what comes next.
bool Connection::step() {
  switch (phase_) {
    case Phase::kHandshake:
      return step_handshake();
    case Phase::kIdle:
    case Phase::kReading:
      return step_read();
    case Phase::kWriting:
      return step_write();
    case Phase::kLingering:
      return step_discard();
    case Phase::kClosed:
      break;
  }
  return false;
}

bool Connection::wait_or_close(IoStatus status) {
  if (status == IoStatus::kClosed) enter(Phase::kClosed);
  need_ = status == IoStatus::kWantWrite ? Need::kWritable : Need::kReadable;
  return false;
}

bool Connection::step_handshake() {
  const IoResult result = transport_.handshake();
  if (result.status == IoStatus::kDone) {
    enter(Phase::kIdle);
    return true;
  }
  if (result.status == IoStatus::kClosed) {
    loop_.counters.failed_handshakes.fetch_add(1, std::memory_order_relaxed);
    if (transport_.peer_speaks_plain_http()) {
      loop_.output.clear();
      append_response(loop_.output, {.status = 400, .body = "walguard: this port speaks HTTPS\n"},
                      {.keep_alive = false});
      transport_.write_plain(loop_.output);
    }
  }
  return wait_or_close(result.status);
}

bool Connection::step_read() {
  const IoResult result = transport_.read(loop_.input);
  if (result.status != IoStatus::kDone) return wait_or_close(result.status);
  take_in({loop_.input.data(), result.bytes});
  // The socket tells when more comes, so a read only to learn that there is nothing would be a wasted system
  // call. What TLS has already taken in it does not tell.
  if (phase_ == Phase::kIdle || phase_ == Phase::kReading) return transport_.has_buffered_input();
  return phase_ == Phase::kLingering;
}

bool Connection::step_write() {
  while (sent_ < unsent_.size()) {
    const IoResult result = transport_.write(std::string_view(unsent_).substr(sent_));
    if (result.status != IoStatus::kDone) return wait_or_close(result.status);
    sent_ += result.bytes;
  }
  std::string().swap(unsent_);
  sent_ = 0;
  finish_answer();
  take_in({});  // requests that came behind the one just answered
  return true;
}

bool Connection::step_discard() {
  const IoResult result = transport_.discard(loop_.input);
  return result.status == IoStatus::kDone || wait_or_close(result.status);
}

void Connection::take_in(std::string_view bytes) {
  if (unparsed_.empty()) {
    unparsed_.assign(bytes.substr(parse(bytes)));
  } else {
    unparsed_ += bytes;
    unparsed_.erase(0, parse(unparsed_));
  }
}

/// Serves every whole request in `input`; returns how much of it is dealt with.
std::size_t Connection::parse(std::string_view input) {
  std::size_t used = 0;
  while (used < input.size() && (phase_ == Phase::kIdle || phase_ == Phase::kReading)) {
    if (phase_ == Phase::kIdle) enter(Phase::kReading);
    const RequestParser::Step step = parser_.feed(input.substr(used));
    used += step.used;
    switch (step.state) {
      case RequestParser::State::kIncomplete:
        if (parser_.take_expectation()) send_continue();
        return used;
      case RequestParser::State::kComplete:
        answer();
        break;
      case RequestParser::State::kRefused:
        refuse(step.status, step.reason);
        break;
    }
  }
  return used;
}

void Connection::answer() {
  const HttpRequest request = parser_.request();
  const HttpResponse response = loop_.router.respond(request);
  // Asked after the handler has run: a drain that began meanwhile is told to the client, which then
  // reconnects.
  close_after_answer_ = loop_.draining.load(std::memory_order_relaxed) || !parser_.keep_alive();
  loop_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  loop_.output.clear();
  append_response(loop_.output, response,
                  {.keep_alive = !close_after_answer_,
                   .head_only = request.method == "HEAD",
                   .version = parser_.version()});
  parser_.reset();
  send(loop_.output);
}

void Connection::refuse(int status, std::string_view reason) {
  loop_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  close_after_answer_ = true;
  input_remains_ = true;
  loop_.output.clear();
  append_response(loop_.output, {.status = status, .body = "walguard: " + std::string(reason) + "\n"},
                  {.keep_alive = false});
  parser_.reset();
  send(loop_.output);
}

void Connection::send_continue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  // A socket that has no room for these few bytes belongs to a client that does not read its answers.
  if (transport_.write(kContinue).bytes != kContinue.size()) enter(Phase::kClosed);
}

void Connection::send(std::string_view response) {
  while (!response.empty()) {
    const IoResult result = transport_.write(response);
    if (result.status == IoStatus::kClosed) return enter(Phase::kClosed);
    if (result.status != IoStatus::kDone) {
      unsent_.assign(response);
      enter(Phase::kWriting);
      wait_or_close(result.status);
      return;
    }
    response.remove_prefix(result.bytes);
  }
  finish_answer();
}

void Connection::finish_answer() {
  if (!close_after_answer_) return enter(Phase::kIdle);
  transport_.send_end();
  // Closing a socket with unread input resets the connection, and the reset can overtake the answer.
  enter(input_remains_ ? Phase::kLingering : Phase::kClosed);
}

void Connection::expire() {
  if (phase_ != Phase::kLingering && phase_ != Phase::kIdle) {
    loop_.counters.deadlines_missed.fetch_add(1, std::memory_order_relaxed);
  }
  if (phase_ == Phase::kReading) refuse(408, "the request took too long");
  if (phase_ == Phase::kIdle) transport_.send_end();
  enter(Phase::kClosed);
}

void Connection::finish() {
  if (phase_ == Phase::kIdle || phase_ == Phase::kHandshake) advance();
  if (phase_ == Phase::kIdle || (phase_ == Phase::kHandshake && !transport_.handshake_begun())) close();
}

void Connection::close() {
  transport_.send_end();
  enter(Phase::kClosed);
}

}  // namespace walguard::server
