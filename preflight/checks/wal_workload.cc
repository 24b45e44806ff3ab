// wal-workload: real SQLite in WAL mode, several processes on both sides, some of them killed.
//
// Truth is kept here, off the storage: each process tells of each commit the moment SQLite has acknowledged
// it, and at the end fresh processes on each side must find every one. A row whose commit was under way when
// its writer was killed may be there or not; nothing else may. integrity_check is asked too, and proves
// little: lost commits leave a database that is perfectly well-formed.
//
// The WAL-reset bug (SQLite 3.7.0 to 3.51.2, less 3.44.6+ of 3.44 and 3.50.7+ of 3.50) loses commits with no
// fault of the storage. It takes a checkpoint that reads the wal-index header before, and sets nBackfill
// after, another connection's commit has reset the log. So no checkpoint here ever runs beside a writer:
// automatic checkpoints are off; the conductor lets all writers come to rest, has one process checkpoint
// while only readers go on, and then lets them write again. The other checkpoint SQLite makes, that of the
// last connection to close, holds the database exclusively, so no writer is there either. What is lost here
// was lost by the storage.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include "preflight/checks/check.h"
#include "preflight/checks/wal_ledger.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

using Numbers = std::map<std::string, double>;

constexpr int kBusyMilliseconds = 3000;
constexpr int kWritersPerSide = 2;
constexpr double kWriteSeconds = 0.5;  // a round of writing is cut off after this
constexpr std::int64_t kCommitsPerRound = 40;
constexpr double kReadSeconds = 0.15;
constexpr int kFewestRounds = 5;            // one of every kind below
constexpr std::size_t kFewestCommits = 60;  // fewer say nothing
// SQLite may sit out the busy timeout in the middle of an operation, on every statement of a transaction.
constexpr double kSqliteSlack = 10;

constexpr double kEpisodeSeconds = 2.5;  // on one database; longer ones only make readers slow

double effort_seconds(Profile profile) {
  constexpr std::array<double, 3> kEfforts = {kEpisodeSeconds, 45, 7200};
  return kEfforts.at(static_cast<std::size_t>(profile));
}

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}

struct Writer {
  Hand hand;
  std::int64_t id;
  std::int64_t seq = 1;
  Call writing{};
};

// One database from its making to its judgement.
class Episode {
 public:
  Episode(CheckContext& context, int number, Numbers& numbers)
      : context_(context), database_("wg-wal-" + std::to_string(number) + ".db"), numbers_(numbers) {
    context_.session.on_note([this](const preflight::Worker&, const Json& note) { take_note(note); });
  }
  Episode(const Episode&) = delete;
  Episode& operator=(const Episode&) = delete;
  ~Episode() { context_.session.on_note({}); }

  void run() {
    create_database();
    start_everyone();
    const auto enough = in_seconds(kEpisodeSeconds);
    for (int round = 0; round < kFewestRounds || Clock::now() < enough; ++round) play(round);
    for (Writer& writer : writers_) writer.hand.kill_and_wait();
    for (Hand& reader : readers_) reader.kill_and_wait();
    for (const Side side : {Side::kA, Side::kB}) judge_from(side);
    numbers_["commits"] += static_cast<double>(ledger_.size());
    remove_database();
  }

 private:
  // What each round adds to plain writing and reading on both sides.
  void play(int round) {
    switch (round % kFewestRounds) {
      case 0:
        write_and_read(/*reopen_every=*/10, Kill::kNobody);
        break;
      case 1:
        write_and_read(/*reopen_every=*/10, Kill::kOneWriter);
        break;
      case 2:  // every commit on a connection of its own
        close_everyone();
        write_and_read(/*reopen_every=*/1, Kill::kNobody);
        break;
      case 3:  // nobody is left to close in order: the next to open must recover from the log
        write_and_read(/*reopen_every=*/10, Kill::kEveryone);
        break;
      default:  // the last to close removes -wal and -shm, the first to open makes them anew
        write_and_read(/*reopen_every=*/10, Kill::kOneWriter);
        close_everyone();
        break;
    }
    checkpoint(round);
    numbers_["rounds"] += 1;
  }

  enum class Kill { kNobody, kOneWriter, kEveryone };

