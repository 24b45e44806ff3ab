#include "preflight/link/socket_options.h"

#include <array>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace walguard::preflight {
namespace {

struct Option {
  int level;
  int name;
  int value;
};
constexpr std::array<Option, 6> kOptions = {{{SOL_TCP, TCP_NODELAY, 1},
                                             {SOL_SOCKET, SO_KEEPALIVE, 1},
                                             {SOL_TCP, TCP_KEEPIDLE, 4},   // seconds
                                             {SOL_TCP, TCP_KEEPINTVL, 2},  // seconds
                                             {SOL_TCP, TCP_KEEPCNT, 3},
                                             {SOL_TCP, TCP_USER_TIMEOUT, 10'000}}};  // milliseconds

}  // namespace

void set_link_options(int socket) {
  // One that this kernel lacks (a sandbox may) makes the run slower to notice trouble, not wrong.
  for (const Option& option : kOptions) {
    (void)::setsockopt(socket, option.level, option.name, &option.value, sizeof option.value);
  }
}

}  // namespace walguard::preflight
