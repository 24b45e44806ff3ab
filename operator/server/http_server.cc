#include "operator/server/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "operator/server/connection.h"
#include "operator/server/event_loop.h"
#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/listener.h"
#include "operator/server/router.h"
#include "operator/server/tls_identity.h"
#include "operator/server/unique_fd.h"
#include "operator/server/unix_listener.h"

namespace walguard::server {
namespace {

using std::chrono::milliseconds;

// Descriptors left to the rest of the process: files, pipes and sockets of its own.
constexpr std::size_t kSpareDescriptors = 128;
// Without descriptors left, accept() is tried again this much later, when the loops have closed something.
constexpr int kRetryAcceptMilliseconds = 20;

// More loops than processors only take turns, each for a slice of milliseconds: with two on one, one
// answer in a hundred took over 4 ms instead of 0.7 (docs/performance.md).
unsigned thread_count(const HttpLimits& limits) {
  constexpr int kMostLoops = 4;
  if (limits.threads != 0) return limits.threads;
  cpu_set_t usable;
  const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
  return static_cast<unsigned>(std::clamp(known ? CPU_COUNT(&usable) : 1, 1, kMostLoops));
}

std::size_t connection_limit(const HttpLimits& limits) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
    return limits.max_connections;
  const std::size_t may_open =
      std::max<std::size_t>(files.rlim_cur, 2 * kSpareDescriptors) - kSpareDescriptors;
  return std::min(limits.max_connections, may_open);
}

/// Blocks every signal for the calling thread, and so for the threads it starts, until destroyed. Signals
/// then go to the program's own threads, and a write to a closed socket is an error rather than a SIGPIPE.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpLimits limits, std::optional<TlsSource> tls, HttpLog log)
      : limits_(limits), log_(std::move(log)), router_(log_) {
    if (tls) tls_.emplace(std::move(*tls));
  }

  Router& router() { return router_; }
  tl::expected<int, std::string> start(const std::string& host, int port);
  tl::expected<void, std::string> start(const UnixSocketPlace& place);
  tl::expected<void, std::string> reload_certificate();
  tl::expected<void, std::string> use_certificate(TlsPem pem);
  bool drain(milliseconds timeout);
  HttpStats stats() const;

 private:
  tl::expected<void, std::string> serve();
  void make_loops();
  void start_threads();
  void accept_connections();
  bool accept_one();
  EventLoop& least_loaded();

  const HttpLimits limits_;
  const HttpLog log_;
  Router router_;
  std::optional<TlsIdentity> tls_;  // none: plain HTTP
  HttpCounters counters_;
  std::atomic<bool> draining_ = false;
  UniqueFd listener_;
  SocketFile socket_file_;  // none on TCP
  UniqueFd stop_accepting_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> loop_threads_;
  std::thread acceptor_;
};

tl::expected<int, std::string> HttpServer::Impl::start(const std::string& host, int port) {
  if (auto loaded = reload_certificate(); !loaded) return tl::make_unexpected(loaded.error());
  auto listener = listen_on(host, port);
  if (!listener) return tl::make_unexpected(listener.error());
  listener_ = std::move(listener->socket);
  if (auto served = serve(); !served) return tl::make_unexpected(served.error());
  return listener->port;
}

tl::expected<void, std::string> HttpServer::Impl::start(const UnixSocketPlace& place) {
  if (auto loaded = reload_certificate(); !loaded) return loaded;
  auto listener = listen_on_path(place);
  if (!listener) return tl::make_unexpected(listener.error());
  listener_ = std::move(listener->socket);
  socket_file_ = std::move(listener->file);
  return serve();
}

tl::expected<void, std::string> HttpServer::Impl::serve() {
  try {
    make_loops();
  } catch (const std::system_error& error) {
    return tl::make_unexpected(std::string("cannot start serving: ") + error.what() +
                               ". Remedy: raise the limit of open files (ulimit -n)");
  }
  start_threads();
  return {};
}

tl::expected<void, std::string> HttpServer::Impl::reload_certificate() {
  if (!tls_) return {};
  return tls_->load();
}

tl::expected<void, std::string> HttpServer::Impl::use_certificate(TlsPem pem) {
  if (!tls_) return {};
  return tls_->use(std::move(pem));
}

