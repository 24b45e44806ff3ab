#include "operator/check/junit_report.h"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "operator/check/report.h"
#include "operator/core/decide.h"
#include "operator/core/verdict.h"
#include "operator/wire/manifest.h"
#include "preflight/text/printable.h"

namespace walguard::check {
namespace {

/// Text between tags or in quotes. What XML 1.0 has no way to write is shown as \xHH.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text::printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct Suite {
  std::string file;
  std::string cases;
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::size_t skipped = 0;
};

void add_case(Suite& suite, std::string_view name, int line, const std::string& inside) {
  ++suite.tests;
  suite.cases += R"(    <testcase classname=")" + escaped(suite.file) + R"(" name=")" + escaped(name) + '"';
  if (line > 0) suite.cases += R"( line=")" + std::to_string(line) + '"';
  suite.cases += inside.empty() ? "/>\n" : ">\n" + inside + "    </testcase>\n";
}

std::string sentence_of(const CheckedFinding& found) {
  std::string text = std::string(found.finding.rule) + ": " + found.finding.reason;
  if (found.accepted) text += " (accepted: " + found.accepted->reason + ")";
  if (!found.remedy().empty()) text.append(". Remedy: ").append(found.remedy());
  std::ranges::replace(text, '\n', ' ');
  return escaped(text);
}

std::string sentences_of(const CheckedVolume& volume) {
  std::string text;
  for (const CheckedFinding& found : volume.findings) text += sentence_of(found) + "\n";
  return text;
}

/// The first finding that stands; what fails has one.
const core::Finding& deciding(const CheckedVolume& volume) {
  return std::ranges::find_if(volume.findings, [](const CheckedFinding& found) { return !found.accepted; })
      ->finding;
}

bool only_accepted(const CheckedVolume& volume) {
  return volume.verdict != core::Verdict::kSafe && standing(volume) < core::Severity::kUnproven;
}

std::string inside_of(Suite& suite, const CheckedVolume& volume, FailOn fail_on) {
  if (fails(volume, fail_on)) {
    ++suite.failures;
    const core::Finding& finding = deciding(volume);
    return R"(      <failure type=")" + escaped(finding.rule) + R"(" message=")" + escaped(finding.reason) +
           "\">" + sentences_of(volume) + "</failure>\n";
  }
  if (only_accepted(volume)) {
    ++suite.skipped;
    return R"(      <skipped message="risk accepted"/>)"
           "\n      <system-out>" +
           sentences_of(volume) + "</system-out>\n";
  }
  if (volume.findings.empty()) return {};
  return "      <system-out>" + sentences_of(volume) + "</system-out>\n";
}

void add_object(Suite& suite, const CheckedObject& object, FailOn fail_on) {
  const std::string name = title_of(object);
  if (object.volumes.empty()) add_case(suite, name, object.line, "");
  for (const CheckedVolume& volume : object.volumes) {
    const std::string inside = inside_of(suite, volume, fail_on);
    add_case(suite, name + ", volume " + volume.facts.volume, volume.line, inside);
  }
}

void add_error(Suite& suite, const wire::LoadError& error) {
  ++suite.errors;
  const std::string name = error.object.empty() ? "input" : error.object;
  add_case(suite, name, error.line,
           R"(      <error type="input" message=")" + escaped(error.message) + "\"/>\n");
}

Suite& suite_of(std::vector<Suite>& suites, const std::string& file) {
  if (suites.empty() || suites.back().file != file) suites.push_back({.file = file, .cases = {}});
  return suites.back();
}

std::string counts_of(const Suite& counts) {
  return R"(tests=")" + std::to_string(counts.tests) + R"(" failures=")" + std::to_string(counts.failures) +
         R"(" errors=")" + std::to_string(counts.errors) + R"(" skipped=")" + std::to_string(counts.skipped) +
         '"';
}

}  // namespace

void junit_report(const CheckReport& report, FailOn fail_on, std::ostream& out) {
  std::vector<Suite> suites;
  for (const CheckedObject& object : report.objects)
    add_object(suite_of(suites, object.file), object, fail_on);
  for (const wire::LoadError& error : report.errors) add_error(suite_of(suites, error.file), error);
  Suite all;
  for (const Suite& suite : suites) {
    all.tests += suite.tests;
    all.failures += suite.failures;
    all.errors += suite.errors;
    all.skipped += suite.skipped;
  }
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"walguard check\" " << counts_of(all)
      << ">\n";
  for (const Suite& suite : suites) {
    out << R"(  <testsuite name=")" << escaped(suite.file) << "\" " << counts_of(suite) << ">\n"
        << suite.cases << "  </testsuite>\n";
  }
  out << "</testsuites>\n";
}

}  // namespace walguard::check
