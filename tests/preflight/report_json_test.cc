#include "preflight/report/report_json.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "preflight/report/grade.h"
#include "preflight/report/report.h"

namespace walguard::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

Report example() {
  Report report;
  report.verdict[Strategy::kWal] = Verdict::kSafe;
  report.scope = Scope::kNode;
  for (const Need& need : needs()) {
    Check check;
    check.id = need.check;
    check.result = need.wal ? CheckResult::kPass : CheckResult::kNotRun;
    check.detail = "every store seen at once";
    check.seconds = 1.25;
    check.numbers = {{"commits", 1200}, {"round_trip_p50_seconds", 4.5e-06}};
    report.checks.push_back(check);
  }
  View view;
  view.path = "/data";
  view.fstype = "ext4";
  view.magic = "0xef53";
  view.device = "8:1";
  view.kernel = "6.1.0";
  view.boot_id = "9d7c";
  report.views = {view, view};
  report.sqlite_version = "3.40.1";
  report.probe_version = "0.1.0";
  report.started = "2026-01-02T03:04:05Z";
  report.seconds = 4.5;
  return report;
}

std::string changed(const std::string& pointer, const Json& value) {
  Json json = Json::parse(encode_report(example()));
  json[Json::json_pointer(pointer)] = value;
  return json.dump();
}

std::string without(const std::string& parent, const std::string& name) {
  Json json = Json::parse(encode_report(example()));
  json[Json::json_pointer(parent)].erase(name);
  return json.dump();
}

std::string error_of(const std::string& json) {
  const auto report = parse_report(json);
  return report ? "accepted" : report.error();
}

TEST(ReportJson, ComesBackAsItWas) {
  const Report report = example();
  const auto parsed = parse_report(encode_report(report));
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*parsed, report);
  EXPECT_EQ(parse_report(encode_report(report, 2)).value(), report);
}

TEST(ReportJson, HasTheFieldsOfTheDesignInTheirOrder) {
  const Json json = Json::parse(encode_report(example()));
  std::vector<std::string> fields;
  for (const auto& [name, value] : json.items()) fields.push_back(name);
  EXPECT_THAT(fields, ElementsAre("schema", "verdict", "scope", "reasons", "checks", "views", "sqlite",
                                  "probe", "started", "seconds"));
  EXPECT_EQ(json["schema"], "walguard.dev/preflight-report/v1");
  EXPECT_EQ(json["verdict"].dump(), R"({"wal":"safe","wal-exclusive":"unproven","rollback":"unproven"})");
}

TEST(ReportJson, WritesCountsAsIntegers) {
  EXPECT_THAT(encode_report(example()), HasSubstr("\"commits\":1200,"));
}

TEST(ReportJson, WritesAPathThatIsNoUtf8AsSomethingThatCanBeRead) {
  Report report = example();
  report.views[0].path = "/data/\xff";
  EXPECT_TRUE(parse_report(encode_report(report)));
}

TEST(ReportJson, IgnoresFieldsItDoesNotKnow) {
  EXPECT_TRUE(parse_report(changed("/invented", "later")));
  EXPECT_TRUE(parse_report(changed("/checks/0/invented", Json::array({1, 2}))));
}

struct BadReport {
  std::string json;
  std::string error;
};

