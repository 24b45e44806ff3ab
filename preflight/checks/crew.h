#ifndef WALGUARD_PREFLIGHT_CHECKS_CREW_H_
#define WALGUARD_PREFLIGHT_CHECKS_CREW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "preflight/checks/check.h"
#include "preflight/checks/database_under_test.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {

/// A stretch of work of the whole crew, cut off by time.
struct Shift {
  double write_seconds = 0.3;
  std::int64_t commits = 40;  ///< at most, by each writer
  double read_seconds = 0.1;  ///< 0: the readers rest
  std::int64_t reopen_every = 10;
  int busy_milliseconds = kBusyMilliseconds;
  int pause_milliseconds = 0;  ///< of a writer, after each attempt
  std::int64_t filler_bytes = 200;
  std::size_t writers = SIZE_MAX;  ///< so many of the crew, sides in turn; the others rest
};

enum class Kill { kNobody, kOneWriter, kEveryone };

/// What the writers that lived through a shift made of it.
struct ShiftTotals {
  double commits = 0;
  double busy = 0;  ///< attempts refused because of somebody's lock
  double longest_wait_seconds = 0;
  std::vector<double> commit_seconds;  ///< from the write lock to the acknowledgement
};

/// Writers and readers on both sides, each a process of its own, at work on one database. Between calls all
/// of them rest, with their connections open. One thread; ends the check by CheckStopped like its database.
class Crew {
 public:
  Crew(CheckContext& context, DatabaseUnderTest& database, Numbers& numbers, int writers_per_side);

  ShiftTotals work(const Shift& shift, Kill kill = Kill::kNobody);
  enum class Readers { kRead, kRest };
  /// One writer does a checkpoint, the others rest.
  void checkpoint(const char* mode, Readers readers = Readers::kRead);
  /// Every connection is closed in order.
  void close();
  /// SIGKILL to all; returns when they are gone.
  void kill_and_wait();
  /// A crew anew, after kill_and_wait.
  void start();

  [[nodiscard]] Hand& reader(Side side);

 private:
  struct Writer {
    Hand hand;
    std::int64_t id;
    std::int64_t seq = 1;
    Call writing{};
  };

  [[nodiscard]] Writer new_writer(Side side);
  void start_writing(Writer& writer, const Shift& shift);
  void finish_writing(Writer& writer, const Shift& shift, ShiftTotals& totals);
  [[nodiscard]] std::vector<Call> start_reading(double seconds);
  void finish_reading(const std::vector<Call>& reads, double seconds);
  void await_some_commits(const Shift& shift);
  void kill_everyone(std::size_t busy_writers);
  void stop_if_nobody_can_write(const ShiftTotals& totals, std::size_t commits_before);

  CheckContext& context_;
  DatabaseUnderTest& database_;
  Numbers& numbers_;
  int writers_per_side_;
  std::vector<Writer> writers_;  // A's and B's in turn
  std::vector<Hand> readers_;    // A's, B's
  std::size_t next_victim_ = 0;
  std::size_t next_checkpointer_ = 0;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_CREW_H_
