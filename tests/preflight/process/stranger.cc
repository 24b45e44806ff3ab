#include "tests/preflight/process/stranger.h"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "preflight/link/address.h"
#include "preflight/link/handshake.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/poll.h"
#include "preflight/link/token.h"
#include "preflight/link/unique_fd.h"

namespace walguard::testing_support {
namespace {

using preflight::UniqueFd;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};

preflight::SocketAddress address_of(const std::string& text) {
  return preflight::numeric_address(preflight::parse_host_port(text).value()).value();
}

UniqueFd connected_to(const std::string& text) {
  const preflight::SocketAddress address = address_of(text);
  UniqueFd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), address.get(), address.size) != 0)
    throw std::runtime_error("no connection: " + text);
  return socket;
}

}  // namespace

Stranger::Stranger(UniqueFd socket) : channel_(std::move(socket)) {}
Stranger::Stranger(const std::string& address) : Stranger(connected_to(address)) {}

bool Stranger::say(const std::string& bytes) {
  std::string_view left = bytes;
  while (!left.empty()) {
    const ssize_t sent = ::send(channel_.fd(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) left.remove_prefix(static_cast<std::size_t>(sent));
    if (sent > 0) continue;
    if (errno != EAGAIN) return false;
    std::vector<pollfd> entries = {{.fd = channel_.fd(), .events = POLLOUT, .revents = 0}};
    (void)preflight::poll_until(entries, Clock::now() + kPatience, -1);
  }
  return true;
}

std::optional<std::string> Stranger::hear() {
  const auto give_up = Clock::now() + kPatience;
  while (true) {
    if (auto line = channel_.next_line()) return line;
    if (channel_.closed() || Clock::now() > give_up) return std::nullopt;
    (void)preflight::wait_readable(channel_.fd(), give_up, -1);
    channel_.receive();
  }
}

bool Stranger::has_been_hung_up_on() {
  while (hear()) continue;
  return channel_.closed();
}

bool Stranger::join(const std::string& token_text, const std::string& dir) {
  const preflight::Token token = preflight::Token::from(token_text).value();
  preflight::ConnectingHandshake handshake(token, preflight::make_nonce(), {.dir = dir, .node = "a-test"});
  say(handshake.first_line() + "\n");
  while (!handshake.done()) {
    const auto line = hear();
    if (!line) return false;
    const preflight::HandshakeStep step = handshake.take(*line);
    if (!step.problem.empty()) return false;
    say(step.send + "\n");
  }
  return true;
}

bool Stranger::welcome(const std::string& token_text) {
  const preflight::Token token = preflight::Token::from(token_text).value();
  preflight::ListeningHandshake handshake(token, preflight::make_nonce(), std::chrono::seconds(60));
  while (!handshake.done()) {
    const auto line = hear();
    if (!line) return false;
    const preflight::HandshakeStep step = handshake.take(*line);
    if (!step.problem.empty()) return false;
    if (!step.send.empty()) say(step.send + "\n");
  }
  return true;
}

Door::Door() {
  const preflight::SocketAddress any = address_of("127.0.0.1:0");
  socket_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(socket_.get(), any.get(), any.size) != 0 || ::listen(socket_.get(), 4) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
}

std::string Door::address() const {
  preflight::SocketAddress own;
  own.size = sizeof own.storage;
  ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size);
  return to_string(own);
}

Stranger Door::open() {
  if (!preflight::wait_readable(socket_.get(), Clock::now() + kPatience, -1)) {
    throw std::runtime_error("nobody came");
  }
  return Stranger(UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
}

}  // namespace walguard::testing_support
