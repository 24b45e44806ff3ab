#include "preflight/render/html.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/render/plots.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using report::CheckResult;
using report::Report;
using report::Strategy;
using report::Verdict;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Report example() {
  Report report;
  report.verdict[Strategy::kWal] = Verdict::kUnsafe;
  report.scope = report::Scope::kNode;
  report.views.resize(2);
  for (report::View& view : report.views) {
    view.path = "/data";
    view.fstype = "ext4";
  }
  report.checks = {
      {.id = "mmap-coherence", .result = CheckResult::kFail, .detail = "two page caches", .numbers = {}},
      {.id = "wal-workload", .result = CheckResult::kPass, .detail = "all found", .numbers = {}}};
  report.reasons = {"mmap-coherence: two page caches"};
  return report;
}

void add_latency(Report& report, const std::string& name, double p50) {
  report.checks.back().numbers[name + "_p50_seconds"] = p50;
  report.checks.back().numbers[name + "_p90_seconds"] = p50 * 2;
  report.checks.back().numbers[name + "_p99_seconds"] = p50 * 10;
  report.checks.back().numbers[name + "_max_seconds"] = p50 * 100;
}

std::string html_of(const Report& report) { return report_html(report, {Strategy::kWal}); }

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(ReportPage, HoldsVerdictReasonStepsChecksAndViews) {
  const std::string html = html_of(example());
  EXPECT_THAT(html, HasSubstr("<h1>SQLite on /data (ext4): unsafe</h1>"));
  EXPECT_THAT(html, HasSubstr("✗ UNSAFE"));
  EXPECT_THAT(html, HasSubstr("<li>mmap-coherence: two page caches</li>"));
  EXPECT_THAT(html, HasSubstr("Not asked for, so unproven: wal-exclusive, rollback."));
  EXPECT_THAT(html, HasSubstr("<td class=\"fail\">fail</td>"));
  EXPECT_THAT(html, HasSubstr("Not measured: durability on power loss"));
  for (const char* const title : {"Why", "What to do", "Checks", "How fast", "Where it was measured"}) {
    EXPECT_THAT(html, HasSubstr("<h2>" + std::string(title) + "</h2>"));
  }
}

TEST(ReportPage, LoadsAndRunsNothing) {
  Report report = example();
  add_latency(report, "commit", 0.001);
  const std::string html = html_of(report);
  for (const char* const word : {"<script", "<link", "<img", "<iframe", "http://", "https://", "url(",
                                 "@import", " src=", " href=", "onload"}) {
    EXPECT_THAT(html, Not(HasSubstr(word)));
  }
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(ReportPage, EscapesEveryTextOfTheReport) {
  const std::string evil = "<script>alert(\"1\")</script>&\x01\xff";
  Report report = example();
  report.reasons = {evil};
  report.sqlite_version = report.probe_version = report.started = evil;
  report.checks.push_back({.id = evil, .result = CheckResult::kFail, .detail = evil, .numbers = {{evil, 1}}});
  report.views.at(1) = {.path = evil,
                        .fstype = evil,
                        .magic = evil,
                        .device = evil,
                        .kernel = evil,
                        .boot_id = evil,
                        .sandbox = evil};
  for (const Verdict verdict : {Verdict::kSafe, Verdict::kUnproven, Verdict::kUnsafe}) {
    report.verdict[Strategy::kWal] = verdict;
    const std::string html = html_of(report);
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(html, Not(HasSubstr("\x01")));
    EXPECT_THAT(html, Not(HasSubstr("\xff")));
    EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;\\x01\\xff"));
  }
}

// Every tag that is opened is closed in its order.
void expect_balanced(std::string_view html) {
  std::vector<std::string_view> open;
  for (std::size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at)) {
    const std::string_view tag = html.substr(at + 1, html.find('>', at) - at - 1);
    at += tag.size() + 2;
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
      continue;
    }
    ASSERT_FALSE(open.empty()) << tag;
    ASSERT_EQ(open.back(), tag.substr(1));
    open.pop_back();
  }
  EXPECT_THAT(open, IsEmpty());
}

