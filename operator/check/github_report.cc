#include "operator/check/github_report.h"

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

#include "operator/check/report.h"
#include "operator/core/decide.h"
#include "operator/core/verdict.h"
#include "operator/wire/manifest.h"
#include "preflight/text/printable.h"

namespace walguard::check {
namespace {

/// A remedy has several lines.
std::string printable_lines(std::string_view text) {
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out += text::printable(text.substr(0, end)) + "\n";
    text.remove_prefix(end + 1);
  }
  return out + text::printable(text);
}

/// As the runner reads it: a property also ends at a comma or a colon.
std::string escaped(std::string_view text, bool property) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const std::string_view special = property ? "%\r\n:," : "%\r\n";
  std::string out;
  for (const char c : printable_lines(text)) {
    if (special.find(c) == std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return out;
}

std::string command(std::string_view level, const std::string& file, int line, std::string_view title,
                    std::string_view message) {
  std::string text = "::" + std::string(level) + " file=" + escaped(file, true);
  if (line > 0) text += ",line=" + std::to_string(line);
  return text + ",title=" + escaped(title, true) + "::" + escaped(message, false) + "\n";
}

std::string_view level_of(const CheckedFinding& found, FailOn fail_on) {
  if (found.accepted) return "notice";
  return fails(found.finding.severity, fail_on) ? "error" : "warning";
}

std::string finding_line(const CheckedObject& object, const CheckedVolume& volume,
                         const CheckedFinding& found, FailOn fail_on) {
  const core::Finding& finding = found.finding;
  std::string message = title_of(object) + ", volume \"" + volume.facts.volume + "\": " + finding.reason;
  if (found.accepted) {
    message += " (accepted: " + found.accepted->reason + ")";
  } else if (!found.remedy().empty()) {
    message.append(". Remedy: ").append(found.remedy());
  }
  return command(level_of(found, fail_on), object.file, volume.line, finding.rule, message);
}

}  // namespace

void github_report(const CheckReport& report, FailOn fail_on, std::ostream& out) {
  for (const CheckedObject& object : report.objects) {
    for (const CheckedVolume& volume : object.volumes) {
      for (const CheckedFinding& found : volume.findings) {
        if (found.finding.severity == core::Severity::kInfo) continue;
        out << finding_line(object, volume, found, fail_on);
      }
    }
    for (const std::string& note : object.notes) {
      out << command("warning", object.file, object.line, "walguard", note);
    }
  }
  for (const wire::LoadError& error : report.errors) {
    out << command("error", error.file, error.line, "input", error.message);
  }
}

}  // namespace walguard::check
