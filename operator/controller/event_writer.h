/// Writes Events for people who run `kubectl describe`, without ever holding up or failing those who have
/// something to say.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>

#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/kube/client.h"
#include "operator/wire/event.h"

namespace walguard::controller {

/// Defaults for one object as client-go's EventSourceObjectSpamFilter has them.
struct EventLimits {
  core::UtcSeconds repeat_after = 300;  ///< the same words about the same object are counted so often at most
  int burst = 25;                       ///< Events about one object at once
  core::UtcSeconds refill = 300;        ///< and one more so often
  std::size_t objects = 4096;           ///< remembered at most; more are forgotten, oldest first
};

/// Which notes are worth a request. Time is passed in. Used by one thread.
class EventFilter {
 public:
  explicit EventFilter(EventLimits limits) : limits_(limits) {}

  [[nodiscard]] bool admit(const wire::EventNote& note, core::UtcSeconds now);

 private:
  struct ObjectBudget {
    int left = 0;
    core::UtcSeconds refilled_at = 0;
    std::unordered_map<std::string, core::UtcSeconds> said;  // name of the Event -> when last
  };
  [[nodiscard]] ObjectBudget& budget_of(const std::string& uid, core::UtcSeconds now);
  void forget_oldest();

  const EventLimits limits_;
  std::unordered_map<std::string, ObjectBudget> objects_;  // by uid
};

struct EventWriterOptions {
  std::string reporter;  ///< the pod's name
  EventLimits limits;
  std::size_t longest_queue = 512;  ///< notes that wait; what comes on top is dropped
};

/// The first of equal notes makes an Event, later ones raise its count, also after a restart and by another
/// replica: its name follows from what it says. Thread-safe. A note that cannot be written is lost, with a
/// line in the log: Events are told for comfort, the truth stands in statuses.
///
/// Needs of the API: core/v1 Events create, get, patch, in all namespaces.
class EventWriter {
 public:
  /// `client` must outlive it.
  EventWriter(const kube::Client& client, EventWriterOptions options, LogLine log,
              std::function<core::UtcSeconds()> now);
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;
  /// Ends a request under way; what waits is lost.
  ~EventWriter() = default;

  /// Returns at once.
  void post(wire::EventNote note);

  /// Notes lost to a full queue or a refusal of the API server.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  void run(const std::stop_token& stop);
  void write(const wire::EventNote& note, const std::stop_token& stop);
  void count_again(const wire::EventNote& note, const std::stop_token& stop);
  void lose(const std::string& why);

  const kube::Client& client_;
  const EventWriterOptions options_;
  const LogLine log_;
  const std::function<core::UtcSeconds()> now_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<wire::EventNote> queue_;
  std::uint64_t lost_ = 0;
  EventFilter filter_;        // of the writing thread
  std::string last_problem_;  // likewise
  std::jthread writing_;      // last: it uses the rest
};

}  // namespace walguard::controller
