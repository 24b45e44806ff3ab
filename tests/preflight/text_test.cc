#include "preflight/render/text.h"

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/render/words.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using report::Report;
using report::Strategy;
using report::Verdict;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Report example(Verdict verdict) {
  Report report;
  report.verdict[Strategy::kWal] = verdict;
  report.scope = report::Scope::kNode;
  report.views.resize(2);
  for (report::View& view : report.views) {
    view.path = "/data";
    view.fstype = "ext4";
  }
  report.checks.resize(2);
  report.checks[0].id = "identity";
  report.checks[1].id = "wal-workload";
  for (report::Check& check : report.checks) check.detail = "the disk is full";
  return report;
}

constexpr TextStyle kPlain;

std::string text_of(Verdict verdict) { return report_text(example(verdict), {Strategy::kWal}, kPlain); }

TEST(ReportText, BeginsWithTheVerdict) {
  EXPECT_THAT(text_of(Verdict::kUnsafe),
              StartsWith("UNSAFE  wal on /data (ext4), scope node\n  SQLite in WAL"));
}

TEST(ReportText, SaysWhyBeforeWhatToDoBeforeTheChecks) {
  Report report = example(Verdict::kUnsafe);
  report.reasons = {"wal-workload: rows are gone"};
  const std::string text = report_text(report, {Strategy::kWal}, kPlain);
  EXPECT_LT(text.find("\nWhy\n  - wal-workload: rows are gone\n"), text.find("\nWhat to do\n"));
  EXPECT_LT(text.find("\nWhat to do\n"), text.find("\nChecks\n"));
  EXPECT_THAT(text, HasSubstr("\nChecks\n"));
}

TEST(ReportText, SaysThatDurabilityWasNotMeasured) {
  EXPECT_THAT(text_of(Verdict::kSafe), HasSubstr("Not measured: durability on power loss"));
}

TEST(ReportText, SaysARepeatedDetailOnce) {
  const std::string text = text_of(Verdict::kUnproven);
  EXPECT_EQ(text.find("the disk is full"), text.rfind("the disk is full"));
  EXPECT_THAT(text, HasSubstr("(as above)"));
}

TEST(ReportText, DoesNotRepeatAReasonBesideItsCheck) {
  Report report = example(Verdict::kUnsafe);
  report.reasons = {"identity: the disk is full"};
  const std::string text = report_text(report, {Strategy::kWal}, kPlain);
  EXPECT_EQ(text.find("the disk is full"), text.rfind("the disk is full"));
  EXPECT_THAT(text, HasSubstr("(see Why)"));
}

TEST(ReportText, UsesEscapesOnlyWhenAskedFor) {
  EXPECT_THAT(text_of(Verdict::kSafe), Not(HasSubstr("\x1b")));
  EXPECT_THAT(report_text(example(Verdict::kSafe), {Strategy::kWal}, {.colour = true}),
              HasSubstr("\x1b[32mSAFE\x1b[0m"));
}

TEST(ReportText, LetsNothingThatWasMeasuredSpeakToTheTerminal) {
  Report report = example(Verdict::kUnsafe);
  report.views[1].path = "/b\x1b[2J";
  report.views[1].fstype = "\x1b[1m";
  report.checks[0].detail = "from another host: \x1b]0;title\x07";
  report.reasons = {"\x1b[31mred"};
  report.started = report.sqlite_version = report.probe_version = "\x1b[0m";
  EXPECT_THAT(report_text(report, {Strategy::kWal}, kPlain), Not(HasSubstr("\x1b")));
}

TEST(ReportText, WrapsBetweenWordsAtTheWidthOfTheTerminal) {
  Report report = example(Verdict::kUnsafe);
  report.views.clear();
  report.reasons = {
      "identity: one two three four five six seven eight nine ten eleven twelve thirteen fourteen"};
  const std::string text = report_text(report, {Strategy::kWal}, {.colour = false, .width = 60});
  EXPECT_THAT(text, HasSubstr("  - identity: one two three four five six seven eight nine\n    ten eleven"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 60U) << line;
}

TEST(NextSteps, NameTheStrategyThatIsSafeWhereAnotherIsNot) {
  Report report = example(Verdict::kUnsafe);
  report.verdict[Strategy::kRollback] = Verdict::kSafe;
  const std::vector<Strategy> all = {report::kAllStrategies.begin(), report::kAllStrategies.end()};
  EXPECT_THAT(next_steps(report, all).front(), HasSubstr("PRAGMA journal_mode=DELETE"));
  EXPECT_THAT(next_steps(report, {Strategy::kWal}).front(), HasSubstr("run --strategy all /data"));
}

TEST(NextSteps, QuoteAPathThatAShellWouldTakeApart) {
  Report report = example(Verdict::kUnproven);
  report.views[1].path = "/it's a; b";
  EXPECT_THAT(next_steps(report, {Strategy::kWal}).front(), HasSubstr("run /data '/it'\\''s a; b'"));
}

TEST(NextSteps, AfterAnUnprovenRunNameTheStrategyAndBothHosts) {
  Report report = example(Verdict::kUnproven);
  EXPECT_THAT(next_steps(report, {Strategy::kRollback}).front(), HasSubstr("run --strategy rollback /data"));
  report.views.resize(2, report.views.front());
  report.views[0].boot_id = "boot-1";
  report.views[1].boot_id = "boot-2";
  report.views[1].path = "/other";
  EXPECT_THAT(next_steps(report, {Strategy::kWal}).front(),
              AllOf(HasSubstr("run /data --listen"), HasSubstr("run /other --connect")));
}

TEST(NextSteps, OfAPassSayHowFarItReaches) {
  EXPECT_THAT(next_steps(example(Verdict::kSafe), {Strategy::kWal}).front(), HasSubstr("of one node"));
}

TEST(WorstVerdict, LooksAtWhatWasAskedForOnly) {
  const Report report = example(Verdict::kSafe);
  EXPECT_EQ(worst_verdict(report, {Strategy::kWal}), Verdict::kSafe);
  EXPECT_EQ(worst_verdict(report, {Strategy::kWal, Strategy::kRollback}), Verdict::kUnproven);
}

}  // namespace
}  // namespace walguard::preflight
