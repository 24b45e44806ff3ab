#include "operator/wire/scan.h"

#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walguard::wire {
namespace {

using ::testing::HasSubstr;

std::string scan_of(const std::string& databases) {
  return R"({"schema":"walguard.dev/scan/v1","dir":"/d","databases":[)" + databases +
         R"(],"folders":1,"files":2,"skipped":{"count":3,"first":[]}})";
}

std::string error_of(const std::string& json) {
  const auto scan = read_scan(json);
  return scan ? "no error" : scan.error();
}

TEST(Scan, TellsEachDatabaseWithItsJournalAndHowMuchWasNotLookedInto) {
  const auto scan =
      read_scan(scan_of(R"({"path":"/d/a.db","journal":"wal"},{"path":"/d/b.db","journal":"rollback"})"));
  ASSERT_TRUE(scan) << scan.error();
  ASSERT_EQ(scan->databases.size(), 2U);
  EXPECT_EQ(scan->databases[0].path, "/d/a.db");
  EXPECT_TRUE(scan->databases[0].wal);
  EXPECT_FALSE(scan->databases[1].wal);
  EXPECT_EQ(scan->skipped, 3U);
}

TEST(Scan, APathThatIsNoUtf8IsTakenFromItsBytes) {
  const auto scan =
      read_scan(scan_of(R"({"path":"/d/\ufffd.db","path_hex":"2f642fff2e6462","journal":"wal"})"));
  ASSERT_TRUE(scan) << scan.error();
  EXPECT_EQ(scan->databases.at(0).path, "/d/\xff.db");
}

TEST(Scan, OneThatWasCutOffIsNeverAListOfAllThereIs) {
  const std::string whole = scan_of(R"({"path":"/d/a.db","journal":"wal"})");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(error_of(whole.substr(0, length)), HasSubstr("cut off")) << length;
  }
}

TEST(Scan, WhatCannotBeReadIsAnErrorThatNamesTheField) {
  EXPECT_THAT(error_of("[]"), HasSubstr("schema"));
  EXPECT_THAT(error_of(R"({"schema":"walguard.dev/scan/v2"})"), HasSubstr("schema"));
  EXPECT_THAT(error_of(R"({"schema":"walguard.dev/scan/v1"})"), HasSubstr("databases"));
  EXPECT_THAT(error_of(R"({"schema":"walguard.dev/scan/v1","databases":[]})"), HasSubstr("skipped.count"));
  EXPECT_THAT(error_of(scan_of(R"({"path":"/d/a.db","journal":"off"})")), HasSubstr("journal"));
  EXPECT_THAT(error_of(scan_of(R"({"path":"/d","path_hex":"2f6","journal":"wal"})")), HasSubstr("path"));
}

}  // namespace
}  // namespace walguard::wire
