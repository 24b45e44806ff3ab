#include "operator/wire/report.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

report::Report failed_report() {
  report::Report report;
  report.verdict[report::Strategy::kWal] = report::Verdict::kUnsafe;
  report.scope = report::Scope::kNode;
  report.reasons = {"byte-range-locks: both agents were granted byte 120"};
  report.checks = {
      {.id = "byte-range-locks", .result = report::CheckResult::kFail, .detail = "x", .numbers = {}}};
  const report::View view{.path = "/a",
                          .fstype = "fuse.bindfs",
                          .magic = "0x65735546",
                          .device = "0:5",
                          .kernel = "6.1.0",
                          .boot_id = "b",
                          .sandbox = "",
                          .node = ""};
  report.views = {view, view};
  report.sqlite_version = "3.40.1";
  report.probe_version = "0.1.0";
  report.started = "2026-01-31T12:00:00Z";
  report.seconds = 7.6;
  return report;
}

core::EvidenceKey key() {
  core::EvidenceKey key;
  key.storage_class = "fast";
  return key;
}

TEST(EvidenceFromReport, TakesOverWhatTheReportSays) {
  const std::string json = report::encode_report(failed_report());
  const auto evidence = evidence_from_report(json, key());
  ASSERT_TRUE(evidence) << evidence.error();
  EXPECT_EQ(evidence->key, key());
  EXPECT_EQ(evidence->scope, core::Scope::kNode);
  EXPECT_EQ(evidence->verdicts[core::Strategy::kWal], core::Verdict::kUnsafe);
  EXPECT_EQ(evidence->verdicts[core::Strategy::kWalExclusive], core::Verdict::kUnproven);
  EXPECT_EQ(evidence->verdicts[core::Strategy::kRollback], core::Verdict::kUnproven);
  EXPECT_THAT(evidence->reasons, ElementsAre("byte-range-locks: both agents were granted byte 120"));
  EXPECT_EQ(evidence->measured_at, 1769860808) << "2026-01-31T12:00:00Z and 8 seconds";
  EXPECT_EQ(evidence->filesystem, "fuse.bindfs");
  EXPECT_EQ(evidence->kernel_release, "6.1.0");
  EXPECT_EQ(evidence->probe_version, "0.1.0");
}

TEST(EvidenceFromReport, TakesOverWhatTwoWritersWereRefused) {
  report::Report report = failed_report();
  EXPECT_EQ(evidence_from_report(report::encode_report(report), key())->contention, std::nullopt);
  report.checks.push_back({.id = "wal-workload",
                           .result = report::CheckResult::kPass,
                           .detail = "x",
                           .numbers = {{"busy_rate_writers_1", 0.0},
                                       {"busy_rate_writers_2", 0.25},
                                       {"busy_rate_writers_4", 0.5},
                                       {"longest_wait_seconds", 0.125}}});
  EXPECT_EQ(evidence_from_report(report::encode_report(report), key())->contention,
            (core::Contention{.refused = 0.25, .longest_wait = 0.125}));
}

TEST(EvidenceFromReport, TheDigestIsTheBeginningOfTheReportsSha256) {
  const std::string json = report::encode_report(failed_report());
  const auto evidence = evidence_from_report(json, key());
  ASSERT_TRUE(evidence);
  EXPECT_THAT(evidence->digest, ::testing::MatchesRegex("[0-9a-f]{12}"));
  report::Report other = failed_report();
  other.seconds = 8;
  EXPECT_NE(evidence_from_report(report::encode_report(other), key())->digest, evidence->digest);
}

TEST(EvidenceFromReport, RefusesWhatTheParserRefuses) {
  EXPECT_FALSE(evidence_from_report("", key()));
  EXPECT_FALSE(evidence_from_report("{}", key()));
  report::Report boastful = failed_report();
  boastful.verdict[report::Strategy::kWal] = report::Verdict::kSafe;
  const auto evidence = evidence_from_report(report::encode_report(boastful), key());
  ASSERT_FALSE(evidence);
  EXPECT_THAT(evidence.error(), HasSubstr("verdict.wal"));
}

TEST(EvidenceFromReport, RefusesATimeThatIsNone) {
  for (const char* started :
       {"", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "2026-01-31T24:00:00Z",
        "2026-01-31 12:00:00Z", "20a6-01-31T12:00:00Z", "2026-01-31T12:00:00+01:00"}) {
    report::Report report = failed_report();
    report.started = started;
    const auto evidence = evidence_from_report(report::encode_report(report), key());
    ASSERT_FALSE(evidence) << started;
    EXPECT_THAT(evidence.error(), HasSubstr("started: not a UTC time")) << started;
  }
}

TEST(EvidenceFromReport, AFractionOfASecondIsDropped) {
  report::Report report = failed_report();
  report.started = "2026-01-31T12:00:00.999Z";
  report.seconds = 0;
  EXPECT_EQ(evidence_from_report(report::encode_report(report), key())->measured_at, 1769860800);
}

}  // namespace
}  // namespace walguard::wire
