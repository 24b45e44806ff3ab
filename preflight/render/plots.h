#ifndef WALGUARD_PREFLIGHT_RENDER_PLOTS_H_
#define WALGUARD_PREFLIGHT_RENDER_PLOTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"

/// Plots as inline SVG for the report's page; colours come from the page's style sheet. Pure and thread-safe.
///
/// They read the numbers of the checks by name, whichever check they are in: NAME_p50_seconds, _p90_, _p99_
/// and _max_, and busy_rate_writers_N, the share of attempts (0 to 1) that SQLite refused with SQLITE_BUSY.
namespace walguard::preflight {

/// Text between tags, or in an attribute in double quotes. Control characters become visible (printable()).
[[nodiscard]] std::string html_escaped(std::string_view text);

struct Latency {
  std::string_view name;  ///< as in the numbers: "commit"
  std::string_view label;
  double p50 = 0;  ///< seconds
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

/// Every latency that the page would show: those with all their numbers, and the labels of those without.
struct Latencies {
  std::vector<Latency> measured;
  std::vector<std::string_view> missing;
};
[[nodiscard]] Latencies latencies_of(const report::Report& report);

struct BusyRate {
  int writers = 0;
  double rate = 0;  ///< 0 to 1
};
/// Those there are, by number of writers.
[[nodiscard]] std::vector<BusyRate> busy_rates_of(const report::Report& report);

/// A row for each latency on one logarithmic axis. Must not be empty.
[[nodiscard]] std::string latency_plot(const std::vector<Latency>& latencies);

/// A bar for each number of writers. Must not be empty.
[[nodiscard]] std::string busy_plot(const std::vector<BusyRate>& rates);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_PLOTS_H_
