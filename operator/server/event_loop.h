#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

#include "operator/server/connection.h"
#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/router.h"
#include "operator/server/tls_identity.h"
#include "operator/server/unique_fd.h"

namespace walguard::server {

/// One thread's share of the connections: waits for their sockets with epoll, lets each go on when it can,
/// and ends those whose time is over.
///
/// run() is that thread. adopt(), drain(), shed() and open_connections() may be called from any other.
class EventLoop {
 public:
  /// What all loops of a server share; must outlive them. A null `tls` means plain HTTP.
  struct Shared {
    const HttpLimits& limits;
    const Router& router;
    const TlsIdentity* tls;
    const HttpLog& log;
    HttpCounters& counters;
    const std::atomic<bool>& draining;
  };

  /// `max_connections`: this loop's share of the limit. Throws std::system_error when the kernel gives no
  /// epoll.
  EventLoop(const Shared& shared, std::size_t max_connections);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Serves until a drain is over.
  void run();

  /// Takes over an accepted, non-blocking socket.
  void adopt(UniqueFd socket);
  /// Closes the connection that matters least, to free its file descriptor.
  void shed();
  /// Makes run() answer what is under way, close the rest and return; by `deadline` at the latest.
  void drain(SteadyTime deadline);

  [[nodiscard]] std::size_t open_connections() const { return open_.load(std::memory_order_relaxed); }
  /// After run() has returned: connections that the drain's deadline cut off.
  [[nodiscard]] std::size_t cut_off() const { return cut_off_; }

 private:
  struct Member;
  using Members = std::list<Member>;

  struct Orders {
    std::vector<UniqueFd> adopted;
    bool shed = false;
    std::optional<SteadyTime> drain_until;
  };

  template <class Change>
  void order(Change change);
  void serve_events();
  void carry_out_orders();
  void add(UniqueFd socket);
  void visit(Member& member);
  void settle(Member& member, Connection::Need need);
  void remove(Member& member);
  void make_room();
  void begin_drain(SteadyTime deadline);
  void cut_the_rest();
  void expire();
  [[nodiscard]] int wait_milliseconds() const;

  Members& members_in(Connection::Phase phase) { return members_[static_cast<std::size_t>(phase)]; }

  const Shared shared_;
  const std::size_t max_connections_;
  std::array<char, 16384> input_{};  // one TLS record
  LoopContext context_;
  UniqueFd epoll_;
  UniqueFd wakeup_;

  // By phase. All of a phase have the same time allowed, so each list, in order of entry, is in order of
  // deadline: the front expires first. The front of kIdle is the longest idle.
  std::array<Members, Connection::kPhases> members_;
  std::vector<Member*> another_turn_;  // have input that epoll does not know of
  std::optional<SteadyTime> drain_until_;
  std::size_t cut_off_ = 0;

  std::atomic<std::size_t> open_ = 0;
  std::mutex orders_mutex_;
  Orders orders_;  // guarded by orders_mutex_
};

}  // namespace walguard::server
