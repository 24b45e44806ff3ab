#include "preflight/conductor/run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "preflight/agent/workspace.h"
#include "preflight/checks/check.h"
#include "preflight/conductor/outline.h"
#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using report::Report;

constexpr Seconds kSetupPatience{15};
constexpr Seconds kFailedPatience{5};   // after a failure, which a storage that hangs has waited for already
constexpr Seconds kFolderPatience{12};  // for the second view to show what the first holds
constexpr Seconds kFolderInterval{0.2};
constexpr Seconds kRemovalPatience{0.5};  // for an rm -r under way to end
constexpr const char* kNonsense = "an agent answered with nonsense";
constexpr std::int64_t kBytesNeeded = 24LL * 1024 * 1024;

std::string random_hex(std::size_t digits) {
  std::random_device source;
  std::string text;
  while (text.size() < digits) text += "0123456789abcdef"[source() % 16];
  return text;
}

constexpr double kPreparationBudget = 2 * kSetupPatience.count() + kFolderPatience.count();

double total_budget(Profile profile) {
  double total = kPreparationBudget;
  for (const CheckDefinition& check : all_checks()) total += check.budget(profile);
  return total;
}

// The run cannot go on, for a reason that says nothing of the storage: every check from here on is `not-run`.
struct Inconclusive {
  std::string reason;
};
// The run cannot go on because the storage itself failed: a result, and no wish to try again.
struct StorageFailed {
  std::string reason;
};
struct BadInput {
  std::string message;
};

// Errors that mean the person named the wrong directory, with the remedy.
struct InputError {
  std::string_view error;
  std::string_view meaning;
};
constexpr std::array<InputError, 7> kInputErrors = {
    {{"ENOENT", "does not exist; name the directory where the volume is mounted"},
     {"ENOTDIR", "is not a directory; name the directory where the volume is mounted"},
     {"EACCES", "is not writable for this user; run as the user that owns the application's files"},
     {"EPERM", "is not writable for this user; run as the user that owns the application's files"},
     {"EROFS", "is on a read-only mount; mount it read-write, as the application will"},
     {"ELOOP", "leads through a loop of symbolic links; name the directory itself"},
     {"ENAMETOOLONG", "is too long a path; name a directory that exists"}}};

