#include "preflight/report/compact.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "preflight/report/grade.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::report {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

View view_of(const std::string& boot_id) {
  return {.path = "/data",
          .fstype = "ext4",
          .magic = "0xef53",
          .device = "8:1",
          .kernel = "6.1.0",
          .boot_id = boot_id,
          .sandbox = "",
          .node = ""};
}

// One that passed wholly, with details and numbers of the usual size.
Report ordinary() {
  Report report;
  report.scope = Scope::kNode;
  for (const Need& need : needs()) {
    Check check;
    check.id = need.check;
    check.result = CheckResult::kPass;
    check.detail = "every store seen at once, both ways";
    check.seconds = 1.23456789;
    report.checks.push_back(check);
  }
  for (const Strategy strategy : kAllStrategies) report.verdict[strategy] = Verdict::kSafe;
  report.views = {view_of("9d7c"), view_of("9d7c")};
  report.sqlite_version = "3.40.1";
  report.probe_version = "0.1.0";
  report.started = "2026-01-02T03:04:05Z";
  report.seconds = 4.5;
  return report;
}

void add_numbers(Report& report, std::size_t count) {
  for (Check& check : report.checks) {
    for (std::size_t i = 0; i < count; ++i)
      check.numbers["number_" + std::to_string(i) + "_seconds"] = 1.0 / 3;
  }
}

Report parsed(const std::string& json) {
  const auto report = parse_report(json);
  EXPECT_TRUE(report) << report.error();
  return report.value_or(Report{});
}

TEST(CompactReport, IsTheWholeReportWhereThatFits) {
  const Report report = ordinary();
  EXPECT_EQ(encode_compact(report), encode_report(report));
}

TEST(CompactReport, ShortensDetailsBeforeItDropsNumbers) {
  Report report = ordinary();
  add_numbers(report, 2);
  for (Check& check : report.checks) check.detail = std::string(700, 'd');
  const Report compact = parsed(encode_compact(report));
  for (const Check& check : compact.checks) {
    EXPECT_THAT(check.detail, EndsWith("…"));
    EXPECT_EQ(check.numbers.size(), 2U);
    EXPECT_DOUBLE_EQ(check.numbers.begin()->second, 0.3333);
  }
}

TEST(CompactReport, DropsNumbersBeforeItDropsReasons) {
  Report report = ordinary();
  report.verdict[Strategy::kWal] = Verdict::kUnproven;
  report.reasons = {"identity: " + std::string(500, 'r')};
  add_numbers(report, 40);
  const Report compact = parsed(encode_compact(report));
  EXPECT_THAT(compact.checks.front().numbers, IsEmpty());
  ASSERT_EQ(compact.reasons.size(), 1U);
  EXPECT_THAT(compact.reasons.front(), HasSubstr("identity: r"));
  EXPECT_THAT(compact.checks.front().detail, Not(IsEmpty()));
}

TEST(CompactReport, KeepsTwoLongBootIdsApartAndSoTheirScope) {
  Report report = ordinary();
  report.scope = Scope::kCluster;
  const std::string same(5000, 'b');
  report.views = {view_of(same + "1"), view_of(same + "2")};
  const Report compact = parsed(encode_compact(report));
  EXPECT_NE(compact.views.at(0).boot_id, compact.views.at(1).boot_id);
  EXPECT_EQ(compact.scope, Scope::kCluster);
}

// Text as bad as it comes: long, made of what JSON escapes, of half characters and of whole ones.
class Hostile {
 public:
  explicit Hostile(unsigned seed) : random_(seed) {}

  std::string text() {
    static const std::vector<std::string> pieces = {"\x01", "\"",   "\\",       "\n", "é",   "€",
                                                    "😀",   "\xff", "\xe2\x82", "x",  "</b>"};
    std::string text;
    const std::size_t length = below(4) == 0 ? below(8000) : below(90);
    const bool one_kind = below(2) == 0;
    const std::size_t kind = below(pieces.size());
    while (text.size() < length) text += pieces.at(one_kind ? kind : below(pieces.size()));
    return text;
  }
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

 private:
  std::mt19937 random_;
};

Report hostile_report(Hostile& hostile) {
  Report report;
  report.scope = Scope::kNode;
  for (const Need& need : needs()) {
    Check check;
    check.id = need.check;
    check.result = static_cast<CheckResult>(hostile.below(4));
    check.detail = hostile.text();
    check.seconds = static_cast<double>(hostile.below(1000000)) / 7;
    for (std::size_t i = hostile.below(12); i > 0; --i)
      check.numbers[hostile.text()] = 1.0 / static_cast<double>(i);
    report.checks.push_back(check);
  }
  for (std::size_t i = hostile.below(40); i > 0; --i) {
    report.checks.push_back(
        {.id = std::to_string(i) + hostile.text(), .detail = hostile.text(), .numbers = {}});
  }
  for (std::size_t i = hostile.below(20); i > 0; --i) report.reasons.push_back(hostile.text());
  for (int i = 0; i < 2; ++i) {
    report.views.push_back({.path = hostile.text(),
                            .fstype = hostile.text(),
                            .magic = hostile.text(),
                            .device = hostile.text(),
                            .kernel = hostile.text(),
                            .boot_id = hostile.text(),
                            .sandbox = "",
                            .node = hostile.text()});
  }
  report.sqlite_version = hostile.text();
  report.probe_version = hostile.text();
  report.started = hostile.text();
  report.node_names_trusted = true;
  report.scope = measured_scope(report.views, report.node_names_trusted);
  report.verdict = grade(report, {.strategies = {kAllStrategies.begin(), kAllStrategies.end()}}).verdict;
  return report;
}

TEST(CompactReport, FitsAndIsReadBackWhateverItsTextsAre) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Hostile hostile(seed);
    const Report report = hostile_report(hostile);
    const std::string json = encode_compact(report);
    EXPECT_LE(json.size(), kCompactBytes);
    const auto compact = parse_report(json);
    ASSERT_TRUE(compact) << compact.error();
    EXPECT_EQ(compact->verdict, report.verdict);
    EXPECT_EQ(compact->scope, report.scope);
    for (const Need& need : needs()) {
      const auto of_need = [&](const Check& check) { return check.id == need.check; };
      const auto kept = std::ranges::find_if(compact->checks, of_need);
      ASSERT_NE(kept, compact->checks.end()) << need.check;
      EXPECT_EQ(kept->result, std::ranges::find_if(report.checks, of_need)->result);
    }
    EXPECT_EQ(compact->views.size(), report.views.size());
    EXPECT_EQ(encode_compact(*compact).size() <= kCompactBytes, true) << "a compact report stays one";
  }
}

TEST(CompactReport, FitsEvenWhereEveryCharacterTakesSixBytesOfJson) {
  const std::string dear(3000, '\x01');
  Report report = ordinary();
  for (Check& check : report.checks) check.detail = dear;
  report.reasons.assign(5, dear);
  report.views.assign(2, {.path = dear,
                          .fstype = dear,
                          .magic = dear,
                          .device = dear,
                          .kernel = dear,
                          .boot_id = dear,
                          .sandbox = dear,
                          .node = dear});
  report.node_names_trusted = true;
  report.scope = measured_scope(report.views, report.node_names_trusted);
  report.sqlite_version = report.probe_version = report.started = dear;
  const std::string json = encode_compact(report);
  EXPECT_LE(json.size(), kCompactBytes);
  EXPECT_EQ(parsed(json).verdict, report.verdict);
}

}  // namespace
}  // namespace walguard::report
