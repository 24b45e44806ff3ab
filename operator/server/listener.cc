#include "operator/server/listener.h"

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "operator/server/unique_fd.h"

namespace walguard::server {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

UniqueFd bind_and_listen(const addrinfo& address) {
  UniqueFd socket(::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {};
  const int on = 1;
  const int off = 0;
  // NOLINTNEXTLINE(misc-include-cleaner): they are of sys/socket.h
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // "::" is to mean every address, of IPv4 too, whatever the system's default.
  if (address.ai_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0) return {};
  if (::listen(socket.get(), SOMAXCONN) != 0) return {};
  return socket;
}

int bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

tl::expected<Listener, std::string> listen_on(const std::string& host, int port) {
  const std::string where = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failure =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    return tl::make_unexpected("cannot listen on " + where + ": " + ::gai_strerror(failure) +
                               ". Remedy: give an address of this machine, or none to listen on all");
  }
  const Addresses addresses(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    UniqueFd socket = bind_and_listen(*address);
    if (!socket) {
      error = errno;
      continue;
    }
    const int bound = bound_port(socket.get());
    return Listener{std::move(socket), bound};
  }
  return tl::make_unexpected("cannot listen on " + where + ": " + std::generic_category().message(error) +
                             ". Remedy: choose a free port of this machine, above 1023 unless run as root");
}

}  // namespace walguard::server
