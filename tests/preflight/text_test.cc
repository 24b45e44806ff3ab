#include "preflight/cli/text.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

using report::Report;
using report::Strategy;
using report::Verdict;
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

TEST(ReportText, BeginsWithTheVerdict) {
  EXPECT_THAT(report_text(example(Verdict::kUnsafe), {Strategy::kWal}, false),
              StartsWith("UNSAFE  wal on /data (ext4), scope node\n"));
}

TEST(ReportText, SaysThatDurabilityWasNotMeasured) {
  EXPECT_THAT(report_text(example(Verdict::kSafe), {Strategy::kWal}, false),
              HasSubstr("Not measured: durability on power loss"));
}

TEST(ReportText, SaysARepeatedDetailOnce) {
  const std::string text = report_text(example(Verdict::kUnproven), {Strategy::kWal}, false);
  EXPECT_EQ(text.find("the disk is full"), text.rfind("the disk is full"));
  EXPECT_THAT(text, HasSubstr("(as above)"));
}

TEST(ReportText, UsesEscapesOnlyWhenAskedFor) {
  EXPECT_THAT(report_text(example(Verdict::kSafe), {Strategy::kWal}, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(report_text(example(Verdict::kSafe), {Strategy::kWal}, true), HasSubstr("\x1b[32mSAFE\x1b[0m"));
}

TEST(WorstVerdict, LooksAtWhatWasAskedForOnly) {
  const Report report = example(Verdict::kSafe);
  EXPECT_EQ(worst_verdict(report, {Strategy::kWal}), Verdict::kSafe);
  EXPECT_EQ(worst_verdict(report, {Strategy::kWal, Strategy::kRollback}), Verdict::kUnproven);
}

}  // namespace
}  // namespace walguard::preflight
