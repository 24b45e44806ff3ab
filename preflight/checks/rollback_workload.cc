// rollback-workload: real SQLite with a rollback journal, in each of its modes, several processes on both
// sides, some of them killed; the same truth as in wal-workload.
//
// A writer that dies in the middle leaves a hot journal: the database file holds half a transaction, and the
// next process to lock it must find the journal and put the old content back before it reads. Everything
// stands and falls with that look. SQLite makes it right after it has its shared lock (pager.c,
// hasHotJournal): does the journal exist, and does its first byte say that it is in use? A client that goes
// by an older answer (no such name, an empty file) reads half a transaction and writes on top of it. So each
// side in turn looks first, then has the other side's writer die, and must see the journal at its next lock,
// without a moment's wait.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/crew.h"
#include "preflight/checks/database_under_test.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

constexpr std::array<const char*, 3> kJournalModes = {"DELETE", "TRUNCATE", "PERSIST"};
constexpr int kWritersPerSide = 2;
constexpr std::size_t kFewestCommits = 12;  // in each mode; fewer say nothing
constexpr double kLongestSeconds = 6;       // in each mode, to get that many
// Several times as many pages as the spilling writer's cache holds.
constexpr std::int64_t kEntriesAtFirst = 40;
constexpr std::int64_t kFiller = 3000;

struct Effort {
  double total_seconds;
  double rounds_seconds;  // in each mode
};

Effort effort(Profile profile) {
  constexpr std::array<Effort, 3> kEfforts = {{{0, 0.2}, {10, 1}, {3600, 2}}};
  return kEfforts.at(static_cast<std::size_t>(profile));
}

// One database in one journal mode, from its making to its judgement.
class Episode {
 public:
  Episode(CheckContext& context, const std::string& mode, int number, Numbers& numbers)
      : context_(context),
        numbers_(numbers),
        mode_(mode),
        database_(context, {.name = "wg-rollback-" + std::to_string(number) + ".db", .journal_mode = mode},
                  numbers) {}

  // Whether there was enough to judge by.
  bool run() {
    database_.create(kEntriesAtFirst, kFiller);
    for (const Side survivor : {Side::kB, Side::kA}) recover_hot_journal(survivor);
    work();
    database_.commit_alone_on_each_side();
    database_.judge_with_cold_caches();
    numbers_["commits"] += static_cast<double>(database_.commits());
    database_.remove();
    return database_.commits() >= kFewestCommits;
  }

 private:
  void work() {
    Crew crew(context_, database_, numbers_, kWritersPerSide);
    const auto enough = in_seconds(effort(context_.profile).rounds_seconds);
    const auto too_long = in_seconds(kLongestSeconds);
    do {
      crew.work({.write_seconds = 0.1}, Kill::kOneWriter);
      crew.work({.write_seconds = 0.1, .reopen_every = 1}, Kill::kEveryone);
      numbers_["rounds"] += 1;
    } while (Clock::now() < enough || (database_.commits() < kFewestCommits && Clock::now() < too_long));
    crew.kill_and_wait();
  }

  // The other side's writer dies with half a transaction in the file.
  void recover_hot_journal(Side survivor_side) {
    Hand survivor(context_, survivor_side);
    look(survivor);
    Hand victim(context_, other(survivor_side));
    const Json spilled = victim.call_for(kSqliteSlack, "sqlite-spill", database_.arguments());
    if (spilled.at("pages_written").get<std::int64_t>() == 0) {
      throw CheckStopped{not_run("an uncommitted change did not reach the file, so no journal became hot")};
    }
    expect_refused(survivor);
    victim.kill_and_wait();
    judge_recovery(survivor);
    numbers_["hot_journals"] += 1;
  }

  // A read as SQLite does it, journal and all, and the bare name as well.
  void look(Hand& survivor) {
    read(survivor, kBusyMilliseconds);
    survivor.call("exists", {{"name", database_.settings().name + "-journal"}});
  }

  Json read(Hand& hand, int busy_milliseconds) {
    Json seen = hand.call_for(kSqliteSlack, "sqlite-read",
                              database_.arguments({{"seconds", 0},
                                                   {"at_least", database_.newest()},
                                                   {"reopen_every", 1'000'000},
                                                   {"busy_ms", busy_milliseconds}}));
    if (seen.contains("violation")) {
      stop(seen.at("violation").get<std::string>() + seen_from(hand.side()));
    }
    return seen;
  }

  // The writer on the other side lives, and holds the database exclusively since its first page is written.
  void expect_refused(Hand& survivor) {
    const Json seen = read(survivor, /*busy_milliseconds=*/0);
    if (seen.at("reads").get<std::int64_t>() > 0) {
      stop("a reader was let in while a writer on the other side held the database exclusively" +
           seen_from(survivor.side()));
    }
  }

  void judge_recovery(Hand& survivor) {
    try {
      database_.judge_through(survivor);
      // What is committed on top of a journal that was not rolled back is lost to the next who sees it.
      database_.commit_alone(survivor);
      database_.call_alone(survivor, "sqlite-close");
      Hand fresh(context_, other(survivor.side()));
      database_.judge_through(fresh);
    } catch (const CheckStopped& stopped) {
      if (stopped.outcome.result != report::CheckResult::kFail) throw;
      stop("a hot journal was not rolled back: " + stopped.outcome.detail);
    }
  }

  [[noreturn]] void stop(const std::string& why) { database_.stop("journal_mode=" + mode_ + ": " + why); }

  CheckContext& context_;
  Numbers& numbers_;
  std::string mode_;
  DatabaseUnderTest database_;
};

}  // namespace

CheckOutcome check_rollback_workload(CheckContext& context) {
  Numbers numbers;
  const auto enough = in_seconds(effort(context.profile).total_seconds);
  int episodes = 0;
  do {
    for (const char* const mode : kJournalModes) {
      if (!Episode(context, mode, episodes++, numbers).run()) {
        return not_run("too few commits came about to judge by, with journal_mode=" + std::string(mode));
      }
    }
  } while (Clock::now() < enough);
  return pass("DELETE, TRUNCATE, PERSIST: all " +
                  std::to_string(static_cast<std::uint64_t>(numbers["commits"])) +
                  " acknowledged commits found again on each side with cold caches, all " +
                  std::to_string(static_cast<std::uint64_t>(numbers["hot_journals"])) +
                  " hot journals rolled back at the next lock; set busy_timeout=5000",
              numbers);
}

}  // namespace walguard::preflight
