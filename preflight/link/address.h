#ifndef WALGUARD_PREFLIGHT_LINK_ADDRESS_H_
#define WALGUARD_PREFLIGHT_LINK_ADDRESS_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <tl/expected.hpp>

namespace walguard::preflight {

/// "127.0.0.1:7000", "[::1]:7000" or "name:7000", taken apart.
struct HostPort {
  std::string host;  ///< without brackets
  std::string port;  ///< digits, 0 to 65535

  bool operator==(const HostPort&) const = default;
};

/// Pure. The error is what is wrong with the text, as the end of a sentence.
[[nodiscard]] tl::expected<HostPort, std::string> parse_host_port(std::string_view text);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// "127.0.0.1:7000", "[::1]:7000".
[[nodiscard]] std::string to_string(const SocketAddress& address);

/// An address written in digits; looks nothing up. The error is a sentence's end.
[[nodiscard]] tl::expected<SocketAddress, std::string> numeric_address(const HostPort& host_port);

/// Asks the resolver, which may block for a minute where DNS is dead: so a child process asks, and is killed
/// at `until` or when `interrupt_fd` becomes readable (-1 for never). The error says why there is no address.
[[nodiscard]] tl::expected<std::vector<SocketAddress>, std::string> resolve(
    const HostPort& host_port, std::chrono::steady_clock::time_point until, int interrupt_fd);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_ADDRESS_H_
