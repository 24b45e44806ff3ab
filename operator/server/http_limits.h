#pragma once

#include <chrono>
#include <cstddef>

namespace walguard::server {

/// What one server grants its clients. The defaults are what walguard ships and is measured with.
struct HttpLimits {
  /// The longest body. The API server itself allows objects of 3 MiB, and a review can hold the old and the
  /// new one.
  std::size_t body_bytes = std::size_t{7} * 1024 * 1024;
  /// The longest head (request line and header fields).
  std::size_t head_bytes = std::size_t{64} * 1024;
  /// From the first byte of a request to its last; and, each on its own, for the TLS handshake and for taking
  /// the answer. An API server gives a webhook 10 s by default and 30 s at most.
  std::chrono::milliseconds request_deadline{10'000};
  /// How long a connection may wait for its next request. API servers keep theirs for 90 s, and the side that
  /// sends requests should be the one to close, else a request crosses our close on the wire.
  std::chrono::milliseconds idle_keep_alive{120'000};
  /// Connections open at once. At the limit the longest idle one makes room for the new one. Less where the
  /// process may not open that many files.
  std::size_t max_connections = 1024;
  /// Threads that serve; 0 takes one for each CPU this process may run on (sched_getaffinity(2)), at most 4:
  /// a request is microseconds of work, and a container sees the CPUs of its whole node.
  unsigned threads = 0;
};

}  // namespace walguard::server
