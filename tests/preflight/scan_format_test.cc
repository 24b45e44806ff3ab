#include "preflight/render/scan_format.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "preflight/scan/scan.h"

namespace walguard::preflight {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

FoundDatabase example(const std::string& path) {
  FoundDatabase database;
  database.path = path;
  database.header = {.wal = true, .page_size = 4096, .user_version = 3, .application_id = 0};
  database.bytes = 12UL * 1024 * 1024;
  database.wal = Sidecar{.bytes = 2048};
  database.shm = Sidecar{.bytes = 32768};
  database.wal_header_valid = true;
  return database;
}

ScanSummary counted(std::uint64_t folders, std::uint64_t files) {
  ScanSummary summary;
  summary.folders = folders;
  summary.files = files;
  return summary;
}

std::string whole(ScanFormat& format, const std::vector<FoundDatabase>& databases,
                  const ScanSummary& summary) {
  std::string text = format.begin("/data");
  for (const FoundDatabase& database : databases) text += format.database(database);
  return text + format.end(summary);
}

TEST(ScanJson, HasTheFieldsOfTheDesign) {
  const Json json = Json::parse(whole(*make_scan_json(), {example("/data/a.db")}, counted(2, 4)));
  EXPECT_EQ(json["schema"], "walguard.dev/scan/v1");
  EXPECT_EQ(json["dir"], "/data");
  EXPECT_EQ(json["databases"].dump(),
            R"([{"application_id":0,"bytes":12582912,"journal":"wal","journal_bytes":0,"page_size":4096,)"
            R"("path":"/data/a.db","shm_bytes":32768,"sidecars":["-wal","-shm"],"user_version":3,)"
            R"("wal_bytes":2048,"wal_header_valid":true}])");
  EXPECT_EQ(json["folders"], 2);
  EXPECT_EQ(json["files"], 4);
  EXPECT_EQ(json["skipped"].dump(), R"({"count":0,"first":[]})");
}

TEST(ScanJson, IsValidWithNoneAndWithManyDatabases) {
  EXPECT_EQ(Json::parse(whole(*make_scan_json(), {}, {}))["databases"].size(), 0U);
  EXPECT_EQ(Json::parse(whole(*make_scan_json(), {example("a"), example("b"), example("c")}, {}))["databases"]
                .size(),
            3U);
}

TEST(ScanJson, GivesTheExactBytesOfAPathThatIsNoUtf8) {
  ScanSummary summary;
  summary.skipped = 1;
  summary.skipped_first = {{.path = "/\xff", .reason = "EACCES"}};
  const Json json = Json::parse(whole(*make_scan_json(), {example("/caf\xe9\n\"")}, summary));
  EXPECT_EQ(json["databases"][0]["path"], "/caf\xEF\xBF\xBD\n\"");
  EXPECT_EQ(json["databases"][0]["path_hex"], "2f636166e90a22");
  EXPECT_EQ(json["skipped"]["first"][0]["path_hex"], "2fff");
  EXPECT_FALSE(
      Json::parse(whole(*make_scan_json(), {example("/café")}, {}))["databases"][0].contains("path_hex"));
}

TEST(ScanTable, AlignsAndSizesForPeople) {
  const std::string text =
      whole(*make_scan_table(), {example("/data/a.db"), example("/data/b.db")}, counted(1, 1000));
  EXPECT_THAT(text, HasSubstr("JOURNAL   SIZE       WAL        SIDECARS       PATH\n"
                              "wal       12.0 MiB   2.0 KiB    -wal -shm      /data/a.db\n"
                              "wal       12.0 MiB   2.0 KiB    -wal -shm      /data/b.db\n"));
  EXPECT_THAT(text, HasSubstr("2 SQLite databases, 2 in WAL mode, in 1,000 files of 1 folder in /data.\n"));
}

TEST(ScanTable, SaysThatNothingWasFoundAndWhatWasNotLookedInto) {
  ScanSummary summary;
  summary.skipped = 2;
  summary.skipped_first = {{.path = "/data/x", .reason = "EACCES"}};
  const std::string text = whole(*make_scan_table(), {}, summary);
  EXPECT_THAT(text, HasSubstr("No SQLite database in 0 files"));
  EXPECT_THAT(text, HasSubstr("is not known: 2\n  /data/x: EACCES\n  ...\n"));
}

TEST(ScanTable, LetsNoNameSpeakToTheTerminal) {
  const std::string text = whole(*make_scan_table(), {example("/data/\x1b[2J\nfake")}, {});
  EXPECT_THAT(text, HasSubstr("/data/\\x1b[2J\\x0afake\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace walguard::preflight
