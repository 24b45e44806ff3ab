/// The counters behind /metrics, in Prometheus' text format.
///
/// Names begin with `walguard_`; labels are bounded (rule, decision, mode, outcome), never an object's name.
/// Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/response.h"

namespace walguard::server {

/// One resource of the index of a cluster.
struct IndexSample {
  std::string kind;
  bool stale = false;  ///< never listed, or not heard of lately
  std::size_t objects = 0;
  std::uint64_t unreadable = 0;  ///< since the start
};

/// What is read off the other parts when somebody asks for the metrics.
struct MetricsSample {
  bool ready = false;
  std::size_t state_objects = 0;
  std::size_t state_files = 0;
  std::int64_t state_loaded_at = 0;  ///< UTC seconds, 0: never
  std::uint64_t state_failed_reloads = 0;
  bool state_broken = false;  ///< the newest state could not be read; the last good one is in force
  std::size_t evidence_reports = 0;
  std::size_t preflights_running = 0;
  std::size_t preflights_waiting = 0;
  std::size_t open_connections = 0;
  std::vector<IndexSample> index = {};  ///< empty where the state is no cluster's
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void count_answer(const core::Answer& answer, std::chrono::nanoseconds took);
  /// `reason` is one of a few fixed words: "not-a-review", "bad-object", "unknown-kind".
  void count_unreadable(std::string_view reason);
  /// `outcome`: "safe", "unsafe", "inconclusive" or "failed".
  void count_preflight(std::string_view outcome);

  [[nodiscard]] std::string render(const MetricsSample& sample);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace walguard::server
