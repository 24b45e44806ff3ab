// What the program writes, held against the schemas of docs/ and read by programs of others.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "preflight/report/compact.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"

namespace walguard::testing_support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
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

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// By a validator of somebody else's making (Debian's python3-jsonschema).
void expect_valid(const std::string& schema, const std::filesystem::path& document) {
  Program validator({"/usr/bin/jsonschema", "-i", document, WALGUARD_SOURCE_DIR "/docs/" + schema});
  EXPECT_EQ(validator.wait(), 0) << validator.out() << validator.err();
}

void expect_well_formed(const std::filesystem::path& page) {
  Program parser({"python3", "-c", "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])", page});
  EXPECT_EQ(parser.wait(), 0) << parser.err();
}

TEST(Output, JsonOnStdoutAndInTheFilesAreOneReportAndStderrIsQuiet) {
  const TemporaryDirectory dir;
  const TemporaryDirectory elsewhere;
  const std::filesystem::path file = elsewhere.path() / "report.json";
  const std::filesystem::path compact = elsewhere.path() / "compact.json";
  const std::filesystem::path page = elsewhere.path() / "report.html";
  const Result result =
      run({"run", dir.path(), "-o", "json", "--report", file, "--compact", compact, "--html", page});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_EQ(result.err, "");
  const auto report = report::parse_report(result.out);
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->verdict[report::Strategy::kWal], report::Verdict::kSafe);
  EXPECT_EQ(report->scope, report::Scope::kNode);
  EXPECT_EQ(read_file(file), result.out);
  EXPECT_EQ(read_file(compact), report::encode_compact(*report));
  EXPECT_LE(std::filesystem::file_size(compact), report::kCompactBytes);
  EXPECT_THAT(read_file(page), StartsWith("<!DOCTYPE html>"));
  expect_well_formed(page);
  expect_valid("preflight-report.schema.json", file);
  expect_valid("preflight-report.schema.json", compact);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Output, AReportOfARunThatDidNotBeginChangesNoFileAndMakesNone) {
  const TemporaryDirectory elsewhere;
  const std::filesystem::path earlier = elsewhere.path() / "report.json";
  const std::filesystem::path compact = elsewhere.path() / "compact.json";
  std::ofstream(earlier) << "of an earlier run";
  const Result result = run({"run", elsewhere.path() / "nowhere", "--report", earlier, "--compact", compact});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(read_file(earlier), "of an earlier run");
  EXPECT_FALSE(std::filesystem::exists(compact));
}

TEST(Output, AReportTakesTheWholeOfALongerFilesPlace) {
  const TemporaryDirectory dir;
  const TemporaryDirectory elsewhere;
  const std::filesystem::path file = elsewhere.path() / "compact.json";
  std::ofstream(file) << std::string(100'000, 'x');
  const Result result = run({"run", dir.path(), "--compact", file});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(report::parse_report(read_file(file)));
}

// What the program writes to a terminal; script(1) is one.
std::string on_terminal(const std::string& environment, const std::filesystem::path& dir) {
  Program terminal(
      {"script", "-qec", environment + " " WALGUARD_PREFLIGHT_BINARY " run " + dir.string(), "/dev/null"});
  EXPECT_EQ(terminal.wait(), 0);
  return terminal.out();
}

TEST(Output, OnATerminalShowsTheCheckThatRunsAndColours) {
  const TemporaryDirectory dir;
  const std::string text = on_terminal("env -u NO_COLOR", dir.path());
  EXPECT_THAT(text, HasSubstr("preparation  0 s of at most 42 s"));
  EXPECT_THAT(text, HasSubstr("mmap-coherence  0 s of at most 20 s"));
  EXPECT_THAT(text, HasSubstr("\x1b[32mSAFE\x1b[0m"));
}

TEST(Output, HasNoColourWhereThePersonWantsNone) {
  const TemporaryDirectory dir;
  const std::string text = on_terminal("NO_COLOR=1", dir.path());
  EXPECT_THAT(text, HasSubstr("SAFE  wal on"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[32m")));
}

TEST(Schema, RefusesAReportThatIsNone) {
  const TemporaryDirectory dir;
  std::ofstream(dir.path() / "report.json") << R"({"schema":"walguard.dev/preflight-report/v1"})";
  Program validator({"/usr/bin/jsonschema", "-i", dir.path() / "report.json",
                     WALGUARD_SOURCE_DIR "/docs/preflight-report.schema.json"});
  EXPECT_EQ(validator.wait(), 1) << validator.err();
}

// Holds a database open in WAL mode with its write lock taken.
class BusyDatabase {
 public:
  explicit BusyDatabase(const std::filesystem::path& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &connection_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection_, "PRAGMA journal_mode=WAL; CREATE TABLE t (x); BEGIN IMMEDIATE",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
  }
  BusyDatabase(const BusyDatabase&) = delete;
  BusyDatabase& operator=(const BusyDatabase&) = delete;
  ~BusyDatabase() { sqlite3_close(connection_); }
  [[nodiscard]] bool can_commit() {
    return sqlite3_exec(connection_, "INSERT INTO t VALUES (1); COMMIT", nullptr, nullptr, nullptr) ==
           SQLITE_OK;
  }

 private:
  sqlite3* connection_ = nullptr;
};

TEST(Scan, TellsOfADatabaseInUseWithoutDisturbingIt) {
  const TemporaryDirectory dir;
  const TemporaryDirectory elsewhere;
  BusyDatabase busy(dir.path() / "caf\xe9.db");
  const Result result = run({"scan", dir.path(), "-o", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr(R"("journal":"wal")"));
  std::ofstream(elsewhere.path() / "scan.json") << result.out;
  expect_valid("scan.schema.json", elsewhere.path() / "scan.json");
  EXPECT_TRUE(busy.can_commit());
}

TEST(Scan, OfADirectoryWithoutDatabasesIsDoneAndSaysSo) {
  const TemporaryDirectory dir;
  const TemporaryDirectory elsewhere;
  const Result text = run({"scan", dir.path()});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, HasSubstr("No SQLite database"));
  std::ofstream(elsewhere.path() / "scan.json") << run({"scan", dir.path(), "-o", "json"}).out;
  expect_valid("scan.schema.json", elsewhere.path() / "scan.json");
}

}  // namespace
}  // namespace walguard::testing_support
