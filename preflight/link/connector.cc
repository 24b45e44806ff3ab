#include "preflight/link/connector.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
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

constexpr std::chrono::milliseconds kRetryInterval{250};
constexpr std::chrono::seconds kConnectPatience{3};
constexpr std::chrono::seconds kHandshakePatience{10};

// Why an attempt failed. kLater: somebody else may be there the next time.
struct Trouble {
  enum class Kind { kLater, kForGood };
  Kind kind;
  std::string what;
};
Trouble later(std::string what) { return {Trouble::Kind::kLater, std::move(what)}; }
Trouble for_good(std::string what) { return {Trouble::Kind::kForGood, std::move(what)}; }

tl::expected<UniqueFd, Trouble> connect_socket(const SocketAddress& address, const Connecting& connecting) {
  UniqueFd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return tl::unexpected(later(errno_name(errno)));
  set_link_options(socket.get());
  const bool at_once = ::connect(socket.get(), address.get(), address.size) == 0;
  if (!at_once && errno != EINPROGRESS)
    return tl::unexpected(later(to_string(address) + ": " + errno_name(errno)));
  std::vector<pollfd> entries = {{.fd = socket.get(), .events = POLLOUT, .revents = 0}};
  const auto until = std::min(connecting.until, Clock::now() + kConnectPatience);
  if (poll_until(entries, until, connecting.interrupt_fd)) return tl::unexpected(for_good("interrupted"));
  if (entries.front().revents == 0) return tl::unexpected(later(to_string(address) + ": no answer"));
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return tl::unexpected(later(to_string(address) + ": " + errno_name(error)));
  return socket;
}

tl::expected<Conductor, Trouble> shake_hands(UniqueFd socket, const std::string& address,
                                             const Connecting& connecting) {
  LineChannel channel(std::move(socket), kMaxHandshakeLineBytes);
  ConnectingHandshake handshake(connecting.token, make_nonce(), connecting.own);
  channel.send(handshake.first_line());
  const auto until = std::min(connecting.until, Clock::now() + kHandshakePatience);
  while (Clock::now() < until) {
    channel.flush();
    channel.receive();
    while (const std::optional<std::string> line = channel.next_line()) {
      const HandshakeStep step = handshake.take(*line);
      if (!step.problem.empty()) return tl::unexpected(for_good(address + " " + step.problem));
      channel.send(step.send);
      if (!handshake.done()) continue;
      channel.set_max_line_bytes(kMaxLineBytes);
      return Conductor{std::move(channel), address, handshake.run_at_most()};
    }
    if (channel.closed()) return tl::unexpected(later(address + " hung up: " + channel.why_closed()));
    std::vector<pollfd> entries = {{.fd = channel.fd(), .events = channel.poll_events(), .revents = 0}};
    if (poll_until(entries, until, connecting.interrupt_fd)) return tl::unexpected(for_good("interrupted"));
  }
  return tl::unexpected(later(address + " did not finish its greeting in time"));
}

tl::expected<Conductor, Trouble> try_once(const Connecting& connecting) {
  const auto addresses = resolve(connecting.to, connecting.until, connecting.interrupt_fd);
  if (!addresses) return tl::unexpected(later(addresses.error()));
  Trouble last = later("no address");
  for (const SocketAddress& address : *addresses) {
    auto socket = connect_socket(address, connecting);
    if (socket) {
      auto conductor = shake_hands(*std::move(socket), to_string(address), connecting);
      if (conductor) return conductor;
      last = std::move(conductor).error();
    } else {
      last = std::move(socket).error();
    }
    if (last.kind == Trouble::Kind::kForGood) break;
  }
  return tl::unexpected(last);
}

}  // namespace

tl::expected<Conductor, std::string> connect_to_conductor(const Connecting& connecting) {
  std::string last = "there was no time to try";
  while (Clock::now() < connecting.until) {
    auto conductor = try_once(connecting);
    if (conductor) return *std::move(conductor);
    if (conductor.error().kind == Trouble::Kind::kForGood) return tl::unexpected(conductor.error().what);
    last = std::move(conductor).error().what;
    std::vector<pollfd> nothing;
    const auto next = std::min(connecting.until, Clock::now() + kRetryInterval);
    if (poll_until(nothing, next, connecting.interrupt_fd)) return tl::unexpected<std::string>("interrupted");
  }
  return tl::unexpected("no conductor to connect to (" + last + ")");
}

}  // namespace walguard::preflight
