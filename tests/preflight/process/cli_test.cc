#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"

namespace walguard::testing_support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

Result run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), WALGUARD_PREFLIGHT_BINARY);
  Program program(arguments);
  const int exit_code = program.wait().value_or(-1);
  return {exit_code, program.out(), program.err()};
}

TEST(CommandLine, BadUseIsExitTwoWithOneLineThatNamesTheField) {
  const TemporaryDirectory dir;
  const std::string good = dir.path();
  std::ofstream(dir.path() / "file") << "x";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "subcommand"},
      {{"dance"}, "subcommand"},
      {{"run"}, "DIR"},
      {{"run", ""}, "DIR is empty"},
      {{"run", good + "/nowhere"}, "DIR \"" + good + "/nowhere\" does not exist"},
      {{"run", good + "/file"}, "is not a directory"},
      {{"run", good, good + "/nowhere"}, "DIR2 \"" + good + "/nowhere\" does not exist"},
      {{"run", good, "--profile", "hasty"}, "--profile: hasty"},
      {{"run", good, "--strategy", "off"}, "--strategy: off"},
      {{"run", good, "--scope", "cluster"}, "--scope: cluster"},
      {{"run", good, "-o", "xml"}, "--output: xml"},
      {{"run", good, "--turbo"}, "--turbo"},
      {{"run", good, good, good}, good},
      {{"run", good, "--report", good + "/nowhere/report"},
       "--report \"" + good + "/nowhere/report\" cannot be"},
      {{"run", good, "--compact", good + "/nowhere/c"}, "--compact \"" + good + "/nowhere/c\" cannot be"},
      {{"run", good, "--html", good + "/nowhere/h"}, "--html \"" + good + "/nowhere/h\" cannot be"},
      {{"run", std::string("/\xff\xfe")}, "UTF-8"},
      {{"scan"}, "DIR"},
      {{"scan", ""}, "DIR is empty"},
      {{"scan", good + "/nowhere"}, "DIR \"" + good + "/nowhere\" cannot be read: ENOENT"},
      {{"scan", good + "/file"}, "ENOTDIR"},
      {{"scan", "/proc"}, "pseudo filesystem"},
      {{"scan", good, "-o", "xml"}, "--output: xml"}};
  for (const auto& [arguments, complaint] : cases) {
    const Result result = run(arguments);
    EXPECT_EQ(result.exit_code, 2) << complaint;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, AllOf(StartsWith("walguard-preflight: "), HasSubstr(complaint)));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_FALSE(probe_folder(dir.path()));
}

TEST(CommandLine, VersionAndHelpAreResults) {
  EXPECT_EQ(run({"version"}).exit_code, 0);
  EXPECT_THAT(run({"version"}).out, HasSubstr("SQLite"));
  EXPECT_EQ(run({"run", "--help"}).exit_code, 0);
  EXPECT_THAT(run({"run", "--help"}).out, HasSubstr("DIR2"));
}

TEST(CommandLine, EveryStrategyIsSafeOnALocalDirectory) {
  const TemporaryDirectory dir;
  const Result result = run({"run", dir.path(), "--strategy", "all", "-o", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  const auto report = report::parse_report(result.out);
  ASSERT_TRUE(report) << report.error();
  for (const report::Strategy strategy :
       {report::Strategy::kWal, report::Strategy::kWalExclusive, report::Strategy::kRollback}) {
    EXPECT_EQ(report->verdict[strategy], report::Verdict::kSafe) << to_string(strategy);
  }
  for (const report::Check& check : report->checks) {
    EXPECT_EQ(check.result, report::CheckResult::kPass) << check.id << ": " << check.detail;
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(CommandLine, ChecksThatNoAskedStrategyNeedsAreNotRun) {
  const TemporaryDirectory dir;
  const Result result = run({"run", dir.path(), "--strategy", "rollback", "-o", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  const auto report = report::parse_report(result.out);
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->verdict[report::Strategy::kRollback], report::Verdict::kSafe);
  EXPECT_EQ(report->verdict[report::Strategy::kWal], report::Verdict::kUnproven);
  for (const report::Check& check : report->checks) {
    const bool of_others = check.id.starts_with("mmap-") || check.id == "publication" ||
                           check.id == "wal-workload" || check.id == "exclusive-workload";
    EXPECT_EQ(check.result, of_others ? report::CheckResult::kNotRun : report::CheckResult::kPass)
        << check.id;
  }
}

TEST(CommandLine, TwoDirectoriesThatAreNotOneAreUnprovenAndLeftClean) {
  const TemporaryDirectory one;
  const TemporaryDirectory other;
  const Result result = run({"run", one.path(), other.path()});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, HasSubstr("does not show what DIR"));
  EXPECT_TRUE(std::filesystem::is_empty(one.path()));
  EXPECT_TRUE(std::filesystem::is_empty(other.path()));
}

TEST(CommandLine, TheSameDirectoryByAnotherPathIsASecondViewOfOneSuperblock) {
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir.path() / "data");
  const Result result = run({"run", dir.path() / "data", dir.path() / "data" / ".." / "data", "-o", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.out;
}

}  // namespace
}  // namespace walguard::testing_support
