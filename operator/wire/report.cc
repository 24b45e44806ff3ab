#include "operator/wire/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/wire/text_forms.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::wire {
namespace {

constexpr std::size_t kDigestBytes = 6;

core::Verdict to_core(report::Verdict verdict) {
  switch (verdict) {
    case report::Verdict::kSafe:
      return core::Verdict::kSafe;
    case report::Verdict::kUnsafe:
      return core::Verdict::kUnsafe;
    case report::Verdict::kUnproven:
      break;
  }
  return core::Verdict::kUnproven;
}

core::Scope to_core(report::Scope scope) {
  switch (scope) {
    case report::Scope::kPod:
      return core::Scope::kPod;
    case report::Scope::kNode:
      return core::Scope::kNode;
    case report::Scope::kCluster:
      return core::Scope::kCluster;
    case report::Scope::kContainer:
      break;
  }
  return core::Scope::kContainer;
}

core::PerStrategy<core::Verdict> to_core(const report::Verdicts& verdicts) {
  core::PerStrategy<core::Verdict> out;
  out[core::Strategy::kWal] = to_core(verdicts[report::Strategy::kWal]);
  out[core::Strategy::kWalExclusive] = to_core(verdicts[report::Strategy::kWalExclusive]);
  out[core::Strategy::kRollback] = to_core(verdicts[report::Strategy::kRollback]);
  return out;
}

std::optional<double> number_of(const report::Check& check, const std::string& name) {
  const auto found = check.numbers.find(name);
  return found == check.numbers.end() ? std::nullopt : std::optional(found->second);
}

/// The names are those of preflight/checks/wal_contention.h.
std::optional<core::Contention> contention_in(const report::Report& report) {
  const auto check = std::ranges::find(report.checks, "wal-workload", &report::Check::id);
  if (check == report.checks.end()) return std::nullopt;
  const auto refused = number_of(*check, "busy_rate_writers_2");
  if (!refused) return std::nullopt;
  return core::Contention{.refused = std::clamp(*refused, 0.0, 1.0),
                          .longest_wait = number_of(*check, "longest_wait_seconds")};
}

}  // namespace

tl::expected<core::Evidence, std::string> evidence_from_report(std::string_view report_json,
                                                               core::EvidenceKey key) {
  tl::expected<report::Report, std::string> report = report::parse_report(report_json);
  if (!report) {
    return tl::unexpected(std::move(report).error());
  }
  const std::optional<core::UtcSeconds> started = parse_utc(report->started);
  if (!started) {
    return tl::unexpected(std::string("started: not a UTC time like 2026-01-31T12:00:00Z"));
  }
  const std::string digest = short_digest(report_json, kDigestBytes);
  if (digest.empty()) {
    return tl::unexpected(std::string("the report has no digest: OpenSSL refuses SHA-256"));
  }
  core::Evidence evidence;
  evidence.key = std::move(key);
  evidence.scope = to_core(report->scope);
  evidence.verdicts = to_core(report->verdict);
  evidence.contention = contention_in(*report);
  evidence.reasons = std::move(report->reasons);
  constexpr double kLongestRun = 1e9;  // seconds; keeps a nonsensical number from overflowing
  evidence.measured_at = *started + std::llround(std::clamp(report->seconds, 0.0, kLongestRun));
  if (!report->views.empty()) {
    evidence.filesystem = report->views.front().fstype;
    evidence.kernel_release = report->views.front().kernel;
  }
  evidence.probe_version = std::move(report->probe_version);
  evidence.digest = digest;
  return evidence;
}

}  // namespace walguard::wire
