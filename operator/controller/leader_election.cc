#include "operator/controller/leader_election.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "operator/controller/log.h"
#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/resource.h"
#include "operator/wire/lease.h"
#include "operator/wire/timestamp.h"

namespace walguard::controller {

using std::chrono::milliseconds;

namespace {

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

std::string wall_time() {
  return wire::micro_time_text(
      std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
}

kube::ResourceType lease_type() { return {"coordination.k8s.io", "v1", "leases", true}; }

kube::ObjectName lease_name(const LeaderElectionOptions& options) {
  return {lease_type(), options.namespace_name, options.lease_name, ""};
}

milliseconds with_jitter(const LeaderElectionOptions& options) {
  thread_local std::minstd_rand generator(std::random_device{}());
  const double more = std::uniform_real_distribution<>(0.0, options.jitter)(generator);
  return options.retry_period + milliseconds(static_cast<milliseconds::rep>(
                                    more * static_cast<double>(options.retry_period.count())));
}

}  // namespace

LeaseStep next_lease_step(const LeaseView& view, const LeaderElectionOptions& options, SteadyTime now) {
  const auto& record = view.record;
  if (view.renewed_at) {
    const bool ours = record && record->holder == options.identity;
    const bool in_time = now - *view.renewed_at < options.renew_deadline;
    return ours && in_time ? LeaseStep::kRenew : LeaseStep::kLost;
  }
  if (!record) return LeaseStep::kCreate;
  // The one before us under our name is gone: a pod has one process at a time.
  if (record->holder.empty() || record->holder == options.identity) return LeaseStep::kAcquire;
  const milliseconds held_for =
      record->duration.count() > 0 ? milliseconds(record->duration) : options.lease_duration;
  return now - view.seen_at >= held_for ? LeaseStep::kAcquire : LeaseStep::kWait;
}

kube::ClientOptions lease_client_options(const LeaderElectionOptions& options) {
  kube::ClientOptions client;
  client.request_deadline = options.renew_deadline / 2;
  client.retry.attempts = 1;  // the election itself tries again, with what it has learned
  return client;
}

/// One time of leading. Its token is stopped when `stop` is, when the deadline passes without having been
/// moved on, even while a renewal is under way, or by end().
class Term {
 public:
  Term(const std::stop_token& stop, SteadyTime deadline)
      : deadline_(deadline),
        on_stop_(stop, [this] { source_.request_stop(); }),
        watching_([this] { watch(); }) {}
  Term(const Term&) = delete;
  Term& operator=(const Term&) = delete;
  ~Term() { end(); }

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  void end() { source_.request_stop(); }
  void move_deadline(SteadyTime deadline) {
    const std::lock_guard lock(mutex_);
    deadline_ = deadline;
  }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    while (!source_.stop_requested() && steady_now() < deadline_) {
      const SteadyTime until = deadline_;  // it may be moved while this waits
      changed_.wait_until(lock, source_.get_token(), until, [] { return false; });
    }
    lock.unlock();
    end();
  }

  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  SteadyTime deadline_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::jthread watching_;  // last: it uses the rest
};

LeaderElection::LeaderElection(const kube::Client& client, LeaderElectionOptions options,
                               LeaderElectionParts parts)
    : client_(client), options_(std::move(options)), parts_(std::move(parts)) {}

void LeaderElection::run(const std::stop_token& stop) {
  const kube::Waiter wait = kube::sleeping_waiter();
  while (!stop.stop_requested()) {
    if (const std::optional<SteadyTime> since = acquire(stop)) {
      lead(*since, stop);
    } else {
      (void)wait(with_jitter(options_), stop);
    }
  }
}

/// One try: since when it leads. Nothing: not now.
std::optional<SteadyTime> LeaderElection::acquire(const std::stop_token& stop) {
  if (!observe(stop)) return std::nullopt;
  const SteadyTime sent = steady_now();
  const LeaseStep step = next_lease_step(view_, options_, sent);
  if (step == LeaseStep::kWait || !write(step, stop)) return std::nullopt;
  view_.renewed_at = sent;
  return sent;
}

void LeaderElection::lead(SteadyTime since, const std::stop_token& stop) {
  say(LogLevel::kInfo, "leader election: " + options_.identity + " leads");
  leading_ = true;
  {
    Term term(stop, since + options_.renew_deadline);
    std::jthread work([&] { parts_.work(term.token()); });
    renew_until_lost(term);
    term.end();
    const SteadyTime ended = steady_now();
    work.join();
    if (steady_now() - ended > options_.lease_duration - options_.renew_deadline) {
      say(LogLevel::kError,
          "leader election: the leader's work did not end in time: another replica may have worked beside "
          "it");
    }
  }
  leading_ = false;
  view_.renewed_at.reset();
  if (stop.stop_requested()) {
    release();
  } else {
    say(LogLevel::kWarning, "leader election: " + options_.identity + " no longer leads");
  }
}

void LeaderElection::renew_until_lost(Term& term) {
  const kube::Waiter wait = kube::sleeping_waiter();
  while (wait(options_.retry_period, term.token())) {
    const SteadyTime sent = steady_now();
    if (next_lease_step(view_, options_, sent) == LeaseStep::kLost) return;
    if (write(LeaseStep::kRenew, term.token())) {
      view_.renewed_at = sent;
      term.move_deadline(sent + options_.renew_deadline);
    } else if (observe(term.token()) && next_lease_step(view_, options_, steady_now()) == LeaseStep::kLost) {
      return;  // another's, or no longer there; else it is ours and only our version of it was old
    }
  }
}

/// Bounded by the client's own deadline: the election has been stopped, and the answer is worth a moment.
void LeaderElection::release() {
  // Lost while the work came to its end, it is not ours to give back.
  if (!view_.record || view_.record->holder != options_.identity) return;
  wire::LeaseRecord given_back = *view_.record;
  given_back.holder.clear();
  given_back.duration = std::chrono::seconds(1);
  given_back.renewed = wall_time();
  const auto done = client_.patch(lease_name(options_), kube::PatchKind::kMerge,
                                  wire::lease_patch(given_back), {}, std::stop_token());
  if (done) {
    say(LogLevel::kInfo, "leader election: " + options_.identity + " has given the lease back");
  } else {
    say(LogLevel::kWarning,
        "leader election: the lease was not given back, the next leader waits until it has run out: " +
            done.error().text());
  }
}

/// Reads the lease. False: it cannot be told how it stands.
bool LeaderElection::observe(const std::stop_token& stop) {
  const auto read = client_.get(lease_name(options_), stop);
  if (!read && read.error().is_not_found()) {
    view_.record.reset();
    return true;
  }
  const auto problem = [&](const std::string& text) {
    // Once, and not every two seconds for as long as the API server is away.
    if (text != last_problem_) say(LogLevel::kWarning, "leader election: " + text);
    last_problem_ = text;
    return false;
  };
  if (!read) return stop.stop_requested() ? false : problem(read.error().text());
  auto record = wire::read_lease(*read);
  if (!record) return problem(record.error());
  last_problem_.clear();
  take(*std::move(record));
  return true;
}

void LeaderElection::take(wire::LeaseRecord record) {
  if (view_.record == record) return;
  view_.record = std::move(record);
  view_.seen_at = steady_now();
}

/// Creates, takes over or renews. False: refused, or not known whether it was done.
bool LeaderElection::write(LeaseStep step, const std::stop_token& stop) {
  wire::LeaseRecord next = view_.record.value_or(wire::LeaseRecord{});
  if (step != LeaseStep::kRenew) {
    if (step == LeaseStep::kAcquire && next.holder != options_.identity) ++next.transitions;
    next.acquired = wall_time();
  }
  next.holder = options_.identity;
  next.duration = std::chrono::ceil<std::chrono::seconds>(options_.lease_duration);
  next.renewed = wall_time();
  const auto written =
      step == LeaseStep::kCreate
          ? client_.create(lease_type(), options_.namespace_name,
                           wire::lease_object(options_.namespace_name, options_.lease_name, next),
                           kube::DryRun::kNo, stop)
          : client_.patch(lease_name(options_), kube::PatchKind::kMerge, wire::lease_patch(next), {}, stop);
  if (!written) {
    const bool another_was_first = written.error().is(409);
    if (!another_was_first && !stop.stop_requested()) {
      say(LogLevel::kWarning, "leader election: " + written.error().text());
    }
    return false;
  }
  auto record = wire::read_lease(*written);
  if (!record) return false;
  take(*std::move(record));
  return true;
}

void LeaderElection::say(LogLevel level, const std::string& line) const {
  if (parts_.log) parts_.log(level, line);
}

}  // namespace walguard::controller
