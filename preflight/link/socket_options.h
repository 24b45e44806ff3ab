#ifndef WALGUARD_PREFLIGHT_LINK_SOCKET_OPTIONS_H_
#define WALGUARD_PREFLIGHT_LINK_SOCKET_OPTIONS_H_

namespace walguard::preflight {

/// For a TCP socket between two hosts: lines go out at once (TCP_NODELAY), and a host that has vanished
/// without a word is noticed within about ten seconds (keepalive and TCP_USER_TIMEOUT, tcp(7)). That is less
/// than a check waits for an answer, so a lost host is not taken for a hanging filesystem.
void set_link_options(int socket);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_SOCKET_OPTIONS_H_