TEST(ReportPage, ClosesEveryTagAndGivesEveryIdOnce) {
  Report report = example();
  for (const char* const name : {"visibility", "publication", "handover", "fsync", "fdatasync", "commit"}) {
    add_latency(report, name, 0.001);
  }
  report.checks.back().numbers["busy_rate_writers_2"] = 0.25;
  const std::string html =
      report_html(report, {report::kAllStrategies.begin(), report::kAllStrategies.end()});
  ASSERT_NO_FATAL_FAILURE(expect_balanced(html));
  ASSERT_NO_FATAL_FAILURE(expect_balanced(html_of(Report{})));
  EXPECT_EQ(count(html, "<svg "), 2U);
  EXPECT_EQ(count(html, "role=\"img\""), 2U);
  for (const char* const id : {"latency-title", "latency-desc", "busy-title", "busy-desc"}) {
    EXPECT_EQ(count(html, "id=\"" + std::string(id) + "\""), 1U);
    EXPECT_EQ(count(html, id), 2U) << "named where it is used";
  }
}

TEST(ReportPage, LeavesAPlotOutWithANoteWhereItsNumbersAreMissing) {
  Report report = example();
  const std::string without = html_of(report);
  EXPECT_EQ(count(without, "<svg "), 0U);
  EXPECT_THAT(without, HasSubstr("Not measured in this run: Store in shared memory"));
  EXPECT_THAT(without, HasSubstr("<p class=\"muted\">Not measured in this run.</p>"));
  add_latency(report, "commit", 0.001);
  const std::string with = html_of(report);
  EXPECT_EQ(count(with, "<svg "), 1U);
  EXPECT_THAT(with, HasSubstr("fsync; fdatasync."));
}

TEST(Latencies, AreTakenWhenAllFourFiguresAreThere) {
  Report report = example();
  add_latency(report, "commit", 0.001);
  add_latency(report, "fsync", 0.002);
  report.checks.back().numbers.erase("fsync_p90_seconds");
  const Latencies latencies = latencies_of(report);
  ASSERT_THAT(latencies.measured, SizeIs(1));
  EXPECT_EQ(latencies.measured.front().name, "commit");
  EXPECT_DOUBLE_EQ(latencies.measured.front().p99, 0.01);
  EXPECT_THAT(latencies.missing, SizeIs(5));
}

TEST(LatencyPlot, TellsItsFiguresInWordsToo) {
  const std::string svg = latency_plot(
      {{.name = "commit", .label = "SQLite commit", .p50 = 0.001, .p90 = 0.002, .p99 = 0.01, .max = 0.1}});
  EXPECT_THAT(
      svg,
      HasSubstr("SQLite commit: median 1.00 ms, 90th percentile 2.00 ms, 99th 10.0 ms, longest 100 ms."));
  EXPECT_THAT(svg, HasSubstr(">1 ms</text>"));
  EXPECT_THAT(svg, HasSubstr(">100 ms</text>"));
}

TEST(LatencyPlot, BearsFiguresOfNoSenseInsideItsFrame) {
  const std::string svg =
      latency_plot({{.name = "a", .label = "a", .p50 = 0, .p90 = 0, .p99 = 1e300, .max = 1e308}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(svg, Not(HasSubstr("cx=\"-")));
}

TEST(BusyPlot, ShowsTheNumbersOfWritersThatWereMeasured) {
  Report report = example();
  report.checks.back().numbers = {{"busy_rate_writers_1", 0}, {"busy_rate_writers_4", 0.41}};
  const std::vector<BusyRate> rates = busy_rates_of(report);
  ASSERT_THAT(rates, SizeIs(2));
  const std::string svg = busy_plot(rates);
  EXPECT_THAT(svg, HasSubstr("1 writer: 0 %. 4 writers: 41 %."));
  EXPECT_THAT(svg, HasSubstr(">50 %</text>"));
}

}  // namespace
}  // namespace walguard::preflight