TEST(ReportJson, RefusesWhatItCannotTrustAndSaysWhy) {
  const std::string good = encode_report(example());
  const std::vector<BadReport> bad_reports = {
      {"", "not valid JSON"},
      {"null", "must be a JSON object"},
      {"[]", "must be a JSON object"},
      {good.substr(0, good.size() - 1), "not valid JSON"},
      {good + "x", "not valid JSON"},
      {"{}", "schema: is missing"},
      {changed("/schema", "walguard.dev/preflight-report/v2"),
       "expected \"walguard.dev/preflight-report/v1\""},
      {changed("/schema", 1), "schema: must be a string"},
      {changed("/verdict", "safe"), "verdict: must be an object"},
      {changed("/verdict/wal", "SAFE"), "verdict.wal: has the unknown value \"SAFE\""},
      {without("/verdict", "rollback"), "verdict.rollback: is missing"},
      {changed("/scope", "planet"), "scope: has the unknown value"},
      {changed("/reasons", Json::array({1})), "reasons[0]: must be a string"},
      {changed("/checks", Json::object()), "checks: must be an array"},
      {changed("/checks/1", "pass"), "checks[1]: must be an object"},
      {changed("/checks/1/result", "passed"), "checks[1].result: has the unknown value"},
      {without("/checks/1", "seconds"), "checks[1].seconds: is missing"},
      {changed("/checks/1/seconds", -1), "checks[1].seconds: must not be negative"},
      {changed("/checks/1/seconds", "1"), "checks[1].seconds: must be a number"},
      {changed("/checks/1/numbers", Json::array()), "checks[1].numbers: must be an object"},
      {changed("/checks/1/numbers/commits", true), "checks[1].numbers.commits: must be a number"},
      {changed("/checks/1/id", "identity"), "checks: hold the same id twice"},
      {changed("/views/0/boot_id", nullptr), "views[0].boot_id: must be a string"},
      {changed("/sqlite", "3.40.1"), "sqlite: must be an object"},
      {without("", "probe"), "probe: is missing"},
      {changed("/started", 0), "started: must be a string"},
      {changed("/seconds", nullptr), "seconds: must be a number"},
      {changed("/reasons", std::vector<std::string>(1000, "x")), "reasons: has too many entries"},
      {changed("/reasons", Json::array({std::string(100000, 'x')})), "reasons[0]: is too long"},
      {"{\"schema\":\"a\",\"schema\":\"b\"}", "duplicate key \"schema\""},
      {std::string(1000, '[') + std::string(1000, ']'), "nested too deeply"},
      {std::string(kMaxReportBytes + 1, ' '), "at most"}};
  for (const BadReport& bad : bad_reports) {
    EXPECT_THAT(error_of(bad.json), HasSubstr(bad.error)) << bad.json.substr(0, 200);
  }
}

TEST(ReportJson, RefusesAReportThatClaimsMoreThanItsChecksShow) {
  EXPECT_THAT(error_of(changed("/checks/2/result", "fail")), HasSubstr("verdict.wal: says safe"));
  EXPECT_THAT(error_of(changed("/checks/2/result", "not-run")), HasSubstr("verdict.wal: says safe"));
  EXPECT_THAT(error_of(changed("/checks", Json::array())), HasSubstr("verdict.wal: says safe"));
  EXPECT_THAT(error_of(changed("/verdict/rollback", "safe")), HasSubstr("verdict.rollback: says safe"));
}

TEST(ReportJson, RefusesClusterScopeOutOfOneBootId) {
  EXPECT_THAT(error_of(changed("/scope", "cluster")), HasSubstr("scope: claims more"));
  Json json = Json::parse(changed("/scope", "cluster"));
  json["views"][1]["boot_id"] = "another";
  EXPECT_TRUE(parse_report(json.dump()));
}

TEST(ReportJson, AcceptsClusterScopeOutOfOneBootIdOnlyForTwoNamesThatAreTrusted) {
  Json json = Json::parse(changed("/scope", "cluster"));
  json["views"][0]["node"] = "n1";
  json["views"][1]["node"] = "n2";
  EXPECT_THAT(error_of(json.dump()), HasSubstr("scope: claims more"));
  json["node_names_trusted"] = true;
  const auto report = parse_report(json.dump());
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(parse_report(encode_report(*report)).value(), *report);
  json["views"][1]["node"] = "n1";
  EXPECT_THAT(error_of(json.dump()), HasSubstr("scope: claims more"));
}

TEST(ReportJson, NamesTheNodeOnlyWhereItIsKnown) {
  Report report = example();
  EXPECT_FALSE(Json::parse(encode_report(report))["views"][0].contains("node"));
  EXPECT_FALSE(Json::parse(encode_report(report)).contains("node_names_trusted"));
  report.views[1].node = "worker-2";
  const auto parsed = parse_report(encode_report(report));
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->views[1].node, "worker-2");
  EXPECT_THAT(error_of(changed("/views/0/node", 7)), HasSubstr("views[0].node: must be a string"));
  EXPECT_THAT(error_of(changed("/node_names_trusted", "yes")), HasSubstr("must be true or false"));
}

TEST(ReportJson, AcceptsAReportThatIsHarsherThanItsChecks) {
  EXPECT_TRUE(parse_report(changed("/verdict/wal", "unproven")));
}

}  // namespace
}  // namespace walguard::report
