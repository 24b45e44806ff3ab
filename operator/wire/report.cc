#include "operator/wire/report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <openssl/evp.h>
#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::wire {
namespace {

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

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
  if (text.size() < from + count) {
    return std::nullopt;
  }
  int value = 0;
  const char* const end = text.data() + from + count;
  const auto [stopped, error] = std::from_chars(text.data() + from, end, value);
  return error == std::errc() && stopped == end && value >= 0 ? std::optional(value) : std::nullopt;
}

/// RFC 3339 in UTC, "2026-01-31T12:00:00Z"; a fraction of a second is dropped.
std::optional<core::UtcSeconds> parse_utc(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':' || !text.ends_with('Z')) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                    std::chrono::seconds(*second);
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// nullopt only where OpenSSL has no SHA-256, which a broken configuration can bring about.
std::optional<std::string> short_digest(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &length, EVP_sha256(), nullptr) != 1) {
    return std::nullopt;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kBytes = 6;
  std::string out;
  for (std::size_t i = 0; i < kBytes; ++i) {
    out += kHex[hash[i] >> 4U];
    out += kHex[hash[i] & 0xFU];
  }
  return out;
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
  const std::optional<std::string> digest = short_digest(report_json);
  if (!digest) {
    return tl::unexpected(std::string("the report has no digest: OpenSSL refuses SHA-256"));
  }
  core::Evidence evidence;
  evidence.key = std::move(key);
  evidence.scope = to_core(report->scope);
  evidence.verdicts = to_core(report->verdict);
  evidence.reasons = std::move(report->reasons);
  constexpr double kLongestRun = 1e9;  // seconds; keeps a nonsensical number from overflowing
  evidence.measured_at = *started + std::llround(std::clamp(report->seconds, 0.0, kLongestRun));
  if (!report->views.empty()) {
    evidence.filesystem = report->views.front().fstype;
    evidence.kernel_release = report->views.front().kernel;
  }
  evidence.probe_version = std::move(report->probe_version);
  evidence.digest = *digest;
  return evidence;
}

}  // namespace walguard::wire
