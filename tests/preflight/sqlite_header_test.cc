#include "preflight/scan/sqlite_header.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace walguard::preflight {
namespace {

std::string header(unsigned page_size, char write_version, char read_version) {
  std::string bytes(kDatabaseHeaderBytes, '\0');
  bytes.replace(0, 16, std::string("SQLite format 3\0", 16));
  bytes[16] = static_cast<char>(page_size >> 8U);
  bytes[17] = static_cast<char>(page_size);
  bytes[18] = write_version;
  bytes[19] = read_version;
  return bytes;
}

// Zeros for a header that is none: no page has that size.
DatabaseHeader parsed(const std::string& bytes) {
  return parse_database_header(bytes).value_or(DatabaseHeader{});
}

TEST(DatabaseHeader, TellsTheJournalByItsVersionNumbers) {
  EXPECT_EQ(parsed(header(4096, 1, 1)),
            (DatabaseHeader{.wal = false, .page_size = 4096, .user_version = 0, .application_id = 0}));
  EXPECT_TRUE(parsed(header(4096, 2, 2)).wal);
  EXPECT_TRUE(parsed(header(4096, 1, 2)).wal);
  EXPECT_FALSE(parse_database_header(header(4096, 3, 3))) << "SQLite does not open it either";
}

TEST(DatabaseHeader, KnowsThePageSizesOfSqliteAndNoOthers) {
  EXPECT_EQ(parsed(header(512, 1, 1)).page_size, 512U);
  EXPECT_EQ(parsed(header(32768, 1, 1)).page_size, 32768U);
  EXPECT_EQ(parsed(header(1, 1, 1)).page_size, 65536U);
  for (const unsigned wrong : {0U, 256U, 1000U, 4097U}) {
    EXPECT_FALSE(parse_database_header(header(wrong, 1, 1))) << wrong;
  }
}

TEST(DatabaseHeader, ReadsVersionAndApplicationAsTheirPragmasDo) {
  std::string bytes = header(4096, 1, 1);
  bytes.replace(60, 4, std::string("\x00\x01\x02\x03", 4));
  bytes.replace(68, 4, std::string("\xff\xff\xff\xfe", 4));
  EXPECT_EQ(parsed(bytes).user_version, 0x010203);
  EXPECT_EQ(parsed(bytes).application_id, -2);
}

TEST(DatabaseHeader, IsNotSeenInAnythingShorterOrOther) {
  const std::string whole = header(4096, 1, 1);
  EXPECT_FALSE(parse_database_header(std::string_view(whole).substr(0, kDatabaseHeaderBytes - 1)));
  EXPECT_FALSE(parse_database_header(""));
  EXPECT_FALSE(has_database_magic("SQLite format 3 and no NUL"));
  EXPECT_TRUE(has_database_magic(whole));
}

TEST(WalHeader, HasOneOfTwoMagicNumbersAndItsWholeLength) {
  std::string bytes(kWalHeaderBytes, '\0');
  bytes.replace(0, 4, "\x37\x7f\x06\x82");
  EXPECT_TRUE(has_wal_magic(bytes));
  bytes[3] = '\x83';
  EXPECT_TRUE(has_wal_magic(bytes));
  EXPECT_FALSE(has_wal_magic(std::string_view(bytes).substr(1)));
  bytes[3] = '\x84';
  EXPECT_FALSE(has_wal_magic(bytes));
}

}  // namespace
}  // namespace walguard::preflight