  void create_database() {
    Hand maker(context_, Side::kA);
    const Json made = maker.call("wal-create", arguments());
    const auto mode = made.at("journal_mode").get<std::string>();
    if (mode != "wal") throw CheckStopped{fail("SQLite cannot use WAL here: journal_mode stays " + mode)};
  }

  // The last connection has taken -wal and -shm with it.
  void remove_database() {
    Hand remover(context_, Side::kA);
    remover.call("unlink", {{"name", database_}});
  }

  // What every operation needs that may open the database, and `more`.
  [[nodiscard]] Json arguments(const Json& more = Json::object()) const {
    Json all = {{"database", database_}, {"busy_ms", kBusyMilliseconds}};
    all.update(more);
    return all;
  }

  void start_everyone() {
    for (const Side side : {Side::kA, Side::kB}) {
      for (int i = 0; i < kWritersPerSide; ++i) writers_.push_back(new_writer(side));
      readers_.emplace_back(context_, side);
    }
  }

  Writer new_writer(Side side) { return Writer{Hand(context_, side), next_writer_++}; }

  void write_and_read(std::int64_t reopen_every, Kill kill) {
    for (Writer& writer : writers_) start_writing(writer, reopen_every);
    const std::vector<Call> reads = start_reading();
    if (kill == Kill::kEveryone) {
      kill_everyone();
      return;
    }
    Writer* const victim =
        kill == Kill::kOneWriter ? &writers_.at(next_victim_++ % writers_.size()) : nullptr;
    if (victim != nullptr) kill_while_writing(*victim);
    for (Writer& writer : writers_) {
      if (&writer != victim) finish_writing(writer);
    }
    finish_reading(reads);
    if (victim != nullptr) *victim = new_writer(victim->hand.side());
  }

  void start_writing(Writer& writer, std::int64_t reopen_every) {
    writer.writing = writer.hand.send("wal-write", arguments({{"writer", writer.id},
                                                              {"seq", writer.seq},
                                                              {"commits", kCommitsPerRound},
                                                              {"seconds", kWriteSeconds},
                                                              {"reopen_every", reopen_every}}));
  }

  void finish_writing(Writer& writer) {
    const Json done = writer.hand.wait(writer.writing, kWriteSeconds + kSqliteSlack);
    stop_if_contradicted();
    writer.seq = done.at("seq").get<std::int64_t>();
    numbers_["busy"] += done.at("busy").get<double>();
    double& longest = numbers_["longest_commit_seconds"];
    longest = std::max(longest, done.at("longest").get<double>());
  }

  // Readers begin after these commits were acknowledged, so they must not see less.
  std::vector<Call> start_reading() {
    const Json what =
        arguments({{"seconds", kReadSeconds}, {"at_least", ledger_.newest()}, {"reopen_every", 5}});
    std::vector<Call> reads;
    reads.reserve(readers_.size());
    for (Hand& reader : readers_) reads.push_back(reader.send("wal-read", what));
    return reads;
  }

