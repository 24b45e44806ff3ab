#include "preflight/render/text.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/render/printable.h"
#include "preflight/render/words.h"
#include "preflight/report/report.h"
#include "preflight/report/utf8.h"

namespace walguard::preflight {
namespace {

using report::CheckResult;
using report::Report;
using report::Strategy;
using report::Verdict;

constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kBold = "\x1b[1m";
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

std::string upper(std::string_view text) {
  std::string loud(text);
  std::ranges::transform(loud, loud.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return loud;
}

std::string in_seconds(double seconds) {
  constexpr std::size_t kWidth = 8;
  const std::string text = decimal(seconds, 2) + " s";
  return std::string(kWidth - std::min(kWidth, text.size()), ' ') + text;
}

// Columns, as far as one column a character goes.
std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(std::max<std::size_t>(1, report::utf8_length(text)));
    ++count;
  }
  return count;
}

// `words` as the rest of a line of which `indent` columns are taken, and of as many lines, indented alike, as
// they need.
std::string wrapped(std::string_view words, std::size_t indent, std::size_t width) {
  std::string text;
  std::size_t at = indent;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (text.empty()) {
      at += columns(word);
    } else if (width != 0 && at + 1 + columns(word) > width) {
      text += "\n" + std::string(indent, ' ');
      at = indent + columns(word);
    } else {
      text += ' ';
      at += 1 + columns(word);
    }
    text += word;
  }
  return text + "\n";
}

std::string heading(std::string_view words, bool colour) {
  return "\n" + painted(words, kBold, colour) + "\n";
}

std::string bullets(const std::vector<std::string>& items, const TextStyle& style) {
  std::string text;
  for (const std::string& item : items) text += "  - " + wrapped(printable(item), 4, style.width);
  return text;
}

std::string check_line(const report::Check& check, std::string_view detail, const TextStyle& style) {
  constexpr std::size_t kDetailColumn = 43;
  return "  " + padded(printable(check.id), 19) +
         painted(padded(to_string(check.result), 12), colour_of(check.result), style.colour) +
         in_seconds(check.seconds) + "  " + wrapped(printable(detail), kDetailColumn, style.width);
}

std::string verdict_lines(const Report& report, Strategy strategy, const TextStyle& style) {
  const Verdict verdict = report.verdict[strategy];
  constexpr std::size_t kIndent = 2;
  return painted(upper(to_string(verdict)), colour_of(verdict), style.colour) + "  " +
         std::string(to_string(strategy)) + " on " + places(report) + ", scope " +
         std::string(to_string(report.scope)) + "\n" + std::string(kIndent, ' ') +
         wrapped(meaning(report, strategy), kIndent, style.width);
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
  if (!report.reasons.empty()) text += heading("Why", style.colour) + bullets(report.reasons, style);
  text += heading("What to do", style.colour) + bullets(next_steps(report, asked), style);
  text += heading("Checks", style.colour) + check_lines(report, style);
  text += "\n" + wrapped(not_measured(report), 0, style.width);
  text += "SQLite " + printable(report.sqlite_version) + ", walguard-preflight " +
          printable(report.probe_version) + ", " + printable(report.started) + ", took " +
          human_seconds(report.seconds) + ".\n";
  return text;
}

}  // namespace walguard::preflight
