#include "preflight/link/address.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/link/errno_name.h"
#include "preflight/link/poll.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

constexpr int kMaxPort = 65535;
constexpr std::size_t kMaxAddresses = 8;

// What the child that resolves has to say, as one write to a pipe.
struct Answer {
  int error = 0;  // of getaddrinfo
  std::size_t count = 0;
  std::array<SocketAddress, kMaxAddresses> addresses;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Answer look_up(const HostPort& host_port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  Answer answer;
  answer.error = ::getaddrinfo(host_port.host.c_str(), host_port.port.c_str(), &hints, &found);
  if (answer.error != 0) return answer;
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  for (const addrinfo* entry = found; entry != nullptr && answer.count < kMaxAddresses;
       entry = entry->ai_next) {
    SocketAddress& address = answer.addresses.at(answer.count++);
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
  }
  return answer;
}

// NOLINTNEXTLINE(misc-include-cleaner): pid_t is of sys/types.h
[[noreturn]] void resolve_as_child(pid_t parent, const HostPort& host_port, int pipe_end) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  const Answer answer = look_up(host_port, 0);
  (void)!::write(pipe_end, &answer, sizeof answer);
  ::_exit(0);
}

// One whole answer, or nothing. A pipe takes an answer's bytes in one piece (PIPE_BUF, 4096).
static_assert(sizeof(Answer) <= 4096);
std::optional<Answer> read_answer(int pipe_end, std::chrono::steady_clock::time_point until,
                                  int interrupt_fd) {
  if (!wait_readable(pipe_end, until, interrupt_fd)) return std::nullopt;
  Answer answer;
  const ssize_t got = ::read(pipe_end, &answer, sizeof answer);
  if (got != static_cast<ssize_t>(sizeof answer)) return std::nullopt;
  return answer;
}

}  // namespace

tl::expected<HostPort, std::string> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return tl::unexpected<std::string>("has no port; write ADDRESS:PORT");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) return tl::unexpected<std::string>("has no address; write ADDRESS:PORT");
  if (bracketed != (host.find(':') != std::string_view::npos)) {
    return tl::unexpected<std::string>(
        "must have an IPv6 address, and nothing else, in brackets: [::1]:7000");
  }
  int number = -1;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool whole = error == std::errc{} && end == port.data() + port.size();
  if (!whole || number < 0 || number > kMaxPort) {
    return tl::unexpected<std::string>("has no port from 0 to 65535");
  }
  return HostPort{std::string(host), std::string(port)};
}

std::string to_string(const SocketAddress& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int error = ::getnameinfo(address.get(), address.size, host.data(), host.size(), port.data(),
                                  port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (error != 0) return "an unknown address";
  const bool v6 = address.storage.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host.data()) + (v6 ? "]:" : ":") + port.data();
}

tl::expected<SocketAddress, std::string> numeric_address(const HostPort& host_port) {
  const Answer answer = look_up(host_port, AI_NUMERICHOST);
  if (answer.error != 0 || answer.count == 0) {
    return tl::unexpected<std::string>(
        "is no IP address and port of this host, such as 0.0.0.0:7000 or [::]:7000");
  }
  return answer.addresses.front();
}

tl::expected<std::vector<SocketAddress>, std::string> resolve(const HostPort& host_port,
                                                              std::chrono::steady_clock::time_point until,
                                                              int interrupt_fd) {
  if (const auto numeric = numeric_address(host_port)) return std::vector{*numeric};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected("no pipe: " + errno_name(errno));
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return tl::unexpected("cannot start a process: " + errno_name(errno));
  if (pid == 0) resolve_as_child(parent, host_port, theirs.get());
  theirs.reset();
  const std::optional<Answer> answer = read_answer(ours.get(), until, interrupt_fd);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  if (!answer) return tl::unexpected("the name " + host_port.host + " is not answered for");
  if (answer->error != 0) {
    return tl::unexpected("the name " + host_port.host +
                          " does not resolve: " + ::gai_strerror(answer->error));
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(answer->count, kMaxAddresses));
  return std::vector<SocketAddress>(answer->addresses.begin(), answer->addresses.begin() + count);
}

}  // namespace walguard::preflight
