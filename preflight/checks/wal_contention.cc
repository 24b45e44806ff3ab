#include "preflight/checks/wal_contention.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/crew.h"
#include "preflight/checks/database_under_test.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr int kLongTimeout = 5000;  // milliseconds; what the report advises
constexpr std::int64_t kMostCommitsWithPauses = 150;
constexpr int kRoundsUnderLongReader = 3;

// On connections that stay open. No more commits than a small volume has room for in its log.
Shift full_speed(double seconds) {
  return {.write_seconds = seconds,
          .commits = 40,
          .read_seconds = 0,
          .reopen_every = std::numeric_limits<std::int64_t>::max()};
}

// `sorted` is not empty.
double percentile(const std::vector<double>& sorted, double share) {
  return sorted.at(static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1)));
}

void add_busy_rate(Crew& crew, std::size_t writers, double seconds, Numbers& numbers) {
  Shift shift = full_speed(seconds);
  shift.commits = kMostCommitsWithPauses;
  shift.busy_milliseconds = 0;
  shift.pause_milliseconds = 1;  // else the rate would tell how fast a refused writer spins
  shift.writers = writers;
  const ShiftTotals totals = crew.work(shift);
  const double attempts = totals.commits + totals.busy;
  if (attempts > 0) numbers["busy_rate_writers_" + std::to_string(writers)] = totals.busy / attempts;
  crew.checkpoint("truncate", Crew::Readers::kRest);
}

void add_waits(Crew& crew, double seconds, Numbers& numbers) {
  std::vector<double> times;
  double& longest_wait = numbers["longest_wait_seconds"];
  const auto enough = in_seconds(seconds);
  do {
    Shift shift = full_speed(seconds);
    shift.busy_milliseconds = kLongTimeout;
    const ShiftTotals totals = crew.work(shift);
    longest_wait = std::max(longest_wait, totals.longest_wait_seconds);
    times.insert(times.end(), totals.commit_seconds.begin(), totals.commit_seconds.end());
    crew.checkpoint("truncate", Crew::Readers::kRest);
  } while (Clock::now() < enough);
  if (times.empty()) return;
  std::ranges::sort(times);
  numbers["commit_p50_seconds"] = percentile(times, 0.5);
  numbers["commit_p90_seconds"] = percentile(times, 0.9);
  numbers["commit_p99_seconds"] = percentile(times, 0.99);
  numbers["commit_max_seconds"] = times.back();
}

}  // namespace

void measure_contention(Crew& crew, double seconds, Numbers& numbers) {
  for (const std::size_t writers : {1U, 2U, 4U}) add_busy_rate(crew, writers, seconds, numbers);
  add_waits(crew, seconds, numbers);
}

void measure_long_reader(CheckContext& context, DatabaseUnderTest& database, Crew& crew, double seconds,
                         Numbers& numbers) {
  constexpr std::array<Side, 2> kSides = {Side::kA, Side::kB};
  for (const Side side : kSides) {
    crew.reader(side).call_for(kSqliteSlack, "sqlite-begin-long-read", database.arguments());
  }
  const Shift shift = full_speed(seconds / kRoundsUnderLongReader);
  double commits = 0;
  for (int round = 0; round < kRoundsUnderLongReader; ++round) {
    commits += crew.work(shift).commits;
    crew.checkpoint("passive", Crew::Readers::kRest);  // the others would wait for the readers
  }
  for (const Side side : kSides) {
    const Json seen =
        crew.reader(side).call_for(kSqliteSlack, "sqlite-check-long-read", database.arguments());
    if (seen.contains("violation")) database.stop(seen.at("violation").get<std::string>() + seen_from(side));
  }
  numbers["commits_under_long_reader"] = commits;
  Hand onlooker(context, Side::kA);
  const int log = onlooker.open(database.settings().name + "-wal", /*create=*/false);
  numbers["wal_bytes_under_long_reader"] = onlooker.call("size", {{"file", log}}).at("size").get<double>();
  for (const Side side : kSides) {
    crew.reader(side).call_for(kSqliteSlack, "sqlite-close", Json::object());
  }
}

}  // namespace walguard::preflight
