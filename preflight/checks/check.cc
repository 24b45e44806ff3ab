#include "preflight/checks/check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using report::CheckResult;

// An operation that takes no time of its own has hung after this long. Far above what a loaded machine needs,
// since a false alarm is worse than a slow answer.
constexpr Seconds kPatience{12};

}  // namespace

CheckOutcome pass(std::string detail, std::map<std::string, double> numbers) {
  return {CheckResult::kPass, std::move(detail), std::move(numbers)};
}

CheckOutcome fail(std::string detail, std::map<std::string, double> numbers) {
  return {CheckResult::kFail, std::move(detail), std::move(numbers)};
}

CheckOutcome unsupported(std::string detail) { return {CheckResult::kUnsupported, std::move(detail), {}}; }

CheckOutcome not_run(std::string detail) { return {CheckResult::kNotRun, std::move(detail), {}}; }

CheckOutcome outcome_of(const Failure& failure) {
  // No room, no writing, and what this machine lacks rather than the storage.
  constexpr std::array<std::string_view, 6> kTeachNothing = {"ENOSPC", "EDQUOT", "EROFS",
                                                             "ENOMEM", "EMFILE", "ENFILE"};
  switch (failure.kind) {
    case Failure::Kind::kRefused:
      if (std::ranges::find(kTeachNothing, failure.error) != kTeachNothing.end())
        return not_run(failure.what);
      return fail(failure.what);
    case Failure::Kind::kDied:
    case Failure::Kind::kHung:
      return fail(failure.what);
    case Failure::Kind::kOutOfTime:
    case Failure::Kind::kLost:
    case Failure::Kind::kInterrupted:
      return not_run(failure.what);
  }
  return not_run(failure.what);
}

Hand::Hand(CheckContext& context, Side side)
    : session_(&context.session), worker_(context.session.start_worker(side)) {
  try {
    call("enter-workspace", context.workspace.arguments(side));
  } catch (const CheckStopped&) {
    session_->forget(worker_);
    throw;
  }
}

Hand::Hand(Hand&& other) noexcept
    : session_(std::exchange(other.session_, nullptr)),
      worker_(other.worker_),
      alive_(std::exchange(other.alive_, false)) {}

Hand& Hand::operator=(Hand&& other) noexcept {
  std::swap(session_, other.session_);
  std::swap(worker_, other.worker_);
  std::swap(alive_, other.alive_);
  return *this;
}

Hand::~Hand() {
  if (session_ != nullptr) session_->forget(worker_);
}

Json Hand::call(std::string_view op, const Json& arguments) { return wait(send(op, arguments)); }

Json Hand::call_for(double seconds, std::string_view op, const Json& arguments) {
  return wait(send(op, arguments), seconds);
}

Outcome<Json> Hand::try_call(std::string_view op, const Json& arguments) {
  return session_->call(worker_, op, arguments, kPatience);
}

Call Hand::send(std::string_view op, const Json& arguments) { return session_->send(worker_, op, arguments); }

Json Hand::wait(const Call& call, double seconds) {
  Outcome<Json> result = session_->wait(call, kPatience + Seconds(seconds));
  if (!result) throw CheckStopped{outcome_of(result.error())};
  return *std::move(result);
}

void Hand::kill() {
  if (std::exchange(alive_, false)) session_->kill(worker_);
}

void Hand::kill_and_wait() {
  alive_ = false;
  if (const Outcome<void> gone = session_->kill_and_wait(worker_, kPatience); !gone) {
    throw CheckStopped{outcome_of(gone.error())};
  }
}

int Hand::open(const std::string& name, bool create) {
  const Outcome<Json> opened = try_call("open", {{"name", name}, {"create", create}});
  if (opened) return static_cast<int>(opened->at("file").get<std::int64_t>());
  CheckOutcome outcome = outcome_of(opened.error());
  const bool is_missing = !create && opened.error().error == "ENOENT";
  if (is_missing) {
    outcome.detail = std::string(side() == Side::kA ? "A" : "B") +
                     " does not find a file that was made before: " + outcome.detail;
  }
  throw CheckStopped{std::move(outcome)};
}

double CheckDefinition::budget(Profile profile) const {
  switch (profile) {
    case Profile::kQuick:
      return budget_quick;
    case Profile::kStandard:
      return budget_standard;
    case Profile::kSoak:
      return budget_soak;
  }
  return budget_quick;
}

const std::vector<CheckDefinition>& all_checks() {
  // The locks' is long for what it does: thousands of requests, each of them a round trip on a network
  // filesystem, and the verdict should not depend on how busy its server is.
  // clang-format off
  static const std::vector<CheckDefinition> checks = {
      // id               quick standard soak
      {"identity",          15,  15,   15, check_identity},
      {"mmap-coherence",    20,  30,   60, check_mmap_coherence},
      {"mmap-growth",       20,  30,   60, check_mmap_growth},
      {"byte-range-locks",  40,  60,  120, check_byte_range_locks},
      {"write-visibility",  20,  60,  300, check_write_visibility},
      {"publication",       20,  30,  120, check_publication},
      {"sync",              20,  30,  120, check_sync},
      {"wal-workload",      45, 120, 8000, check_wal_workload},
      {"rollback-workload",  40,  60, 4000, check_rollback_workload},
      {"exclusive-workload", 40,  60, 2200, check_exclusive_workload},
  };
  // clang-format on
  return checks;
}

}  // namespace walguard::preflight
