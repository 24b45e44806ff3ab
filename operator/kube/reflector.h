/// Keeps a copy of one resource up to date: list, then watch for as long as it goes, then what reflector_plan
/// says.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector_plan.h"
#include "operator/kube/resource.h"

namespace walguard::kube {

/// Holds the copy. Called from the reflector's thread alone; must not throw.
class ObjectSink {
 public:
  ObjectSink() = default;
  ObjectSink(const ObjectSink&) = delete;
  ObjectSink& operator=(const ObjectSink&) = delete;
  virtual ~ObjectSink() = default;

  /// A list begins. It takes the place of everything held, but only at end_list; where begin_list comes again
  /// before that, the list was broken off and what was put since counts for nothing.
  virtual void begin_list() = 0;
  virtual void end_list() = 0;
  /// Part of the list under way; outside of one, an object that was added or has changed.
  virtual void put(const ObjectView& object) = 0;
  /// Never within a list. The object is as it was at its end.
  virtual void remove(const ObjectView& object) = 0;
};

/// What a reader of the copy must know to say how old it may be.
struct ReflectorHealth {
  using TimePoint = std::chrono::steady_clock::time_point;
  bool listed = false;  ///< a whole list has been taken once; before that the copy is empty and means nothing
  /// When the server last confirmed the copy, by a whole list, an event, a bookmark or a watch that ended in
  /// good order. The last is all there is of a resource that does not change: an API server sends no bookmark
  /// that says nothing new (k8s.io/apiserver, storage/cacher: cacheWatcher.process).
  std::optional<TimePoint> last_contact;
  int failures = 0;           ///< in a row; 0 while all is well
  std::string last_error;     ///< of the last failure, "" where none has been
  std::uint64_t lists = 0;    ///< whole ones
  std::uint64_t watches = 0;  ///< begun
  std::uint64_t events = 0;   ///< without bookmarks
};

struct ReflectorOptions {
  ReflectorPolicy policy;
  /// Of a watch; up to twice that, so that not all end at once. Short, since its end is what confirms a copy
  /// in which nothing happens.
  std::chrono::seconds server_timeout{30};
  /// Of the first watch after a failure: the copy may have been cut off, and is to be confirmed soon.
  std::chrono::seconds first_timeout{5};
  std::chrono::milliseconds silence{90'000};  ///< no byte for so long, past the end of any watch: a dead one
  Waiter wait = sleeping_waiter();
  std::function<double()> chance;  ///< in [0, 1); nullptr: a generator of its own
  std::function<void(const ApiError&)> on_problem = [](const ApiError&) {};  ///< for the log
};

class Reflector {
 public:
  /// `client` and `sink` must outlive it.
  Reflector(const Client& client, ResourceType type, Selection selection, ObjectSink& sink,
            ReflectorOptions options = {});

  /// Blocks until `stop` is requested. Called once, by the one thread that then also calls the sink.
  void run(const std::stop_token& stop);

  /// Thread-safe; never waits for the network.
  [[nodiscard]] ReflectorHealth health() const;
  [[nodiscard]] const ResourceType& type() const { return type_; }

 private:
  [[nodiscard]] ReflectorState list(ReflectorState state, const std::stop_token& stop);
  [[nodiscard]] ReflectorState watch(ReflectorState state, const std::stop_token& stop);
  void take(const WatchEvent& event);
  void confirm();
  void report(const ApiError& error);

  const Client& client_;
  const ResourceType type_;
  const Selection selection_;
  ObjectSink& sink_;
  const ReflectorOptions options_;
  mutable std::mutex mutex_;
  ReflectorHealth health_;
};

}  // namespace walguard::kube
