#include "preflight/render/text.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/render/words.h"
#include "preflight/report/report.h"
#include "preflight/text/printable.h"
#include "preflight/text/terminal.h"

namespace walguard::preflight {
namespace {

using report::CheckResult;
using report::Report;
using report::Strategy;
using report::Verdict;
using text::Paint;

Paint colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSafe:
      return Paint::kGreen;
    case Verdict::kUnsafe:
      return Paint::kRed;
    case Verdict::kUnproven:
      return Paint::kYellow;
  }
  return Paint::kYellow;
}

Paint colour_of(CheckResult result) {
  if (result == CheckResult::kPass) return Paint::kGreen;
  return result == CheckResult::kNotRun ? Paint::kYellow : Paint::kRed;
}

std::string upper(std::string_view text) {
  std::string loud(text);
  std::ranges::transform(loud, loud.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return loud;
}

std::string in_seconds(double seconds) {
  constexpr std::size_t kWidth = 8;
  const std::string text = text::decimal(seconds, 2) + " s";
  return std::string(kWidth - std::min(kWidth, text.size()), ' ') + text;
}

std::string heading(std::string_view words, const TextStyle& style) {
  return "\n" + text::painted(words, Paint::kBold, style) + "\n";
}

std::string bullets(const std::vector<std::string>& items, const TextStyle& style) {
  std::string text;
  for (const std::string& item : items) text += "  - " + text::wrapped(text::printable(item), 4, style.width);
  return text;
}

std::string check_line(const report::Check& check, std::string_view detail, const TextStyle& style) {
  constexpr std::size_t kDetailColumn = 43;
  return "  " + text::padded(text::printable(check.id), 19) +
         text::painted(text::padded(to_string(check.result), 12), colour_of(check.result), style) +
         in_seconds(check.seconds) + "  " +
         text::wrapped(text::printable(detail), kDetailColumn, style.width);
}

std::string verdict_lines(const Report& report, Strategy strategy, const TextStyle& style) {
  const Verdict verdict = report.verdict[strategy];
  constexpr std::size_t kIndent = 2;
  return text::painted(upper(to_string(verdict)), colour_of(verdict), style) + "  " +
         std::string(to_string(strategy)) + " on " + places(report) + ", scope " +
         std::string(to_string(report.scope)) + "\n" + std::string(kIndent, ' ') +
         text::wrapped(meaning(report, strategy), kIndent, style.width);
}

// What a line above it says already is not said again.
std::string check_lines(const Report& report, const TextStyle& style) {
  std::string text;
  std::string_view above;
  for (const report::Check& check : report.checks) {
    const bool repeated = !check.detail.empty() && check.detail == above;
    const bool told =
        std::ranges::find(report.reasons, check.id + ": " + check.detail) != report.reasons.end();
    above = check.detail;
    text += check_line(check, told ? "(see Why)" : repeated ? "(as above)" : check.detail, style);
  }
  return text;
}

}  // namespace

std::string report_text(const Report& report, const std::vector<Strategy>& asked, const TextStyle& style) {
  std::string text;
  for (const Strategy strategy : asked) text += verdict_lines(report, strategy, style);
  if (!report.reasons.empty()) text += heading("Why", style) + bullets(report.reasons, style);
  text += heading("What to do", style) + bullets(next_steps(report, asked), style);
  text += heading("Checks", style) + check_lines(report, style);
  text += "\n" + text::wrapped(not_measured(report), 0, style.width);
  text += "SQLite " + text::printable(report.sqlite_version) + ", walguard-preflight " +
          text::printable(report.probe_version) + ", " + text::printable(report.started) + ", took " +
          text::human_seconds(report.seconds) + ".\n";
  return text;
}

}  // namespace walguard::preflight
