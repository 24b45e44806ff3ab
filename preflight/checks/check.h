#ifndef WALGUARD_PREFLIGHT_CHECKS_CHECK_H_
#define WALGUARD_PREFLIGHT_CHECKS_CHECK_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

/// What every check is made of. A check is a script in the conductor: it has processes on both sides do one
/// thing after the other and compares what they see. It never touches the storage itself.
namespace walguard::preflight {

enum class Profile { kQuick, kStandard, kSoak };

/// The run's folder, as each side reaches it.
struct Workspace {
  std::string dir_a;  ///< absolute
  std::string dir_b;
  std::string name;        ///< of the folder in them
  std::string nonce;       ///< what its marker file holds
  bool two_hosts = false;  ///< dir_b is a path on another host

  [[nodiscard]] const std::string& dir(Side side) const { return side == Side::kA ? dir_a : dir_b; }
  [[nodiscard]] bool two_views() const { return two_hosts || dir_a != dir_b; }
  /// The arguments of every operation that finds the folder by its path.
  [[nodiscard]] Json arguments(Side side) const {
    return {{"dir", dir(side)}, {"name", name}, {"nonce", nonce}};
  }
};

struct CheckContext {
  Session& session;
  const Workspace& workspace;
  Profile profile;
  std::vector<report::View>& views;  ///< A's and B's; `identity` completes them
};

struct CheckOutcome {
  report::CheckResult result = report::CheckResult::kNotRun;
  std::string detail;
  std::map<std::string, double> numbers;
};

[[nodiscard]] CheckOutcome pass(std::string detail, std::map<std::string, double> numbers);
[[nodiscard]] CheckOutcome fail(std::string detail, std::map<std::string, double> numbers = {});
[[nodiscard]] CheckOutcome unsupported(std::string detail);
[[nodiscard]] CheckOutcome not_run(std::string detail);

/// What a call without a result means for the check that made it. Faults of the storage (an error it
/// returned, SIGBUS, a hang) are `fail`; no space, a read-only mount, no memory, a lost agent, a spent budget
/// or an interruption teach nothing and are `not-run`.
[[nodiscard]] CheckOutcome outcome_of(const Failure& failure);

/// Ends a check from anywhere inside it. The only exception the probe throws: a script of hundreds of steps,
/// each of which may be the last, reads better without the branches.
struct CheckStopped {
  CheckOutcome outcome;
};

/// One process of a check, working in the run's folder. Its calls throw CheckStopped where they bring no
/// result. Dies with this object.
class Hand {
 public:
  Hand(CheckContext& context, Side side);
  Hand(Hand&& other) noexcept;
  Hand& operator=(Hand&& other) noexcept;
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;
  ~Hand();

  Json call(std::string_view op, const Json& arguments);
  /// For an operation that itself takes `seconds`.
  Json call_for(double seconds, std::string_view op, const Json& arguments);
  /// Where a refusal is part of the question.
  [[nodiscard]] Outcome<Json> try_call(std::string_view op, const Json& arguments);

  [[nodiscard]] Call send(std::string_view op, const Json& arguments);
  Json wait(const Call& call, double seconds = 0);

  void kill();           ///< SIGKILL, without waiting
  void kill_and_wait();  ///< SIGKILL; returns when the process is gone

  [[nodiscard]] Side side() const { return worker_.side; }
  /// Opens a file of the run's folder and returns its handle.
  int open(const std::string& name, bool create);

 private:
  Session* session_;  // nullptr: moved from
  Worker worker_;
  bool alive_ = true;
};

struct CheckDefinition {
  std::string_view id;
  /// Seconds after which the check is cut off, for quick, standard and soak.
  double budget_quick;
  double budget_standard;
  double budget_soak;
  CheckOutcome (*run)(CheckContext&);

  [[nodiscard]] double budget(Profile profile) const;
};

/// Every check there is, in the order in which they run.
[[nodiscard]] const std::vector<CheckDefinition>& all_checks();

CheckOutcome check_identity(CheckContext& context);
CheckOutcome check_mmap_coherence(CheckContext& context);
CheckOutcome check_mmap_growth(CheckContext& context);
CheckOutcome check_byte_range_locks(CheckContext& context);
CheckOutcome check_write_visibility(CheckContext& context);
CheckOutcome check_publication(CheckContext& context);
CheckOutcome check_sync(CheckContext& context);
CheckOutcome check_wal_workload(CheckContext& context);
CheckOutcome check_rollback_workload(CheckContext& context);
CheckOutcome check_exclusive_workload(CheckContext& context);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_CHECK_H_
