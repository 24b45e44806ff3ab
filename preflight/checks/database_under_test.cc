#include "preflight/checks/database_under_test.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/ledger.h"
#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

constexpr std::string_view kNobodyLeft =
    "a lock outlives its holder, or locks are refused: every other process is dead or has closed the "
    "database, and still ";

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& letter : small) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return small;
}

}  // namespace

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}

std::string seen_from(Side side) { return side == Side::kA ? " (seen from A)" : " (seen from B)"; }

void stop_if_refused(CheckContext& context, const Call& call) {
  const Outcome<Json> early = context.session.wait(call, Seconds(0));
  const bool own_end = !early && early.error().kind != Failure::Kind::kHung;
  if (own_end) throw CheckStopped{outcome_of(early.error())};
}

DatabaseUnderTest::DatabaseUnderTest(CheckContext& context, DatabaseSettings settings, Numbers& numbers)
    : context_(context), settings_(std::move(settings)), numbers_(numbers) {
  context_.session.on_note([this](const Worker&, const Json& note) { take_note(note); });
}

DatabaseUnderTest::~DatabaseUnderTest() { context_.session.on_note({}); }

Json DatabaseUnderTest::arguments(const Json& more) const {
  Json all = {{"database", settings_.name},
              {"busy_ms", kBusyMilliseconds},
              {"journal", settings_.journal_mode},
              {"exclusive", settings_.exclusive}};
  all.update(more);
  return all;
}

void DatabaseUnderTest::create(std::int64_t entries, std::int64_t filler_bytes) {
  Hand maker(context_, Side::kA);
  const Json made = call_alone(maker, "sqlite-create", {{"entries", entries}, {"filler", filler_bytes}});
  const auto mode = made.at("journal_mode").get<std::string>();
  if (mode != lower(settings_.journal_mode)) {
    stop("SQLite cannot use journal_mode=" + settings_.journal_mode + " here: it stays " + mode);
  }
  made_with_ = ledger_.size();
}

void DatabaseUnderTest::remove() {
  Hand remover(context_, Side::kA);
  remover.call("unlink", {{"name", settings_.name}});
  // TRUNCATE and PERSIST keep theirs; in every other mode the last connection has taken it away.
  const Outcome<Json> journal = remover.try_call("unlink", {{"name", settings_.name + "-journal"}});
  if (!journal && journal.error().error != "ENOENT") throw CheckStopped{outcome_of(journal.error())};
}

void DatabaseUnderTest::judge_through(Hand& hand) {
  dump_.clear();
  const Json answer = call_alone(hand, "sqlite-dump");
  stop_if_contradicted();
  const std::string from = seen_from(hand.side());
  const Judgement judgement = ledger_.judge(dump_);
  if (judgement.lost > 0) numbers_["lost_commits"] = static_cast<double>(judgement.lost);
  if (!judgement.wrong.empty()) stop(judgement.wrong + from);
  if (const auto damaged = answer.at("damaged").get<std::int64_t>(); damaged > 0) {
    stop(std::to_string(damaged) + " commits hold other content than was written" + from);
  }
  if (!answer.at("sum_kept").get<bool>()) stop("transfers lost their sum" + from);
  const auto integrity = answer.at("integrity").get<std::string>();
  if (integrity != "ok") stop("integrity_check: " + integrity + from);
}

void DatabaseUnderTest::judge_with_cold_caches() {
  for (const Side side : {Side::kA, Side::kB}) {
    Hand(context_, side).call_for(kSqliteSlack, "sqlite-drop-caches", arguments());
  }
  for (const Side side : {Side::kA, Side::kB}) {
    Hand fresh(context_, side);
    judge_through(fresh);
    fresh.call_for(kSqliteSlack, "sqlite-close", Json::object());
  }
}

void DatabaseUnderTest::commit_alone_on_each_side() {
  for (const Side side : {Side::kA, Side::kB}) {
    Hand fresh(context_, side);
    commit_alone(fresh);
    call_alone(fresh, "sqlite-close");
  }
}

void DatabaseUnderTest::commit_alone(Hand& hand) {
  const Json done = call_alone(hand, "sqlite-write",
                               {{"writer", new_writer()},
                                {"seq", 1},
                                {"commits", 1},
                                {"seconds", 1},
                                {"reopen_every", 2},
                                {"filler", 200},
                                {"pause_ms", 0}});
  stop_if_contradicted();
  if (done.at("commits").get<std::int64_t>() == 0) {
    stop(std::string(kNobodyLeft) + "BEGIN IMMEDIATE: SQLITE_BUSY" + seen_from(hand.side()));
  }
}

Json DatabaseUnderTest::call_alone(Hand& hand, std::string_view op, const Json& more) {
  Outcome<Json> result = hand.try_call(op, arguments(more));
  if (result) return *std::move(result);
  const Failure& failure = result.error();
  if (failure.kind == Failure::Kind::kRefused && failure.error == "SQLITE_BUSY") {
    stop(std::string(kNobodyLeft) + failure.what + seen_from(hand.side()));
  }
  CheckOutcome outcome = outcome_of(failure);
  if (outcome.result == report::CheckResult::kFail) outcome.detail += seen_from(hand.side());
  throw CheckStopped{std::move(outcome)};
}

void DatabaseUnderTest::stop_if_contradicted() const {
  if (!ledger_.contradiction().empty()) stop(ledger_.contradiction());
}

void DatabaseUnderTest::stop(const std::string& why) const { throw CheckStopped{fail(why, numbers_)}; }

void DatabaseUnderTest::take_note(const Json& note) {
  if (note.contains("commit")) ledger_.acknowledge(note.at("commit").get<EntryRow>());
  if (note.contains("rows")) {
    for (const Json& row : note.at("rows")) dump_.push_back(row.get<EntryRow>());
  }
}

}  // namespace walguard::preflight
