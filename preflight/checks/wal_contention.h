#ifndef WALGUARD_PREFLIGHT_CHECKS_WAL_CONTENTION_H_
#define WALGUARD_PREFLIGHT_CHECKS_WAL_CONTENTION_H_

#include "preflight/checks/check.h"
#include "preflight/checks/crew.h"
#include "preflight/checks/database_under_test.h"

/// What it is like to share the database here. Nothing of this makes the check fail, but a commit that is
/// lost or a reader that sees what it must not in the course of it does.
namespace walguard::preflight {

/// Adds to `numbers`:
///   busy_rate_writers_1, _2, _4   fraction of transactions refused with busy_timeout 0, each writer trying
///   one
///                                 a millisecond
///   longest_wait_seconds          for the write lock, with busy_timeout 5000 and every writer at full speed
///   commit_p50_seconds, _p90_, _p99_, _max_   from the write lock to the acknowledgement, in that same phase
/// `seconds`: for each of the four phases.
void measure_contention(Crew& crew, double seconds, Numbers& numbers);

/// Adds wal_bytes_under_long_reader, what -wal grows to while a reader on each side holds on to its snapshot
/// and checkpoints go on, and commits_under_long_reader, how many commits that took; no longer than `seconds`
/// of them. The log is to be empty at the beginning.
void measure_long_reader(CheckContext& context, DatabaseUnderTest& database, Crew& crew, double seconds,
                         Numbers& numbers);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_WAL_CONTENTION_H_
