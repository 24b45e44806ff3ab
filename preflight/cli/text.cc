#include "preflight/cli/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using report::CheckResult;
using report::Report;
using report::Scope;
using report::Strategy;
using report::Verdict;

constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kReset = "\x1b[0m";

std::string_view colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSafe:
      return kGreen;
    case Verdict::kUnsafe:
      return kRed;
    case Verdict::kUnproven:
      return kYellow;
  }
  return kYellow;
}

std::string_view colour_of(CheckResult result) {
  if (result == CheckResult::kPass) return kGreen;
  return result == CheckResult::kNotRun ? kYellow : kRed;
}

std::string painted(std::string_view text, std::string_view paint, bool colour) {
  if (!colour) return std::string(text);
  return std::string(paint) + std::string(text) + std::string(kReset);
}

std::string padded(std::string_view text, std::size_t width) {
  std::string wide(text);
  wide.resize(std::max(width, wide.size()), ' ');
  return wide;
}

std::string upper(std::string_view text) {
  std::string loud(text);
  std::ranges::transform(loud, loud.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return loud;
}

std::string in_seconds(double seconds) {
  std::array<char, 32> text;
  (void)std::snprintf(text.data(), text.size(), "%6.2f s", seconds);
  return text.data();
}

std::string_view who(Scope scope) {
  switch (scope) {
    case Scope::kContainer:
      return "processes of one container";
    case Scope::kPod:
      return "containers of one pod";
    case Scope::kNode:
      return "processes and containers of one node";
    case Scope::kCluster:
      return "pods on several nodes";
  }
  return "processes";
}

std::string_view describe(Strategy strategy) {
  switch (strategy) {
    case Strategy::kWal:
      return "SQLite in WAL mode";
    case Strategy::kWalExclusive:
      return "SQLite in WAL mode with locking_mode=EXCLUSIVE";
    case Strategy::kRollback:
      return "SQLite with a rollback journal";
  }
  return "SQLite";
}

std::string meaning(const Report& report, Strategy strategy) {
  std::string subject = std::string(describe(strategy)) + ", shared by " + std::string(who(report.scope));
  switch (report.verdict[strategy]) {
    case Verdict::kSafe:
      return subject + ": measured, and nothing went wrong.";
    case Verdict::kUnsafe:
      return subject + ": commits can be lost or the database destroyed here. Do not.";
    case Verdict::kUnproven:
      return subject + ": not shown to be safe; treat it as unsafe until it is.";
  }
  return subject;
}

std::string paths(const Report& report) {
  std::string text;
  for (const report::View& view : report.views) {
    if (!text.empty() && view.path == report.views.front().path) continue;
    text +=
        (text.empty() ? "" : " and ") + view.path + " (" + (view.fstype.empty() ? "?" : view.fstype) + ")";
  }
  return text;
}

std::string check_line(const report::Check& check, std::string_view detail, bool colour) {
  return "  " + padded(check.id, 18) +
         painted(padded(to_string(check.result), 12), colour_of(check.result), colour) +
         in_seconds(check.seconds) + "  " + std::string(detail);
}

}  // namespace

Verdict worst_verdict(const Report& report, const std::vector<Strategy>& asked) {
  Verdict worst = Verdict::kSafe;
  for (const Strategy strategy : asked) worst = std::max(worst, report.verdict[strategy]);
  return worst;
}

std::string report_text(const Report& report, const std::vector<Strategy>& asked, bool colour) {
  std::string text;
  for (const Strategy strategy : asked) {
    const Verdict verdict = report.verdict[strategy];
    text += painted(upper(to_string(verdict)), colour_of(verdict), colour) + "  " +
            std::string(to_string(strategy)) + " on " + paths(report) + ", scope " +
            std::string(to_string(report.scope)) + "\n";
  }
  text += "\n";
  std::string_view above;
  for (const report::Check& check : report.checks) {
    const bool repeated = !check.detail.empty() && check.detail == above;
    above = check.detail;
    text += check_line(check, repeated ? "(as above)" : check.detail, colour) + "\n";
  }
  if (!report.reasons.empty()) {
    text += "\nWhy:\n";
    for (const std::string& reason : report.reasons) text += "  - " + reason + "\n";
  }
  text += "\nWhat it means:\n";
  for (const Strategy strategy : asked) text += "  " + meaning(report, strategy) + "\n";
  text += "  Not measured: durability on power loss" +
          std::string(report.scope == Scope::kCluster
                          ? ""
                          : ", and sharing beyond scope " + std::string(to_string(report.scope))) +
          ".\n";
  text += "  SQLite " + report.sqlite_version + ", walguard-preflight " + report.probe_version + ", " +
          report.started + ", took" + in_seconds(report.seconds) + ".\n";
  return text;
}

}  // namespace walguard::preflight
