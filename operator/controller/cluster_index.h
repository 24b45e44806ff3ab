/// What the API server holds, in memory and up to date: one reflector for each resource feeds one
/// ClusterState.
///
/// How fresh it is, it says itself. A kind that was never listed, or that nothing has been heard of for
/// `stale_after`, is not current in the ClusterState, and no volume is then judged safe by it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "operator/controller/change_signal.h"
#include "operator/controller/log.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/kube/client.h"
#include "operator/kube/reflector.h"
#include "operator/kube/resource.h"

namespace walguard::controller {

struct ClusterIndexOptions {
  kube::ReflectorOptions reflector;  ///< for each; its `on_problem` is the index's own
  /// Longer than a watch lasts and than a dead one goes unnoticed.
  std::chrono::milliseconds stale_after{120'000};
  std::chrono::milliseconds check_every{1'000};  ///< how often the age of every kind is looked at
  LogLine log;
};

/// One resource of the index, for /readyz and metrics.
struct IndexedResource {
  std::string name;      ///< "pods"
  bool listed = false;   ///< a whole list has been taken once
  bool current = false;  ///< listed, and heard of lately
  std::optional<std::chrono::steady_clock::time_point> last_contact;
  std::string last_error;        ///< of the last failure to list or watch, "" where none has been
  std::size_t objects = 0;       ///< held; 0 for a resource of another part (`ClusterIndex::add`)
  std::uint64_t unreadable = 0;  ///< objects that could not be read since the start: they are not in view
};

class ClusterIndex {
 public:
  /// The state, which stays as it is while the guard lives. Keep it for microseconds: nothing changes
  /// meanwhile. To be destroyed by the thread that got it.
  class ReadGuard {
   public:
    ReadGuard(std::shared_mutex& mutex, const core::ClusterState& state) : lock_(mutex), state_(&state) {}
    const core::ClusterState& operator*() const { return *state_; }
    const core::ClusterState* operator->() const { return state_; }

   private:
    std::shared_lock<std::shared_mutex> lock_;
    const core::ClusterState* state_;
  };

  /// `client` must outlive the index. Nothing is asked of it before start().
  ClusterIndex(const kube::Client& client, ClusterIndexOptions options);
  ClusterIndex(const ClusterIndex&) = delete;
  ClusterIndex& operator=(const ClusterIndex&) = delete;
  /// Ends every watch and waits for its thread.
  ~ClusterIndex();

  /// Has one more resource listed and watched, into `sink`, which another part reads; it must outlive the
  /// index. It counts for complete() and wakes those who wait for changes. Before start().
  void add(kube::ResourceType type, kube::ObjectSink& sink);
  /// Once.
  void start();

  /// Blocks while an object is put in place, for microseconds. Thread-safe.
  [[nodiscard]] ReadGuard read() const;
  /// Notified after every change of what is held or of how fresh it is.
  [[nodiscard]] const ChangeSignal& changes() const { return changes_; }
  /// Every resource, in a fixed order. Thread-safe; never waits for the network.
  [[nodiscard]] std::vector<IndexedResource> status() const;

 private:
  class KindSink;
  class ForwardingSink;
  struct Watched;

  void watch_kind(core::ClusterKind kind, kube::ResourceType type);
  [[nodiscard]] kube::ReflectorOptions reflector_options(const std::string& name) const;
  void keep_freshness(const std::stop_token& stop);
  void check_freshness();
  [[nodiscard]] bool is_current(const Watched& watched) const;
  void log(LogLevel level, const std::string& line) const;

  const kube::Client& client_;
  const ClusterIndexOptions options_;
  mutable std::shared_mutex mutex_;
  core::ClusterState state_;  // guarded by mutex_
  ChangeSignal changes_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

/// Empty when every resource has been listed once; else one sentence for each that has not.
[[nodiscard]] std::string what_is_missing(const std::vector<IndexedResource>& resources);

/// Empty when every resource that was listed is up to date; else one line that names the others and what
/// follows.
[[nodiscard]] std::string what_is_stale(const std::vector<IndexedResource>& resources);

}  // namespace walguard::controller
