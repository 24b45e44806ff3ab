// exclusive-workload: real SQLite in WAL mode with locking_mode=EXCLUSIVE, one process at a time.
//
// Set before the first access, it keeps the wal-index in the process's own memory (sqlite.org/wal.html, "Use
// of WAL Without Shared-Memory"), so that no -shm file is ever made and mmap plays no part. What is left to
// depend on is one lock, held for as long as the connection lives: while one side has it the other must be
// refused, and when it is given up, be it by closing or by dying, the other side must get it and find all
// that was committed: after a death, in a -wal that was not there when this side last looked.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/database_under_test.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::int64_t kEntriesAtFirst = 40;
constexpr std::int64_t kFiller = 3000;
constexpr double kHoldSeconds = 0.06;
constexpr std::int64_t kMostCommits = 400;
constexpr int kFewestRefusals = 8;

// How each hold ends, sides in turn, A first. So each side dies once right after the other one has closed,
// and with that removed -wal.
enum class End { kClose, kKill };
constexpr std::array<End, 6> kEnds = {End::kClose, End::kKill, End::kClose,
                                      End::kClose, End::kKill, End::kClose};

double effort_seconds(Profile profile) {
  constexpr std::array<double, 3> kEfforts = {0, 5, 1800};
  return kEfforts.at(static_cast<std::size_t>(profile));
}

// One database from its making to its judgement.
class Episode {
 public:
  Episode(CheckContext& context, int number, Numbers& numbers)
      : context_(context),
        numbers_(numbers),
        database_(context, {.name = "wg-exclusive-" + std::to_string(number) + ".db", .exclusive = true},
                  numbers) {}

  void run() {
    database_.create(kEntriesAtFirst, kFiller);
    Side holder = Side::kA;
    for (const End end : kEnds) {
      hold(holder, end);
      holder = other(holder);
    }
    database_.judge_with_cold_caches();
    numbers_["commits"] += static_cast<double>(database_.commits());
    database_.remove();
  }

 private:
  // Takes over at once from whoever had it before, and writes while the other side tries to get in.
  void hold(Side side, End end) {
    Hand intruder(context_, other(side));
    intruder.call("exists",
                  {{"name", database_.settings().name + "-wal"}});  // there or not: it was looked up
    Hand holder(context_, side);
    database_.judge_through(holder);
    database_.commit_alone(holder);
    const std::int64_t writer = database_.new_writer();
    const Call writing = holder.send("sqlite-write", database_.arguments({{"writer", writer},
                                                                          {"seq", 1},
                                                                          {"commits", kMostCommits},
                                                                          {"seconds", kHoldSeconds},
                                                                          {"reopen_every", 1'000'000},
                                                                          {"pause_ms", 0},
                                                                          {"filler", kFiller}}));
    try_to_get_in(intruder, /*exclusive=*/true);
    try_to_get_in(intruder, /*exclusive=*/false);
    intruder.kill_and_wait();
    if (end == End::kKill) {
      stop_if_refused(context_, writing);
      holder.kill_and_wait();
      database_.may_have_one_more(writer);
      numbers_["kills"] += 1;
    } else {
      const Json done = holder.wait(writing, kHoldSeconds + kSqliteSlack);
      if (done.at("busy").get<std::int64_t>() > 0)
        database_.stop("who held the database exclusively was refused");
      expect_no_shm(holder);
      holder.call_for(kSqliteSlack, "sqlite-close", Json::object());
    }
    numbers_["hand_overs"] += 1;
  }

  void try_to_get_in(Hand& intruder, bool exclusive) {
    for (int tries = 0; tries < kFewestRefusals / 2; ++tries) {
      const Json seen = intruder.call_for(kSqliteSlack, "sqlite-read",
                                          database_.arguments({{"seconds", 0},
                                                               {"at_least", 0},
                                                               {"reopen_every", 1},
                                                               {"busy_ms", 0},
                                                               {"exclusive", exclusive}}));
      if (seen.value("busy", 0) == 0) {
        database_.stop("a reader was let in while the other side held the database exclusively" +
                       seen_from(intruder.side()));
      }
      numbers_["refusals"] += 1;
    }
    expect_no_shm(intruder);
  }

  void expect_no_shm(Hand& hand) {
    if (hand.call("exists", {{"name", database_.settings().name + "-shm"}}).at("exists").get<bool>()) {
      database_.stop("a -shm file appeared in exclusive mode" + seen_from(hand.side()));
    }
  }

  CheckContext& context_;
  Numbers& numbers_;
  DatabaseUnderTest database_;
};

}  // namespace

CheckOutcome check_exclusive_workload(CheckContext& context) {
  Numbers numbers;
  const auto enough = in_seconds(effort_seconds(context.profile));
  int episodes = 0;
  do Episode(context, episodes++, numbers).run();
  while (Clock::now() < enough);
  return pass("all " + std::to_string(static_cast<std::uint64_t>(numbers["commits"])) +
                  " acknowledged commits found again after each hand-over by close and by SIGKILL, the other "
                  "side refused all along, never a -shm; set locking_mode=EXCLUSIVE before journal_mode=WAL "
                  "and before any other access",
              numbers);
}

}  // namespace walguard::preflight
