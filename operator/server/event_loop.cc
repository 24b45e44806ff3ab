#include "operator/server/event_loop.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "operator/server/connection.h"
#include "operator/server/http_limits.h"
#include "operator/server/tls_identity.h"
#include "operator/server/transport.h"
#include "operator/server/unique_fd.h"

namespace walguard::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Phase = Connection::Phase;

// How long the rest of a refused request is thrown away before the connection is cut.
constexpr milliseconds kLinger{2'000};

milliseconds time_allowed(Phase phase, const HttpLimits& limits) {
  switch (phase) {
    case Phase::kIdle:
      return limits.idle_keep_alive;
    case Phase::kLingering:
      return std::min(kLinger, limits.request_deadline);
    case Phase::kHandshake:
    case Phase::kReading:
    case Phase::kWriting:
    case Phase::kClosed:
      break;
  }
  return limits.request_deadline;
}

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(fd);
}

}  // namespace

struct EventLoop::Member {
  Connection connection;
  Phase phase = Phase::kHandshake;  // the list it stands in
  SteadyTime since = {};            // of the entry into that list
  std::uint32_t interest = EPOLLIN;
  Members::iterator self = {};
};

EventLoop::EventLoop(const Shared& shared, std::size_t max_connections)
    : shared_(shared),
      max_connections_(max_connections),
      context_{.limits = shared_.limits,
               .router = shared_.router,
               .counters = shared_.counters,
               .input = input_,
               .draining = shared_.draining},
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wakeup_(checked(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

EventLoop::~EventLoop() = default;

template <class Change>
void EventLoop::order(Change change) {
  {
    const std::lock_guard lock(orders_mutex_);
    change(orders_);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written =
      ::write(wakeup_.get(), &one, sizeof one);  // fails only when already full
}

void EventLoop::adopt(UniqueFd socket) {
  open_.fetch_add(1, std::memory_order_relaxed);  // now, so that the acceptor's next choice sees it
  order([&](Orders& orders) { orders.adopted.push_back(std::move(socket)); });
}

void EventLoop::shed() {
  order([](Orders& orders) { orders.shed = true; });
}

void EventLoop::drain(SteadyTime deadline) {
  order([&](Orders& orders) { orders.drain_until = deadline; });
}

void EventLoop::run() {
  while (!drain_until_ || open_connections() > 0) {
    serve_events();
    expire();
    if (drain_until_ && steady_clock::now() >= *drain_until_) cut_the_rest();
  }
}

void EventLoop::serve_events() {
  std::array<epoll_event, 64> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_milliseconds());
  bool ordered = false;
  for (int i = 0; i < count; ++i) {
    auto* member = static_cast<Member*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (member != nullptr) {
      visit(*member);
    } else {
      ordered = true;
    }
  }
  for (Member* member : std::exchange(another_turn_, {})) visit(*member);
  // Last, since orders may close connections that `events` still points to.
  if (ordered) carry_out_orders();
}

void EventLoop::carry_out_orders() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto bytes = ::read(wakeup_.get(), &count, sizeof count);
  Orders orders;
  {
    const std::lock_guard lock(orders_mutex_);
    std::swap(orders, orders_);
  }
  for (UniqueFd& socket : orders.adopted) add(std::move(socket));
  if (orders.shed) make_room();
  if (orders.drain_until) begin_drain(*orders.drain_until);
}

void EventLoop::add(UniqueFd socket) {
  if (open_connections() > max_connections_) make_room();
  const int fd = socket.get();
  SslPtr ssl = shared_.tls != nullptr ? shared_.tls->new_connection(fd) : nullptr;
  if (shared_.tls != nullptr && !ssl) {
    if (shared_.log)
      shared_.log("a connection was dropped: there is no certificate yet, or no memory for it");
    open_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  Members& list = members_in(Phase::kHandshake);
  Member& member = list.emplace_back(
      Member{.connection = Connection(Transport(std::move(socket), std::move(ssl)), context_)});
  member.self = std::prev(list.end());
  member.since = member.connection.since();
  epoll_event event{.events = member.interest, .data = {.ptr = &member}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return remove(member);
  visit(member);  // its first bytes are often here already
}

void EventLoop::visit(Member& member) { settle(member, member.connection.advance()); }

/// Brings our books in line with what the connection has become.
void EventLoop::settle(Member& member, Connection::Need need) {
  const Connection& connection = member.connection;
  if (connection.phase() == Phase::kClosed) return remove(member);
  if (connection.phase() != member.phase || connection.since() != member.since) {
    Members& to = members_in(connection.phase());
    to.splice(to.end(), members_in(member.phase), member.self);
    member.phase = connection.phase();
    member.since = connection.since();
  }
  if (need == Connection::Need::kAnotherTurn) return another_turn_.push_back(&member);
  const std::uint32_t interest = need == Connection::Need::kWritable ? EPOLLOUT : EPOLLIN;
  if (interest == member.interest) return;
  member.interest = interest;
  epoll_event event{.events = interest, .data = {.ptr = &member}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd(), &event) != 0) remove(member);
}

void EventLoop::remove(Member& member) {
  std::erase(another_turn_, &member);
  // Closing would take the socket out of epoll only if nobody else held it open, and a child that is being
  // started does until its exec: its next event would then point to a member that is gone (epoll(7), Q6).
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, member.connection.fd(), nullptr);
  members_in(member.phase).erase(member.self);
  open_.fetch_sub(1, std::memory_order_relaxed);
}

/// Idle connections first: their clients lose least and know that it can happen.
void EventLoop::make_room() {
  for (const Phase phase :
       {Phase::kIdle, Phase::kLingering, Phase::kHandshake, Phase::kReading, Phase::kWriting}) {
    Members& list = members_in(phase);
    if (list.empty()) continue;
    shared_.counters.evicted.fetch_add(1, std::memory_order_relaxed);
    list.front().connection.close();
    return remove(list.front());
  }
}

void EventLoop::begin_drain(SteadyTime deadline) {
  drain_until_ = deadline;
  std::vector<Member*> everyone;
  for (Members& list : members_) {
    for (Member& member : list) everyone.push_back(&member);
  }
  for (Member* member : everyone) {
    member->connection.finish();
    visit(*member);
  }
}

void EventLoop::cut_the_rest() {
  for (Members& list : members_) {
    cut_off_ += list.size();
    open_.fetch_sub(list.size(), std::memory_order_relaxed);
    list.clear();
  }
  another_turn_.clear();
}

void EventLoop::expire() {
  const SteadyTime now = steady_clock::now();
  for (Members& list : members_) {
    while (!list.empty() && list.front().since + time_allowed(list.front().phase, shared_.limits) <= now) {
      list.front().connection.expire();
      remove(list.front());
    }
  }
}

int EventLoop::wait_milliseconds() const {
  if (!another_turn_.empty()) return 0;
  std::optional<SteadyTime> next = drain_until_;
  for (const Members& list : members_) {
    if (list.empty()) continue;
    const SteadyTime due = list.front().since + time_allowed(list.front().phase, shared_.limits);
    next = next ? std::min(*next, due) : due;
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - steady_clock::now());
  return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 3'600'000));
}

}  // namespace walguard::server