void HttpServer::Impl::make_loops() {
  stop_accepting_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!stop_accepting_) throw std::system_error(errno, std::generic_category(), "eventfd");
  const EventLoop::Shared shared{.limits = limits_,
                                 .router = router_,
                                 .tls = tls_ ? &*tls_ : nullptr,
                                 .log = log_,
                                 .counters = counters_,
                                 .draining = draining_};
  const unsigned threads = thread_count(limits_);
  const std::size_t share = std::max<std::size_t>(connection_limit(limits_) / threads, 1);
  for (unsigned i = 0; i < threads; ++i) loops_.push_back(std::make_unique<EventLoop>(shared, share));
}

void HttpServer::Impl::start_threads() {
  const SignalsBlocked blocked;
  for (const auto& loop : loops_) loop_threads_.emplace_back([&loop = *loop] { loop.run(); });
  acceptor_ = std::thread([this] { accept_connections(); });
}

/// Accepts until told to stop, and then what the kernel has already accepted: those clients have seen a
/// connection.
void HttpServer::Impl::accept_connections() {
  std::array<pollfd, 2> waits{pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = stop_accepting_.get(), .events = POLLIN, .revents = 0}};
  while (waits[1].revents == 0) {
    ::poll(waits.data(), waits.size(), -1);
    while (accept_one()) {
    }
  }
  // A client of ours finds no socket from here on, rather than one that is about to close on it.
  socket_file_.remove();
  while (accept_one()) {
  }
  listener_.reset();
}

bool HttpServer::Impl::accept_one() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) {
    // An answer is one write; waiting to fill a packet could only delay it. A unix socket never waits.
    const int on = 1;
    ::setsockopt(socket.get(), SOL_TCP, TCP_NODELAY, &on, sizeof on);
    counters_.accepted.fetch_add(1, std::memory_order_relaxed);
    least_loaded().adopt(std::move(socket));
    return true;
  }
  const int error = errno;
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
    if (log_)
      log_("cannot accept a connection: " + std::generic_category().message(error) + "; closing idle ones");
    for (const auto& loop : loops_) loop->shed();
    pollfd stop{.fd = stop_accepting_.get(), .events = POLLIN, .revents = 0};
    ::poll(&stop, 1, kRetryAcceptMilliseconds);
  }
  return error == ECONNABORTED || error == EINTR;
}

EventLoop& HttpServer::Impl::least_loaded() {
  return **std::min_element(loops_.begin(), loops_.end(), [](const auto& a, const auto& b) {
    return a->open_connections() < b->open_connections();
  });
}

bool HttpServer::Impl::drain(milliseconds timeout) {
  if (!acceptor_.joinable()) return true;
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  draining_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_accepting_.get(), &one, sizeof one);
  acceptor_.join();
  for (const auto& loop : loops_) loop->drain(deadline);
  for (std::thread& thread : loop_threads_) thread.join();
  return std::all_of(loops_.begin(), loops_.end(), [](const auto& loop) { return loop->cut_off() == 0; });
}

HttpStats HttpServer::Impl::stats() const {
  HttpStats stats{.threads = loops_.size(),
                  .accepted = counters_.accepted.load(std::memory_order_relaxed),
                  .requests = counters_.requests.load(std::memory_order_relaxed),
                  .failed_handshakes = counters_.failed_handshakes.load(std::memory_order_relaxed),
                  .deadlines_missed = counters_.deadlines_missed.load(std::memory_order_relaxed),
                  .evicted = counters_.evicted.load(std::memory_order_relaxed)};
  for (const auto& loop : loops_) stats.open_connections += loop->open_connections();
  return stats;
}

HttpServer::HttpServer(HttpLimits limits, std::optional<TlsSource> tls, HttpLog log)
    : impl_(std::make_unique<Impl>(limits, std::move(tls), std::move(log))) {}

HttpServer::~HttpServer() { impl_->drain(milliseconds(0)); }

tl::expected<void, std::string> HttpServer::start(const UnixSocketPlace& place) {
  return impl_->start(place);
}

void HttpServer::route(std::string method, std::string path, HttpHandler handler) {
  impl_->router().add(std::move(method), std::move(path), std::move(handler));
}

tl::expected<int, std::string> HttpServer::start(const std::string& host, int port) {
  return impl_->start(host, port);
}

tl::expected<void, std::string> HttpServer::reload_certificate() { return impl_->reload_certificate(); }

tl::expected<void, std::string> HttpServer::use_certificate(TlsPem pem) {
  return impl_->use_certificate(std::move(pem));
}

bool HttpServer::drain(milliseconds timeout) { return impl_->drain(timeout); }

HttpStats HttpServer::stats() const { return impl_->stats(); }

}  // namespace walguard::server
