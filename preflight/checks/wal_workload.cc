// wal-workload: real SQLite in WAL mode, several processes on both sides, some of them killed.
//
// Truth is kept here, off the storage: each process tells of each commit the moment SQLite has acknowledged
// it, and at the end fresh processes on each side must find every one, once the kernels have dropped what
// they hold of the files. A row whose commit was under way when its writer was killed may be there or not;
// nothing else may. integrity_check is asked too, and proves little: lost commits leave a database that is
// perfectly well-formed.
//
// The WAL-reset bug (wal_reset_bug.h) loses commits with no fault of the storage. It takes a checkpoint that
// reads the wal-index header before, and sets nBackfill after, another connection's commit has reset the log.
// So no checkpoint here ever runs beside a writer: automatic checkpoints are off; the conductor lets all
// writers come to rest, has one process checkpoint while only readers go on, and then lets them write again.
// The other checkpoint SQLite makes, that of the last connection to close, holds the database exclusively, so
// no writer is there either. What is lost here was lost by the storage.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sqlite3.h>

#include "preflight/checks/check.h"
#include "preflight/checks/crew.h"
#include "preflight/checks/database_under_test.h"
#include "preflight/checks/wal_contention.h"
#include "preflight/checks/wal_reset_bug.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr int kWritersPerSide = 2;
constexpr std::size_t kFewestCommits = 60;  // fewer say nothing
constexpr int kFewestRounds = 5;            // one of every kind below
// To begin with the file is several times larger than a connection's page cache.
constexpr std::int64_t kEntriesAtFirst = 100;
constexpr std::int64_t kLargeFiller = 6000;  // bytes: some pages hold nothing else

struct Effort {
  double total_seconds;
  double rounds_seconds;  // on one database; longer ones only make readers slow
  double contention_phase_seconds;
};

Effort effort(Profile profile) {
  constexpr std::array<Effort, 3> kEfforts = {{{0, 1.5, 0.15}, {40, 2.5, 1}, {7200, 2.5, 5}}};
  return kEfforts.at(static_cast<std::size_t>(profile));
}

// One database from its making to its judgement.
class Episode {
 public:
  Episode(CheckContext& context, int number, Numbers& numbers)
      : context_(context),
        numbers_(numbers),
        database_(context, {.name = "wg-wal-" + std::to_string(number) + ".db"}, numbers) {}

  void run(bool with_contention) {
    const Effort effort = preflight::effort(context_.profile);
    database_.create(kEntriesAtFirst, kLargeFiller);
    Crew crew(context_, database_, numbers_, kWritersPerSide);
    const auto enough = in_seconds(effort.rounds_seconds);
    for (int round = 0; round < kFewestRounds || Clock::now() < enough; ++round) play(crew, round);
    work_on_cold_caches(crew);
    if (with_contention) {
      measure_contention(crew, effort.contention_phase_seconds, numbers_);
      measure_long_reader(context_, database_, crew, effort.contention_phase_seconds, numbers_);
    }
    crew.kill_and_wait();
    database_.commit_alone_on_each_side();
    database_.judge_with_cold_caches();
    numbers_["commits"] += static_cast<double>(database_.commits());
    database_.remove();
  }

 private:
  // What each round adds to plain writing and reading on both sides.
  void play(Crew& crew, int round) {
    constexpr std::array<const char*, 4> kModes = {"passive", "full", "restart", "truncate"};
    switch (round % kFewestRounds) {
      case 0:
        crew.work({});
        break;
      case 1:
        crew.work({}, Kill::kOneWriter);
        break;
      case 2:  // every commit on a connection of its own
        crew.close();
        crew.work({.reopen_every = 1});
        break;
      case 3:  // nobody is left to close in order: the next to open must recover from the log
        crew.work({}, Kill::kEveryone);
        break;
      default:  // the last to close removes -wal and -shm, the first to open makes them anew
        crew.work({}, Kill::kOneWriter);
        crew.close();
        break;
    }
    crew.checkpoint(kModes.at(static_cast<std::size_t>(round) % kModes.size()));
    numbers_["rounds"] += 1;
  }

  // What is read again comes from the storage: once out of the log, once out of the database file.
  void work_on_cold_caches(Crew& crew) {
    crew.work({.write_seconds = 0.2, .commits = 20, .filler_bytes = kLargeFiller});
    database_.judge_with_cold_caches();
    crew.checkpoint("restart");
    database_.judge_with_cold_caches();
  }

  CheckContext& context_;
  Numbers& numbers_;
  DatabaseUnderTest database_;
};

std::string summary(std::uint64_t commits) {
  const std::string bug = has_wal_reset_bug(sqlite3_libversion_number())
                              ? " has the WAL-reset bug, kept out by never checkpointing beside a writer"
                              : " is free of the WAL-reset bug";
  return "all " + std::to_string(commits) +
         " acknowledged commits found again on each side with cold caches; SQLite " + sqlite3_libversion() +
         bug + "; set journal_mode=WAL, busy_timeout=5000, synchronous=NORMAL, mmap_size=0";
}

}  // namespace

CheckOutcome check_wal_workload(CheckContext& context) {
  Numbers numbers;
  const auto enough = in_seconds(effort(context.profile).total_seconds);
  int episodes = 0;
  do {
    Episode(context, episodes, numbers).run(/*with_contention=*/episodes == 0);
    ++episodes;
  } while (Clock::now() < enough);

  const auto commits = static_cast<std::uint64_t>(numbers["commits"]);
  if (commits < kFewestCommits) {
    return not_run("only " + std::to_string(commits) + " commits came about, too few to judge by");
  }
  return pass(summary(commits), numbers);
}

}  // namespace walguard::preflight