  void finish_reading(const std::vector<Call>& reads) {
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      const Json done = readers_[i].wait(reads[i], kReadSeconds + kSqliteSlack);
      if (done.contains("violation")) {
        throw CheckStopped{fail(done.at("violation").get<std::string>() + after_commits(), numbers_)};
      }
      numbers_["reads"] += done.at("reads").get<double>();
      numbers_["busy"] += done.at("busy").get<double>();
    }
  }

  // In the midst of its work: when some of this round's commits are acknowledged, or the round is nearly
  // over.
  void kill_while_writing(Writer& victim) {
    const std::size_t before = ledger_.size();
    const auto late = in_seconds(kWriteSeconds / 2);
    while (ledger_.size() < before + 8 && Clock::now() < late) idle(0.001);
    stop_if_refused(victim);
    victim.hand.kill_and_wait();
    ledger_.may_have_one_more(victim.id);
    numbers_["kills"] += 1;
  }

  void kill_everyone() {
    const std::size_t before = ledger_.size();
    const auto late = in_seconds(kWriteSeconds / 2);
    while (ledger_.size() < before + 8 && Clock::now() < late) idle(0.001);
    for (Writer& writer : writers_) stop_if_refused(writer);
    for (Writer& writer : writers_) writer.hand.kill();
    for (Hand& reader : readers_) reader.kill();
    for (Writer& writer : writers_) {
      writer.hand.kill_and_wait();
      ledger_.may_have_one_more(writer.id);
      numbers_["kills"] += 1;
    }
    for (Hand& reader : readers_) reader.kill_and_wait();
    writers_.clear();
    readers_.clear();
    start_everyone();
  }

  // A writer that is to be killed may have failed on its own already, and that must not be lost.
  void stop_if_refused(Writer& writer) {
    const Outcome<Json> early = context_.session.wait(writer.writing, Seconds(0));
    const bool own_end = !early && early.error().kind != Failure::Kind::kHung;
    if (own_end) throw CheckStopped{outcome_of(early.error())};
  }

  void idle(double seconds) {
    if (const auto idled = context_.session.idle(Seconds(seconds)); !idled) {
      throw CheckStopped{outcome_of(idled.error())};
    }
  }

  void close_everyone() {
    for (Writer& writer : writers_) writer.hand.call_for(kSqliteSlack, "wal-close", Json::object());
    for (Hand& reader : readers_) reader.call_for(kSqliteSlack, "wal-close", Json::object());
  }

  // All writers rest. Readers go on, as a checkpoint must leave them what they still read.
  void checkpoint(int round) {
    constexpr std::array<const char*, 4> kModes = {"passive", "full", "restart", "truncate"};
    const std::vector<Call> reads = start_reading();
    Writer& who = writers_.at(static_cast<std::size_t>(round) % writers_.size());
    const Json done =
        who.hand.call_for(kSqliteSlack, "wal-checkpoint",
                          arguments({{"mode", kModes.at(static_cast<std::size_t>(round) % kModes.size())}}));
    numbers_[done.at("busy").get<bool>() ? "busy" : "checkpoints"] += 1;
    finish_reading(reads);
  }

  void take_note(const Json& note) {
    if (note.contains("commit")) ledger_.acknowledge(note.at("commit").get<std::vector<std::int64_t>>());
    if (note.contains("rows")) {
      for (const Json& row : note.at("rows")) dump_.push_back(row.get<std::vector<std::int64_t>>());
    }
  }

  void stop_if_contradicted() {
    if (!ledger_.contradiction().empty()) throw CheckStopped{fail(ledger_.contradiction(), numbers_)};
  }

  void judge_from(Side side) {
    dump_.clear();
    Hand fresh(context_, side);
    const Json answer = fresh.call_for(kSqliteSlack, "wal-dump", arguments());
    stop_if_contradicted();
    const std::string from = side == Side::kA ? " (seen from A)" : " (seen from B)";
    const Judgement judgement = ledger_.judge(dump_);
    if (judgement.lost > 0) numbers_["lost_commits"] = static_cast<double>(judgement.lost);
    if (!judgement.wrong.empty()) throw CheckStopped{fail(judgement.wrong + from, numbers_)};
    if (!answer.at("sum_kept").get<bool>())
      throw CheckStopped{fail("transfers lost their sum" + from, numbers_)};
    const auto integrity = answer.at("integrity").get<std::string>();
    if (integrity != "ok") throw CheckStopped{fail("integrity_check: " + integrity + from, numbers_)};
  }

  [[nodiscard]] std::string after_commits() const {
    return " after " + std::to_string(ledger_.size()) + " acknowledged commits";
  }

  CheckContext& context_;
  std::string database_;
  Numbers& numbers_;
  Ledger ledger_;
  std::vector<Writer> writers_;
  std::vector<Hand> readers_;
  std::vector<std::vector<std::int64_t>> dump_;
  std::int64_t next_writer_ = 1;
  std::size_t next_victim_ = 0;
};

}  // namespace

CheckOutcome check_wal_workload(CheckContext& context) {
  Numbers numbers;
  const auto enough = in_seconds(effort_seconds(context.profile));
  int episodes = 0;
  do Episode(context, episodes++, numbers).run();
  while (Clock::now() < enough);

  const auto commits = static_cast<std::uint64_t>(numbers["commits"]);
  if (commits < kFewestCommits) {
    return not_run("only " + std::to_string(commits) + " commits came about, too few to judge by");
  }
  return pass("all " + std::to_string(commits) + " acknowledged commits found again on each side; SQLite " +
                  sqlite3_libversion() + ", never a checkpoint beside a writer (keeps the WAL-reset bug out)",
              numbers);
}

}  // namespace walguard::preflight
