#include "preflight/link/listener.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <tl/expected.hpp>

#include "preflight/link/address.h"
#include "preflight/link/errno_name.h"
#include "preflight/link/handshake.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/poll.h"
#include "preflight/link/socket_options.h"
#include "preflight/link/token.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxCandidates = 8;
constexpr std::size_t kRefusalsNamed = 3;
constexpr std::chrono::seconds kHearing{10};
constexpr int kBacklog = 16;

}  // namespace

tl::expected<Listener, std::string> Listener::open(const HostPort& address) {
  const auto where = numeric_address(address);
  if (!where) return tl::unexpected(where.error());
  UniqueFd socket(::socket(where->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return tl::unexpected("cannot be listened on: " + errno_name(errno));
  // Connections of an earlier run linger for a minute after their end, and must not keep this one away.
  const int yes = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.get(), where->get(), where->size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return tl::unexpected("cannot be listened on: " + errno_name(errno));
  }
  return Listener(std::move(socket));
}

std::string Listener::address() const {
  SocketAddress own;
  own.size = sizeof own.storage;
  if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) return {};
  return to_string(own);
}

tl::expected<Peer, std::string> Listener::await_peer(const Waiting& waiting) {
  while (Clock::now() < waiting.until) {
    std::vector<pollfd> entries = {{.fd = socket_.get(), .events = POLLIN, .revents = 0}};
    Clock::time_point next = waiting.until;
    for (const Candidate& candidate : candidates_) {
      const LineChannel& channel = candidate.channel;
      entries.push_back({.fd = channel.fd(), .events = channel.poll_events(), .revents = 0});
      next = std::min(next, candidate.until);
    }
    if (poll_until(entries, next, waiting.interrupt_fd)) return tl::unexpected<std::string>("interrupted");
    accept_all(waiting);
    for (std::size_t i = 0; i < candidates_.size();) {
      Candidate& candidate = candidates_[i];
      const std::string problem = hear(candidate);
      if (candidate.handshake.done()) {
        candidate.channel.set_max_line_bytes(kMaxLineBytes);
        Peer peer{std::move(candidate.channel), candidate.handshake.peer(), candidate.address};
        candidates_.clear();
        socket_.reset();  // one is enough: who else knocks is turned away by the kernel
        return peer;
      }
      if (problem.empty()) {
        ++i;
        continue;
      }
      refuse(waiting, candidate.address, problem);
      candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return tl::unexpected(nobody_came());
}

void Listener::accept_all(const Waiting& waiting) {
  while (true) {
    SocketAddress from;
    from.size = sizeof from.storage;
    UniqueFd socket(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from.storage), &from.size,
                              SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid()) return;
    set_link_options(socket.get());
    if (candidates_.size() == kMaxCandidates) {
      refuse(waiting, candidates_.front().address, "had to make room for the next");
      candidates_.erase(candidates_.begin());
    }
    candidates_.push_back({LineChannel(std::move(socket), kMaxHandshakeLineBytes),
                           ListeningHandshake(waiting.token, make_nonce(), waiting.run_at_most),
                           to_string(from), Clock::now() + kHearing});
  }
}

std::string Listener::hear(Candidate& candidate) {
  candidate.channel.flush();
  candidate.channel.receive();
  while (!candidate.handshake.done()) {
    const std::optional<std::string> line = candidate.channel.next_line();
    if (!line) break;
    const HandshakeStep step = candidate.handshake.take(*line);
    if (!step.send.empty()) candidate.channel.send(step.send);
    if (!step.problem.empty()) return step.problem;
  }
  if (candidate.handshake.done()) return {};
  if (candidate.channel.closed()) return "did not finish its greeting: " + candidate.channel.why_closed();
  if (Clock::now() >= candidate.until) return "did not finish its greeting in time";
  return {};
}

void Listener::refuse(const Waiting& waiting, const std::string& address, const std::string& problem) {
  ++refusals_;
  if (refused_.size() == kRefusalsNamed) return;
  refused_.push_back(address + " " + problem);
  waiting.on_refusal(refused_.back());
}

std::string Listener::nobody_came() const {
  std::string text = "the other host did not come to " + address();
  for (const std::string& refused : refused_)
    text += (&refused == &refused_.front() ? "; refused: " : ", ") + refused;
  if (refusals_ > refused_.size()) text += ", and " + std::to_string(refusals_ - refused_.size()) + " more";
  return text;
}

}  // namespace walguard::preflight