class Run {
 public:
  Run(Session& session, const RunOptions& options, Progress& progress)
      : session_(session),
        options_(options),
        progress_(progress),
        workspace_{.dir_a = options.dir_a,
                   .dir_b = options.dir_b,
                   .name = std::string(kFolderPrefix) + random_hex(kFolderRandomDigits),
                   .nonce = random_hex(32),
                   .two_hosts = options.two_hosts},
        report_(new_report(options)) {
    session_.on_tick([this] { progress_.tick(); });
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { session_.on_tick({}); }

  tl::expected<Report, std::string> run() {
    const auto start = Clock::now();
    run_deadline_ = in(Seconds(total_budget(options_.profile)));
    std::optional<std::string> stopped;
    progress_.begin("preparation", kPreparationBudget);
    try {
      prepare();
    } catch (const Inconclusive& inconclusive) {
      stopped = inconclusive.reason;
    } catch (const Json::exception&) {
      stopped = kNonsense;
    } catch (const StorageFailed& failed) {
      stopped = failed.reason;
      storage_failed_ = true;
    } catch (const BadInput& bad) {
      progress_.end();
      tidy_up();
      return tl::unexpected(bad.message);
    }
    progress_.end();
    run_checks(stopped);
    tidy_up();
    conclude(report_, options_);
    report_.seconds = Seconds(Clock::now() - start).count();
    return report_;
  }

 private:
  static Clock::time_point in(Seconds seconds) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds);
  }

  void prepare() {
    session_.set_deadline(run_deadline_);
    for (const Side side : {Side::kA, Side::kB}) learn_mount(side);
    for (const Side side : {Side::kA, Side::kB}) inspect(side);
    make_folder();
    find_folder_through_b();
    find_file_of_b_through_a();
  }

  [[nodiscard]] std::string field(Side side) const {
    const char* const other = options_.two_hosts ? "DIR of the other host" : "DIR2";
    return std::string(side == Side::kA ? "DIR" : other) + " \"" + workspace_.dir(side) + "\"";
  }

  [[noreturn]] void give_up(Side side, const Failure& failure) const {
    const auto meaning = std::ranges::find(kInputErrors, failure.error, &InputError::error);
    if (failure.kind == Failure::Kind::kRefused && meaning != kInputErrors.end()) {
      throw BadInput{field(side) + " " + std::string(meaning->meaning)};
    }
    if (failure.kind == Failure::Kind::kLost) throw Inconclusive{failure.what};
    if (is_io_error(failure)) throw StorageFailed{field(side) + ": " + failure.what};
    throw Inconclusive{field(side) + ": " + failure.what};
  }

  // From /proc alone, so that even a run on a dead mount says what was mounted there.
  void learn_mount(Side side) {
    const Worker worker = session_.start_worker(side);
    const auto answer =
        session_.call(worker, "identify-mount", {{"dir", workspace_.dir(side)}}, kSetupPatience);
    session_.forget(worker);
    if (!answer) give_up(side, answer.error());
    report::View& view = report_.views.at(static_cast<std::size_t>(side));
    view.fstype = answer->value("fstype", "");
    view.device = answer->value("device", "");
    view.kernel = answer->value("kernel", "");
    view.boot_id = answer->value("boot_id", "");
    view.sandbox = answer->value("sandbox", "");
  }

  void inspect(Side side) {
    const Worker worker = session_.start_worker(side);
    const auto answer = session_.call(worker, "inspect-dir", {{"dir", workspace_.dir(side)}}, kSetupPatience);
    session_.forget(worker);
    if (!answer) give_up(side, answer.error());
    const std::int64_t free = answer->value("free_bytes", std::int64_t{-1});
    if (free >= 0 && free < kBytesNeeded) {
      throw Inconclusive{field(side) + " has " + std::to_string(free / 1024) + " KiB free, a run needs " +
                         std::to_string(kBytesNeeded / 1024) + " KiB"};
    }
  }

  void make_folder() {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    Json arguments = workspace_.arguments(Side::kA);
    arguments["not_after"] = now.count() + static_cast<std::int64_t>(total_budget(options_.profile));
    janitor_ = session_.start_worker(Side::kA);
    const auto made = session_.call(*janitor_, "create-workspace", arguments, kSetupPatience);
    if (!made) give_up(Side::kA, made.error());
    if (const int swept = made->value("swept", 0); swept > 0) {
      progress_.notice("removed what " + std::to_string(swept) + " dead run(s) left in " + workspace_.dir_a);
    }
  }

  // A folder that B has never looked for before. A network client that missed it once may go on denying it
  // for a while, so it gets time; what that delay means is for write-visibility to say.
  void find_folder_through_b() {
    const Worker worker = session_.start_worker(Side::kB);
    wait_until_seen(Side::kB, [&] {
      const auto entered =
          session_.call(worker, "enter-workspace", workspace_.arguments(Side::kB), kSetupPatience);
      if (entered) return true;
      if (entered.error().error != "ENOENT") give_up(Side::kB, entered.error());
      return false;
    });
    const auto made = session_.call(worker, "open", {{"name", kFileOfB}, {"create", true}}, kSetupPatience);
    session_.forget(worker);
    if (!made) give_up(Side::kB, made.error());
  }

  void find_file_of_b_through_a() {
    wait_until_seen(Side::kA, [&] {
      const auto seen = session_.call(*janitor_, "exists", {{"name", kFileOfB}}, kSetupPatience);
      if (!seen) give_up(Side::kA, seen.error());
      return seen->value("exists", false);
    });
  }

  // `look` tells whether `side` sees by now what the other side made.
  template <typename Look>
  void wait_until_seen(Side side, const Look& look) {
    const Side maker = side == Side::kA ? Side::kB : Side::kA;
    const auto give_up_at = in(kFolderPatience);
    while (!look()) {
      if (Clock::now() > give_up_at) {
        throw Inconclusive{field(side) + " does not show what " + field(maker) +
                           " holds: they are not two views of one directory"};
      }
      if (const auto idled = session_.idle(kFolderInterval); !idled) throw Inconclusive{idled.error().what};
    }
  }

  void run_checks(std::optional<std::string> stopped) {
    for (const CheckDefinition& definition : all_checks()) {
      report::Check check;
      check.id = definition.id;
      if (!is_needed(definition.id, options_)) {
        check.detail = kNotNeeded;
      } else if (stopped) {
        check.detail = *stopped;
        // Said by the first check that did not come to its turn.
        if (std::exchange(storage_failed_, false)) check.result = report::CheckResult::kFail;
      } else {
        stopped = run_check(definition, check);
      }
      report_.checks.push_back(std::move(check));
    }
  }

  // Returns why nothing more can be checked, if so.
  std::optional<std::string> run_check(const CheckDefinition& definition, report::Check& check) {
    const double budget = definition.budget(options_.profile);
    progress_.begin(definition.id, budget);
    session_.set_deadline(std::min(in(Seconds(budget)), run_deadline_));
    const auto start = Clock::now();
    CheckOutcome outcome = run_script(definition);
    session_.set_deadline(in(2 * kSetupPatience));  // so that an agent's silence is known from a lack of time
    const Aftermath after = look_around(outcome);
    if (after.spoilt && after.stopped) outcome = not_run(*after.stopped);
    check.result = outcome.result;
    check.detail = std::move(outcome.detail);
    check.numbers = std::move(outcome.numbers);
    check.seconds = Seconds(Clock::now() - start).count();
    progress_.end();
    return after.stopped;
  }

  CheckOutcome run_script(const CheckDefinition& definition) {
    CheckContext context{session_, workspace_, options_.profile, report_.views};
    try {
      return definition.run(context);
    } catch (const CheckStopped& stopped) {
      return stopped.outcome;
    } catch (const Json::exception&) {
      return not_run(kNonsense);
    }
  }

  // What the folder tells after a check.
  struct Aftermath {
    std::optional<std::string> stopped;  // why nothing more can be checked
    bool spoilt = false;                 // and for the same reason the check's own result counts for nothing
  };

  // A result counts only if the folder was there all along, on both paths, and had room: else it tells of
  // somebody's umount or rm, or of a full disk, and not of how the storage shares.
  Aftermath look_around(CheckOutcome& outcome) {
    try {
      return look_at_both_folders(outcome);
    } catch (const Json::exception&) {
      return {kNonsense, true};
    }
  }

  Aftermath look_at_both_folders(CheckOutcome& outcome) {
    const bool failed_before = outcome.result == report::CheckResult::kFail;
    const auto patience = in(failed_before ? kRemovalPatience : Seconds(0));
    for (const Side side : {Side::kA, Side::kB}) {
      const auto verified =
          verify_workspace(side, failed_before ? kFailedPatience : kSetupPatience, patience);
      // An I/O error is the storage's own.
      if (!verified && is_io_error(verified.error()) && outcome.result != report::CheckResult::kFail) {
        outcome = fail(field(side) + ": " + verified.error().what, outcome.numbers);
      }
      const bool failed = outcome.result == report::CheckResult::kFail;
      if (!verified) {
        const Failure& failure = verified.error();
        if (failure.kind == Failure::Kind::kInterrupted) return {"interrupted", true};
        // Whoever was lost may have held a lock or a row that the check then missed.
        if (failure.kind == Failure::Kind::kLost) return {failure.what, true};
        // Every further check would wait for it as long, to say the same.
        if (failure.kind == Failure::Kind::kHung) return {field(side) + " does not answer any more", !failed};
        if (!failed || is_gone(failure)) {
          return {field(side) + " no longer leads to the run's folder: " + failure.what, true};
        }
        continue;
      }
      const std::int64_t free = verified->value("free_bytes", std::int64_t{-1});
      if (failed && free >= 0 && free < kNearlyFull) {
        return {field(side) + " became full during the run (" + outcome.detail + ")", true};
      }
    }
    return {};
  }

  // An rm -r empties a folder before it removes it. So after a failure, which a missing name may have caused,
  // the folder is looked at until it is gone as well, or has stayed until `at_least`.
  Outcome<Json> verify_workspace(Side side, Seconds patience, Clock::time_point at_least) {
    while (true) {
      const Worker worker = session_.start_worker(side);
      auto verified = session_.call(worker, "verify-workspace", workspace_.arguments(side), patience);
      session_.forget(worker);
      if (!verified || Clock::now() >= at_least) return verified;
      if (auto idled = session_.idle(kFolderInterval); !idled) return tl::make_unexpected(idled.error());
    }
  }

  static bool is_io_error(const Failure& failure) {
    return failure.kind == Failure::Kind::kRefused && failure.error == "EIO";
  }

  static bool is_gone(const Failure& failure) {
    constexpr std::array<std::string_view, 4> kGone = {"ENOENT", "ENOTDIR", "ENOTCONN", "ESTALE"};
    return std::ranges::find(kGone, failure.error) != kGone.end();
  }

  void tidy_up() {
    session_.forgive_interruption();
    session_.set_deadline(in(kSetupPatience));
    if (!janitor_) return;
    session_.kill_all_but(*janitor_);
    auto removed = remove_folder(*janitor_);
    // The janitor may have been killed itself; a new one has to trust the path. And where the views differ
    // (overlay), only B can see what B has made. Once more from A: what the killed ones held open on a
    // network filesystem may be gone by then.
    const bool a_hangs = !removed && removed.error().kind == Failure::Kind::kHung;
    for (const Side side : {Side::kA, Side::kB, Side::kA}) {
      if (removed || (side == Side::kA && a_hangs)) continue;
      removed = remove_folder(session_.start_worker(side));
    }
    if (!removed) {
      progress_.notice("left behind " + workspace_.dir_a + "/" + workspace_.name + " (" +
                       removed.error().what + "); the next run there removes it");
    }
  }

  Outcome<Json> remove_folder(const Worker& worker) {
    return session_.call(worker, "remove-workspace", workspace_.arguments(worker.side), kSetupPatience / 3);
  }

  static constexpr const char* kFileOfB = "wg-made-by-b";
  static constexpr std::int64_t kNearlyFull = 256LL * 1024;

  Session& session_;
  const RunOptions& options_;
  Progress& progress_;
  Workspace workspace_;
  Report report_;
  std::optional<Worker> janitor_;
  Clock::time_point run_deadline_;
  bool storage_failed_ = false;
};

}  // namespace

std::chrono::seconds longest_run(Profile profile) {
  constexpr Seconds kTidyingUp = 2 * kSetupPatience;
  return std::chrono::ceil<std::chrono::seconds>(Seconds(total_budget(profile)) + kTidyingUp);
}

tl::expected<Report, std::string> run_preflight(Session& session, const RunOptions& options,
                                                Progress& progress) {
  return Run(session, options, progress).run();
}

}  // namespace walguard::preflight
