#include "preflight/render/html.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/render/html_style.h"
#include "preflight/render/plots.h"
#include "preflight/render/words.h"
#include "preflight/report/report.h"
#include "preflight/text/printable.h"

namespace walguard::preflight {
namespace {

using report::Report;
using report::Strategy;

std::string tag(std::string_view name, std::string_view content, std::string_view style = "") {
  const std::string opening = style.empty() ? "" : " class=\"" + std::string(style) + "\"";
  return "<" + std::string(name) + opening + ">" + std::string(content) + "</" + std::string(name) + ">";
}

std::string text_tag(std::string_view name, std::string_view text, std::string_view style = "") {
  return tag(name, html_escaped(text), style);
}

std::string section(std::string_view title, const std::string& content) {
  return "<section>\n" + text_tag("h2", title) + "\n" + content + "</section>\n";
}

std::string list(const std::vector<std::string>& items) {
  std::string content;
  for (const std::string& item : items) content += text_tag("li", item) + "\n";
  return tag("ul", "\n" + content) + "\n";
}

struct Heading {
  std::string_view text;
  std::string_view style;  // of the column; may be empty
};

// A table that a narrow window scrolls by itself, also by keyboard.
std::string table(std::string_view name, std::string_view style, const std::vector<Heading>& headings,
                  const std::string& rows) {
  std::string head;
  for (const Heading& heading : headings) {
    const std::string of_column =
        heading.style.empty() ? "" : " class=\"" + std::string(heading.style) + "\"";
    head += "<th scope=\"col\"" + of_column + ">" + html_escaped(heading.text) + "</th>";
  }
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + html_escaped(name) + "\">" +
         tag("table", "\n" + tag("thead", tag("tr", head)) + "\n" + tag("tbody", "\n" + rows) + "\n", style) +
         "</div>\n";
}

std::string row_heading(std::string_view text) { return "<th scope=\"row\">" + html_escaped(text) + "</th>"; }

std::string verdict_word(report::Verdict verdict) {
  switch (verdict) {
    case report::Verdict::kSafe:
      return "✓ SAFE";
    case report::Verdict::kUnsafe:
      return "✗ UNSAFE";
    case report::Verdict::kUnproven:
      return "? UNPROVEN";
  }
  return "? UNPROVEN";
}

std::string verdict_card(const Report& report, Strategy strategy) {
  const report::Verdict verdict = report.verdict[strategy];
  return tag("div",
             text_tag("h3", to_string(strategy)) + text_tag("strong", verdict_word(verdict)) +
                 text_tag("p", meaning(report, strategy)),
             "card verdict " + std::string(to_string(verdict))) +
         "\n";
}

std::string verdict_cards(const Report& report, const std::vector<Strategy>& asked) {
  std::string cards;
  for (const Strategy strategy : asked) cards += verdict_card(report, strategy);
  std::string not_asked;
  for (const Strategy strategy : report::kAllStrategies) {
    if (std::ranges::find(asked, strategy) != asked.end()) continue;
    not_asked += (not_asked.empty() ? "" : ", ") + std::string(to_string(strategy));
  }
  std::string html = tag("div", "\n" + cards, "cards") + "\n";
  if (!not_asked.empty())
    html += text_tag("p", "Not asked for, so unproven: " + not_asked + ".", "muted") + "\n";
  return html;
}

std::string checks_table(const Report& report) {
  std::string rows;
  for (const report::Check& check : report.checks) {
    rows +=
        tag("tr", row_heading(check.id) + text_tag("td", to_string(check.result), to_string(check.result)) +
                      text_tag("td", text::decimal(check.seconds, 2) + " s", "number") +
                      text_tag("td", check.detail, "wide")) +
        "\n";
  }
  return table("Checks", "checks", {{"Check", ""}, {"Result", ""}, {"Took", "number"}, {"What was seen", ""}},
               rows);
}

std::string latency_card(const Report& report) {
  const Latencies latencies = latencies_of(report);
  std::string content = text_tag("h3", "Latencies");
  if (!latencies.measured.empty()) {
    content += text_tag("p", "Dot: median. Ticks: 90th and 99th percentile. Ring: longest.", "muted") +
               latency_plot(latencies.measured);
  }
  if (!latencies.missing.empty()) {
    std::string missing;
    for (const std::string_view label : latencies.missing)
      missing += (missing.empty() ? "" : "; ") + std::string(label);
    content += text_tag("p", "Not measured in this run: " + missing + ".", "muted");
  }
  return tag("div", content, "card") + "\n";
}

std::string busy_card(const Report& report) {
  const std::vector<BusyRate> rates = busy_rates_of(report);
  std::string content = text_tag("h3", "BUSY rate against writers");
  if (rates.empty()) {
    content += text_tag("p", "Not measured in this run.", "muted");
  } else {
    content += text_tag("p", "Share of attempts to write that SQLite refused because another held the lock.",
                        "muted") +
               busy_plot(rates);
  }
  return tag("div", content, "card") + "\n";
}

std::string or_unknown(const std::string& text) { return text.empty() ? "not known" : text; }

std::string views_table(const Report& report) {
  struct Row {
    std::string_view name;
    std::string report::View::* field;
  };
  constexpr std::array<Row, 6> kRows = {{{"Directory", &report::View::path},
                                         {"Filesystem", &report::View::fstype},
                                         {"Type (statfs)", &report::View::magic},
                                         {"Device", &report::View::device},
                                         {"Kernel", &report::View::kernel},
                                         {"Boot id", &report::View::boot_id}}};
  std::vector<Heading> headings = {{"", ""}};
  constexpr std::array<std::string_view, 2> kAgents = {"Agent A", "Agent B"};
  for (std::size_t i = 0; i < report.views.size(); ++i)
    headings.push_back({i < kAgents.size() ? kAgents.at(i) : "", ""});
  std::string rows;
  for (const Row& row : kRows) {
    std::string cells = row_heading(row.name);
    for (const report::View& view : report.views) cells += text_tag("td", or_unknown(view.*row.field));
    rows += tag("tr", cells) + "\n";
  }
  std::string cells = row_heading("Sandbox");
  for (const report::View& view : report.views) {
    cells += text_tag("td", view.sandbox.empty() ? "none seen" : view.sandbox);
  }
  rows += tag("tr", cells) + "\n";
  return table("Where it was measured", "", headings, rows);
}

std::string number_text(const std::string& name, double value) {
  if (name.ends_with("_seconds")) return text::human_seconds(value);
  constexpr double kExact = 1e15;
  if (value >= 0 && value < kExact && std::trunc(value) == value)
    return text::human_count(static_cast<std::uint64_t>(value));
  std::array<char, 32> text;
  (void)std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

std::string numbers_table(const Report& report) {
  std::string rows;
  for (const report::Check& check : report.checks) {
    for (const auto& [name, value] : check.numbers) {
      rows += tag("tr", row_heading(check.id) + text_tag("td", name) +
                            text_tag("td", number_text(name, value), "number")) +
              "\n";
    }
  }
  return rows.empty() ? ""
                      : section("Numbers", table("Numbers", "",
                                                 {{"Check", ""}, {"Number", ""}, {"Value", "number"}}, rows));
}

std::string head(const std::string& title) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'\" />\n" +
         text_tag("title", title) + "\n<style>" + std::string(kHtmlStyle) + "</style>\n</head>\n";
}

std::string footer(const Report& report) {
  return tag("footer", text_tag("p", not_measured(report)) +
                           text_tag("p",
                                    "walguard-preflight " + report.probe_version + ", SQLite " +
                                        report.sqlite_version + ". Started " + report.started + ", took " +
                                        text::human_seconds(report.seconds) + ".",
                                    "muted")) +
         "\n";
}

}  // namespace

std::string report_html(const Report& report, const std::vector<Strategy>& asked) {
  const std::string verdict(to_string(worst_verdict(report, asked)));
  std::string body =
      text_tag("h1", "SQLite on " + places(report) + ": " + verdict) + "\n" +
      text_tag("p", "Measured at scope " + std::string(to_string(report.scope)) + ".", "muted") + "\n" +
      verdict_cards(report, asked);
  if (!report.reasons.empty()) body += section("Why", list(report.reasons));
  body += section("What to do", list(next_steps(report, asked)));
  body += section("Checks", checks_table(report));
  body += section("How fast", tag("div", "\n" + latency_card(report) + busy_card(report), "plots") + "\n");
  body += section("Where it was measured", views_table(report));
  body += numbers_table(report);
  body += footer(report);
  return head(verdict + ": SQLite on " + places(report)) + tag("body", "\n" + tag("main", "\n" + body)) +
         "\n</html>\n";
}

}  // namespace walguard::preflight
