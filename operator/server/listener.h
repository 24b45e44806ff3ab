#pragma once

#include <string>

#include <tl/expected.hpp>

#include "operator/server/unique_fd.h"

namespace walguard::server {

struct Listener {
  UniqueFd socket;  ///< non-blocking
  int port = 0;
};

/// Listens on `host` (a name, an address, or "" for every address) and `port` (0: any free one). Resolving a
/// name may block. The error names the address and a remedy.
[[nodiscard]] tl::expected<Listener, std::string> listen_on(const std::string& host, int port);

}  // namespace walguard::server
