#include "operator/cli/explain.h"

#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/cli/exit_code.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "preflight/text/terminal.h"

namespace walguard::cli {
namespace {

std::string_view class_name(const core::Rule& rule) {
  switch (rule.rule_class) {
    case core::Rule::Class::kUnsafe:
      return "unsafe";
    case core::Rule::Class::kUnproven:
      return "unproven";
    case core::Rule::Class::kWarning:
      return "warning";
    case core::Rule::Class::kSafe:
      return "safe";
  }
  return "unproven";
}

std::vector<std::string_view> strategies_of(const core::Rule& rule) {
  std::vector<std::string_view> names;
  for (const core::Strategy strategy : core::kStrategies) {
    if (rule.touches.contains(strategy)) names.push_back(core::name(strategy));
  }
  return names;
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(text.empty() ? "" : ", ").append(part);
  return text;
}

/// For terminals of 80 columns and more.
std::string paragraph(std::string_view words, std::size_t indent) {
  constexpr std::size_t kWidth = 78;
  return std::string(indent, ' ') + text::wrapped(words, indent, kWidth);
}

void write_text(const core::Rule& rule, std::ostream& out) {
  out << rule.id << " (" << class_name(rule) << "; " << joined(strategies_of(rule)) << ")\n"
      << paragraph(rule.summary, 2) << "\n"
      << paragraph(rule.detail, 2);
  if (!rule.remedy.empty()) out << "\n  Remedy:\n" << paragraph(rule.remedy, 4);
  out << "\n  Source: " << rule.source << "\n";
}

void write_markdown(const core::Rule& rule, std::ostream& out) {
  out << "## " << rule.id << "\n\n*" << class_name(rule) << "; touches " << joined(strategies_of(rule))
      << "*: " << rule.summary << "\n\n"
      << rule.detail << "\n\n";
  if (!rule.remedy.empty()) out << "**Remedy.** " << rule.remedy << "\n\n";
  out << "Source: " << rule.source << "\n\n";
}

/// The page begins with what a reader looks for: the names.
void write_contents(std::ostream& out) {
  out << "# Rules\n\nMade by `walguard explain -o markdown` from the one table in "
         "`operator/core/rules.cc`.\n\n"
         "| rule | class | strategies | when |\n|---|---|---|---|\n";
  for (const core::Rule& rule : core::rules()) {
    out << "| [" << rule.id << "](#" << rule.id << ") | " << class_name(rule) << " | "
        << joined(strategies_of(rule)) << " | " << rule.summary << " |\n";
  }
  out << '\n';
}

nlohmann::ordered_json as_json(const core::Rule& rule) {
  return {{"rule", rule.id},         {"severity", class_name(rule)}, {"strategies", strategies_of(rule)},
          {"summary", rule.summary}, {"detail", rule.detail},        {"remedy", rule.remedy},
          {"source", rule.source}};
}

/// One line a rule: what somebody wants who does not yet know its name.
void write_overview(std::ostream& out) {
  for (const core::Rule& rule : core::rules()) {
    std::string line(rule.id);
    line.resize(32, ' ');
    std::string severity(class_name(rule));
    severity.resize(10, ' ');
    out << line << severity << rule.summary << '\n';
  }
}

void write_rules(std::span<const core::Rule> rules, ExplainFormat format, std::ostream& out) {
  if (format == ExplainFormat::kJson) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const core::Rule& rule : rules) all.push_back(as_json(rule));
    out << all.dump(2) << '\n';
    return;
  }
  if (format == ExplainFormat::kMarkdown && rules.size() > 1) write_contents(out);
  for (const core::Rule& rule : rules) {
    format == ExplainFormat::kMarkdown ? write_markdown(rule, out) : write_text(rule, out);
  }
}

}  // namespace

int explain(const std::string& rule, ExplainFormat format, std::ostream& out, std::ostream& err) {
  if (rule.empty()) {
    format == ExplainFormat::kText ? write_overview(out) : write_rules(core::rules(), format, out);
    return kOk;
  }
  const core::Rule* found = core::find_rule(rule);
  if (found == nullptr) {
    err << "walguard explain: RULE: \"" << rule << "\" is not a rule; `walguard explain` lists them\n";
    return kBadInput;
  }
  write_rules({found, 1}, format, out);
  return kOk;
}

}  // namespace walguard::cli
