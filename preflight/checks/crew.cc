#include "preflight/checks/crew.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/database_under_test.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr double kCheckpointReadSeconds = 0.05;
constexpr std::size_t kCommitsBeforeAKill = 8;
constexpr double kLookInterval = 0.001;

}  // namespace

Crew::Crew(CheckContext& context, DatabaseUnderTest& database, Numbers& numbers, int writers_per_side)
    : context_(context), database_(database), numbers_(numbers), writers_per_side_(writers_per_side) {
  start();
}

void Crew::start() {
  for (int i = 0; i < writers_per_side_; ++i) {
    for (const Side side : {Side::kA, Side::kB}) writers_.push_back(new_writer(side));
  }
  for (const Side side : {Side::kA, Side::kB}) readers_.emplace_back(context_, side);
}

Hand& Crew::reader(Side side) { return readers_.at(side == Side::kA ? 0 : 1); }

Crew::Writer Crew::new_writer(Side side) { return Writer{Hand(context_, side), database_.new_writer()}; }

ShiftTotals Crew::work(const Shift& shift, Kill kill) {
  const std::size_t before = database_.commits();
  const std::size_t busy_writers = std::min(shift.writers, writers_.size());
  for (std::size_t i = 0; i < busy_writers; ++i) start_writing(writers_[i], shift);
  const std::vector<Call> reads = start_reading(shift.read_seconds);
  ShiftTotals totals;
  if (kill == Kill::kEveryone) {
    await_some_commits(shift);
    kill_everyone(busy_writers);
    return totals;
  }
  Writer* const victim = kill == Kill::kOneWriter ? &writers_.at(next_victim_++ % busy_writers) : nullptr;
  if (victim != nullptr) {
    await_some_commits(shift);
    stop_if_refused(context_, victim->writing);
    victim->hand.kill_and_wait();
    database_.may_have_one_more(victim->id);
    numbers_["kills"] += 1;
  }
  for (std::size_t i = 0; i < busy_writers; ++i) {
    if (&writers_[i] != victim) finish_writing(writers_[i], shift, totals);
  }
  finish_reading(reads, shift.read_seconds);
  if (victim != nullptr) *victim = new_writer(victim->hand.side());
  stop_if_nobody_can_write(totals, before);
  return totals;
}

void Crew::start_writing(Writer& writer, const Shift& shift) {
  writer.writing =
      writer.hand.send("sqlite-write", database_.arguments({{"writer", writer.id},
                                                            {"seq", writer.seq},
                                                            {"commits", shift.commits},
                                                            {"seconds", shift.write_seconds},
                                                            {"reopen_every", shift.reopen_every},
                                                            {"busy_ms", shift.busy_milliseconds},
                                                            {"pause_ms", shift.pause_milliseconds},
                                                            {"filler", shift.filler_bytes}}));
}

void Crew::finish_writing(Writer& writer, const Shift& shift, ShiftTotals& totals) {
  const Json done = writer.hand.wait(writer.writing, shift.write_seconds + kSqliteSlack);
  database_.stop_if_contradicted();
  writer.seq = done.at("seq").get<std::int64_t>();
  totals.commits += done.at("commits").get<double>();
  totals.busy += done.at("busy").get<double>();
  totals.longest_wait_seconds = std::max(totals.longest_wait_seconds, done.at("longest_wait").get<double>());
  for (const Json& microseconds : done.at("microseconds")) {
    totals.commit_seconds.push_back(microseconds.get<double>() / 1e6);
  }
}

// Readers begin after these commits were acknowledged, so they must not see less.
std::vector<Call> Crew::start_reading(double seconds) {
  std::vector<Call> reads;
  if (seconds <= 0) return reads;
  const Json what =
      database_.arguments({{"seconds", seconds}, {"at_least", database_.newest()}, {"reopen_every", 5}});
  reads.reserve(readers_.size());
  for (Hand& reader : readers_) reads.push_back(reader.send("sqlite-read", what));
  return reads;
}

void Crew::finish_reading(const std::vector<Call>& reads, double seconds) {
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Json done = readers_.at(i).wait(reads[i], seconds + kSqliteSlack);
    if (done.contains("violation")) {
      database_.stop(done.at("violation").get<std::string>() + seen_from(readers_[i].side()) + " after " +
                     std::to_string(database_.commits()) + " acknowledged commits");
    }
    numbers_["reads"] += done.at("reads").get<double>();
  }
}

// In the midst of the work: some of this shift's commits are acknowledged, or it is half over.
void Crew::await_some_commits(const Shift& shift) {
  const std::size_t enough = database_.commits() + kCommitsBeforeAKill;
  const auto late = in_seconds(shift.write_seconds / 2);
  while (database_.commits() < enough && Clock::now() < late) {
    if (const auto idled = context_.session.idle(Seconds(kLookInterval)); !idled) {
      throw CheckStopped{outcome_of(idled.error())};
    }
  }
}

void Crew::kill_everyone(std::size_t busy_writers) {
  for (std::size_t i = 0; i < busy_writers; ++i) stop_if_refused(context_, writers_[i].writing);
  for (Writer& writer : writers_) {
    database_.may_have_one_more(writer.id);
    numbers_["kills"] += 1;
  }
  kill_and_wait();
  start();
}

// Everybody was refused because of a lock. That nobody holds one can be told once all are dead.
void Crew::stop_if_nobody_can_write(const ShiftTotals& totals, std::size_t commits_before) {
  if (database_.commits() > commits_before || totals.busy == 0) return;
  kill_and_wait();
  database_.commit_alone_on_each_side();
  start();
}

void Crew::checkpoint(const char* mode, Readers readers) {
  const double seconds = readers == Readers::kRead ? kCheckpointReadSeconds : 0;
  const std::vector<Call> reads = start_reading(seconds);
  Writer& who = writers_.at(next_checkpointer_++ % writers_.size());
  const Json done =
      who.hand.call_for(kSqliteSlack, "sqlite-checkpoint", database_.arguments({{"mode", mode}}));
  if (!done.at("busy").get<bool>()) numbers_["checkpoints"] += 1;
  finish_reading(reads, seconds);
}

void Crew::close() {
  for (Writer& writer : writers_) writer.hand.call_for(kSqliteSlack, "sqlite-close", Json::object());
  for (Hand& reader : readers_) reader.call_for(kSqliteSlack, "sqlite-close", Json::object());
}

void Crew::kill_and_wait() {
  for (Writer& writer : writers_) writer.hand.kill();
  for (Hand& reader : readers_) reader.kill();
  for (Writer& writer : writers_) writer.hand.kill_and_wait();
  for (Hand& reader : readers_) reader.kill_and_wait();
  writers_.clear();
  readers_.clear();
}

}  // namespace walguard::preflight
