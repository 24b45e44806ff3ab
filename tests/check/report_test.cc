// The forms of a report, each read as its readers read it.
#include "operator/check/report.h"

#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/check/github_report.h"
#include "operator/check/json_report.h"
#include "operator/check/junit_report.h"
#include "operator/check/long_array.h"
#include "operator/check/sarif_report.h"
#include "operator/check/text_report.h"
#include "operator/core/rules.h"
#include "preflight/text/terminal.h"
#include "tests/check/checked.h"

namespace walguard::check {
namespace {

using nlohmann::json;
using testing::checked;
using testing::claim_of;
using testing::Given;
using ::testing::HasSubstr;
using testing::kClasses;
using ::testing::Not;
using ::testing::StartsWith;
using testing::text_of;
using testing::web;
using testing::web_on;
using text::TextStyle;

/// An unsafe Deployment in one file, a broken object in another.
CheckReport mixed() {
  return checked({.input = {{"my shop/a.yaml", web_on("nfs", "ReadWriteMany")},
                            {"b.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: 5\n"}}});
}

CheckReport accepted() {
  Given given{.input = {{"a.yaml", web_on("nfs", "ReadWriteMany",
                                          ", walguard/accept-risk: \"network-filesystem: 100%, <really>\\n"
                                          "cross-node-sharing: one, by hand\"")}}};
  given.policy.accept_risk_namespaces = {"*"};
  return checked(given);
}

TEST(TextReport, NamesVerdictWorkloadPlaceFindingsAndEachRemedyOnce) {
  const std::string text = text_of(text_report, mixed(), TextStyle());
  EXPECT_THAT(text, StartsWith("UNSAFE    Deployment default/web  my shop/a.yaml:"));
  EXPECT_THAT(text, HasSubstr("volume \"data\", claim \"data\"  my shop/a.yaml:"));
  EXPECT_THAT(text, HasSubstr("holds /data/app.db (declared), wal; scope cluster; network-filesystem\n"));
  EXPECT_THAT(text, HasSubstr("    unsafe    network-filesystem: driver nfs.csi.k8s.io"));
  EXPECT_THAT(text, HasSubstr("Remedy for network-filesystem, cross-node-sharing: "));
  EXPECT_THAT(text, HasSubstr("1 workload judged, 1 volume with SQLite: 1 unsafe, 0 unproven, 0 safe"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text_of(text_report, mixed(), TextStyle{.colour = true}), StartsWith("\x1b[31mUNSAFE"));
}

TEST(TextReport, SaysNothingIsSafeWhereNoVolumeWasJudged) {
  const CheckReport report = checked(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web, annotations: {walguard/databases: "
      "/elsewhere/app.db}}\n"
      "spec: {containers: [{name: web}]}\n");
  const std::string text = text_of(text_report, report, TextStyle());
  EXPECT_THAT(text,
              StartsWith("NOTE      Pod default/web  input.yaml:1\n  note: annotation walguard/databases"));
  EXPECT_THAT(text, Not(HasSubstr("SAFE")));
}

TEST(TextReport, ANameCannotSendATerminalEscapes) {
  const CheckReport report =
      checked(std::string(kClasses) + claim_of("nfs", "ReadWriteMany") + web(", walguard/mode: \"\\e[2J\""));
  EXPECT_THAT(text_of(text_report, report, TextStyle{.colour = true}), Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(text_of(text_report, report, TextStyle()), HasSubstr("\\x1b[2J"));
}

TEST(TextReport, WhatIsToBePastedIsNotWrapped) {
  const CheckReport report = checked(
      "services:\n  app:\n    labels: {walguard/databases: /data/app.db}\n    volumes: ['/mnt/c/x:/data']\n");
  const std::string text = text_of(text_report, report, TextStyle{.width = 60});
  EXPECT_THAT(text, HasSubstr("\n      docker compose run --rm --no-deps --entrypoint cp --volume "
                              "mnt-c-x-local:/new app -a /data/. /new/\n"));
  EXPECT_THAT(text,
              HasSubstr("\n    In each of them, in place of the mount:\n      - mnt-c-x-local:/data\n"));
  EXPECT_THAT(text_of(junit_report, report, FailOn::kUnsafe), Not(HasSubstr("\\x0a")));
}

TEST(TextReport, SaysWhatWouldTellMore) {
  EXPECT_THAT(text_of(text_report, checked(web()), TextStyle()), HasSubstr("--cluster-state state.yaml"));
  EXPECT_THAT(text_of(text_report, checked(web_on("disk", "ReadWriteOncePod")), TextStyle()),
              Not(HasSubstr("--cluster-state")));
}

TEST(JsonReport, HasWhatTheDesignFixes) {
  const json report = json::parse(text_of(json_report, mixed()));
  EXPECT_EQ(report["schema"], "walguard.dev/check/v1");
  const json& object = report["objects"][0];
  EXPECT_EQ(object["file"], "my shop/a.yaml");
  EXPECT_EQ(object["kind"], "Deployment");
  EXPECT_EQ(object["namespace"], "default");
  EXPECT_EQ(object["name"], "web");
  EXPECT_EQ(object["decision"], "deny");
  const json& volume = object["volumes"][0];
  EXPECT_EQ(volume["name"], "data");
  EXPECT_EQ(volume["claim"], "data");
  EXPECT_EQ(volume["databases"], json::array({"/data/app.db"}));
  EXPECT_EQ(volume["certainty"], "declared");
  EXPECT_EQ(volume["scope"], "cluster");
  EXPECT_EQ(volume["kernel_domain"], "shared");
  EXPECT_EQ(volume["transport"], "network-filesystem");
  EXPECT_EQ(volume["verdict"], "unsafe");
  EXPECT_EQ(volume["strategy"], "wal");
  EXPECT_EQ(volume["basis"], "none");
  EXPECT_EQ(volume["findings"][0]["rule"], "network-filesystem");
  EXPECT_EQ(volume["findings"][0]["severity"], "unsafe");
  EXPECT_NE(volume["findings"][0]["reason"], "");
  EXPECT_NE(volume["findings"][0]["remedy"], "");
  EXPECT_EQ(report["summary"]["unsafe"], 1);
  EXPECT_EQ(report["errors"][0]["file"], "b.yaml");
  EXPECT_EQ(report["errors"][0]["line"], 4);
}

TEST(JsonReport, WhatIsNotKnownIsNull) {
  const json report = json::parse(text_of(json_report, checked(web())));
  EXPECT_TRUE(report["objects"][0]["volumes"][0]["transport"].is_null());
}

TEST(LongArray, IsWhatTheWholeWouldHaveBeen) {
  const nlohmann::ordered_json elements = {
      {{"a", 1}, {"b", {1, 2}}}, "a\nb", nlohmann::ordered_json::array()};
  for (const std::size_t count : {0U, 1U, 3U}) {
    nlohmann::ordered_json whole = {{"x", {{{"list", nlohmann::ordered_json::array()}, {"y", 2}}}}};
    std::ostringstream out;
    LongArray list(whole, "list", 4, out);
    for (std::size_t i = 0; i < count; ++i) {
      list.add(elements[i]);
      whole["x"][0]["list"].push_back(elements[i]);
    }
    list.end();
    EXPECT_EQ(out.str(), whole.dump(2) + "\n");
  }
}

TEST(SarifReport, HasEveryRuleAndAResultForEachFinding) {
  const json run = json::parse(text_of(sarif_report, mixed()))["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["rules"].size(), core::rules().size());
  const json& result = run["results"][0];
  EXPECT_EQ(result["level"], "error");
  EXPECT_EQ(run["tool"]["driver"]["rules"][result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
  const json& place = result["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "my%20shop/a.yaml");
  EXPECT_GT(place["region"]["startLine"], 1);
  EXPECT_EQ(run["invocations"][0]["executionSuccessful"], false);
  EXPECT_EQ(run["invocations"][0]["toolExecutionNotifications"].size(), 1U);
}

TEST(SarifReport, AnAcceptedRiskIsSuppressedWithItsReason) {
  const json run = json::parse(text_of(sarif_report, accepted()))["runs"][0];
  EXPECT_EQ(run["results"][0]["suppressions"][0]["kind"], "inSource");
  EXPECT_EQ(run["results"][0]["suppressions"][0]["justification"], "100%, <really>");
}

TEST(JunitReport, FailsByTheLevelAskedFor) {
  const std::string xml = text_of(junit_report, mixed(), FailOn::kUnsafe);
  EXPECT_THAT(
      xml, HasSubstr(R"(<testsuites name="walguard check" tests="2" failures="1" errors="1" skipped="0">)"));
  EXPECT_THAT(xml, HasSubstr(R"(<failure type="network-filesystem" message=")"));
  EXPECT_THAT(xml, HasSubstr(R"(<error type="input" message="spec: )"));
  EXPECT_THAT(text_of(junit_report, checked(web()), FailOn::kUnsafe), HasSubstr(R"(failures="0")"));
  EXPECT_THAT(text_of(junit_report, checked(web()), FailOn::kUnproven), HasSubstr(R"(failures="1")"));
}

TEST(JunitReport, AnAcceptedRiskIsSkippedAndItsReasonEscaped) {
  const std::string xml = text_of(junit_report, accepted(), FailOn::kWarning);
  EXPECT_THAT(xml, HasSubstr(R"(skipped="1")"));
  EXPECT_THAT(xml, HasSubstr("(accepted: 100%, &lt;really&gt;)"));
}

TEST(GithubReport, IsALineForEachFindingWithItsPlace) {
  const std::string text = text_of(github_report, mixed(), FailOn::kUnsafe);
  EXPECT_THAT(text, StartsWith("::error file=my shop/a.yaml,line="));
  EXPECT_THAT(text, HasSubstr(",title=network-filesystem::Deployment default/web, volume \"data\": "));
  EXPECT_THAT(text, HasSubstr("::error file=b.yaml,line=4,title=input::spec: "));
  const std::string notices = text_of(github_report, accepted(), FailOn::kUnsafe);
  EXPECT_THAT(notices, StartsWith("::notice file=a.yaml"));
  EXPECT_THAT(notices, HasSubstr("100%25, <really>"));
  EXPECT_THAT(text_of(github_report, checked(web()), FailOn::kUnsafe), StartsWith("::warning file="));
}

TEST(GithubReport, ANameSendsNoEscapesToTheLog) {
  CheckReport report = mixed();
  report.objects[0].name = "a\x1b[2J\nb";
  const std::string text = text_of(github_report, report, FailOn::kUnsafe);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("default/a\\x1b[2J%0Ab, volume"));
}

TEST(Reports, CountWhatTheyCount) {
  const Summary summary = summarise(mixed());
  EXPECT_EQ(summary.unsafe, 1U);
  EXPECT_EQ(summary.unproven, 0U);
  EXPECT_EQ(summary.safe, 0U);
  EXPECT_EQ(summarise(checked(web_on("disk", "ReadWriteOncePod"))).safe, 1U);
  EXPECT_EQ(summarise(checked(web())).unproven, 1U);
}

}  // namespace
}  // namespace walguard::check
