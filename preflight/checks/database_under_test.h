#ifndef WALGUARD_PREFLIGHT_CHECKS_DATABASE_UNDER_TEST_H_
#define WALGUARD_PREFLIGHT_CHECKS_DATABASE_UNDER_TEST_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/checks/check.h"
#include "preflight/checks/ledger.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {

using Numbers = std::map<std::string, double>;

/// What an operation of SQLite may take beyond its own time: it may sit out the busy timeout in the middle,
/// on every statement of a transaction.
inline constexpr double kSqliteSlack = 10;
/// How long a connection waits for a lock where waiting is not what is measured.
inline constexpr int kBusyMilliseconds = 3000;

[[nodiscard]] Clock::time_point in_seconds(double seconds);
/// " (seen from A)"
[[nodiscard]] std::string seen_from(Side side);

/// For a process that is to be killed while it does `call`: it may have failed on its own already, and that
/// must not be lost. Ends the check if so; the process may be dead afterwards.
void stop_if_refused(CheckContext& context, const Call& call);

/// How every connection to one database is opened.
struct DatabaseSettings {
  std::string name;
  std::string journal_mode = "WAL";  ///< as in PRAGMA journal_mode
  bool exclusive = false;            ///< PRAGMA locking_mode=EXCLUSIVE before the first access
};

/// One database on the storage under test, and the truth about it: every commit that any process on either
/// side was acknowledged, kept here in the conductor.
///
/// One at a time: while it lives it takes in the session's notes. One thread. What it finds wrong, and every
/// call without a result, ends the check by CheckStopped.
class DatabaseUnderTest {
 public:
  DatabaseUnderTest(CheckContext& context, DatabaseSettings settings, Numbers& numbers);
  DatabaseUnderTest(const DatabaseUnderTest&) = delete;
  DatabaseUnderTest& operator=(const DatabaseUnderTest&) = delete;
  ~DatabaseUnderTest();

  /// What every operation needs that may open the database, and `more`.
  [[nodiscard]] Json arguments(const Json& more = Json::object()) const;
  [[nodiscard]] const DatabaseSettings& settings() const { return settings_; }

  /// Makes it, on A's side, with `entries` commits of `filler_bytes` each in it.
  void create(std::int64_t entries, std::int64_t filler_bytes);
  /// Commits that the crew was acknowledged, the ones of create() not counted.
  [[nodiscard]] std::size_t commits() const { return ledger_.size() - made_with_; }
  [[nodiscard]] std::int64_t newest() const { return ledger_.newest(); }
  void may_have_one_more(std::int64_t writer) { ledger_.may_have_one_more(writer); }

  /// Reads all there is through `hand`, on the connection it has or a new one, and compares.
  void judge_through(Hand& hand);
  /// The same by a new process of each side, once the kernels on both have dropped what they hold of the
  /// files, as far as they do. Other processes may have the database open but must be at rest.
  void judge_with_cold_caches();
  /// Once no other process has the database open: a new one on each side must be able to commit.
  void commit_alone_on_each_side();
  void commit_alone(Hand& hand);
  /// Removes its files, once no process has it open.
  void remove();

  /// An operation of a process that is the only one with the database open: no lock may stand in its way.
  Json call_alone(Hand& hand, std::string_view op, const Json& more = Json::object());
  void stop_if_contradicted() const;
  [[noreturn]] void stop(const std::string& why) const;
  [[nodiscard]] std::int64_t new_writer() { return next_writer_++; }

 private:
  void take_note(const Json& note);

  CheckContext& context_;
  DatabaseSettings settings_;
  Numbers& numbers_;
  Ledger ledger_;
  std::size_t made_with_ = 0;
  std::vector<EntryRow> dump_;
  std::int64_t next_writer_ = 1;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_DATABASE_UNDER_TEST_H_
