// What a piece of text says of a database, and what is never taken out of it.
#include "operator/core/sqlite_dsn.h"

#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

using Says = SqliteDsn::Says;

TEST(SqliteDsn, EachFormNamesItsPath) {
  for (const std::string_view text : {"sqlite:///data/x.db",
                                      "sqlite:////data/x.db",
                                      "sqlite:/data/x.db",
                                      "sqlite3:///data/x.db",
                                      "sqlite3:/data/x.db",
                                      "SQLite:///data/x.db",
                                      "sqlite+aiosqlite:////data/x.db",
                                      "sqlite+pysqlite:////data/x.db",
                                      "sqlite://localhost/data/x.db",
                                      "jdbc:sqlite:/data/x.db",
                                      "jdbc:sqlite:file:/data/x.db?cache=shared",
                                      "file:/data/x.db",
                                      "file:///data/x.db",
                                      "file://localhost/data/x.db",
                                      "file:/data/x.db?mode=rwc&cache=shared",
                                      "Data Source=/data/x.db",
                                      "Data Source=/data/x.db;Cache=Shared",
                                      "Mode=ReadWriteCreate;Data Source=/data/x.db",
                                      "DataSource=file:/data/x.db?cache=shared",
                                      "Filename=/data/x.db",
                                      "/data/x.db",
                                      "/data/x.db?_busy_timeout=5000",
                                      " \"/data/x.db\" ",
                                      "'sqlite:///data/x.db'",
                                      "/data//./y/../x.db",
                                      "file:/data/%78.db",
                                      "sqlite+/data/x.db",
                                      "sqlite+file:/data/x.db",
                                      "sqlite:///data/x.db#fragment"}) {
    const SqliteDsn dsn = read_sqlite_dsn(text);
    EXPECT_EQ(dsn.says, Says::kSqlite) << text;
    EXPECT_TRUE(dsn.sure) << text;
    EXPECT_EQ(dsn.path, "/data/x.db") << text;
  }
}

TEST(SqliteDsn, APathOfAnyNameIsADatabaseOnlyByItsEndingOrSQLitesOwnParameters) {
  const auto sure = [](std::string_view text) { return read_sqlite_dsn(text).sure; };
  EXPECT_TRUE(sure("/data/a.sqlite"));
  EXPECT_TRUE(sure("/data/a.SQLite3"));
  EXPECT_TRUE(sure("/data/a.db3"));
  EXPECT_TRUE(sure("file:/data/homeserver?mode=rwc"));
  EXPECT_TRUE(sure("/data/homeserver?_journal_mode=WAL"));
  EXPECT_TRUE(sure("sqlite:///data/homeserver"));
  EXPECT_FALSE(sure("/data"));
  EXPECT_FALSE(sure("/etc/app.conf"));
  EXPECT_FALSE(sure("file:///etc/app.conf"));
  EXPECT_FALSE(sure("/data/x.dbx"));
}

TEST(SqliteDsn, OtherEnginesAreToldApart) {
  for (const std::string_view text :
       {"postgres://u:p@db/shop", "postgresql://db/shop.db", "postgresql+psycopg2://db/x.db",
        "mysql://db/x.db", "mariadb:///x.db", "jdbc:postgresql:shop", "jdbc:h2:/data/x.db",
        "libsql://db.example", "http://a/x.db", "postgresql+host=/run/x.db"}) {
    EXPECT_EQ(read_sqlite_dsn(text).says, Says::kOtherEngine) << text;
    EXPECT_TRUE(read_sqlite_dsn(text).path.empty()) << text;
  }
}

TEST(SqliteDsn, InMemoryThereIsNoFile) {
  for (const std::string_view text :
       {":memory:", "sqlite://", "sqlite://:memory:", "sqlite:///:memory:", "file::memory:?cache=shared",
        "file:x?mode=memory&cache=shared", "jdbc:sqlite::memory:", "Data Source=:memory:"}) {
    EXPECT_EQ(read_sqlite_dsn(text).says, Says::kInMemory) << text;
  }
}

TEST(SqliteDsn, ARelativePathStaysRelative) {
  EXPECT_EQ(read_sqlite_dsn("sqlite:app.db").path, "app.db");
  EXPECT_EQ(read_sqlite_dsn("sqlite://data/app.db").path, "data/app.db");
  EXPECT_EQ(read_sqlite_dsn("file:../app.db").path, "app.db");
  EXPECT_EQ(read_sqlite_dsn("./app.db").path, "app.db");
}

TEST(SqliteDsn, ParametersThatTakeLocksAwayAreNamed) {
  const auto locks_off = [](std::string_view text) { return read_sqlite_dsn(text).locks_off; };
  EXPECT_EQ(locks_off("file:/data/x.db?nolock=1"), "nolock=1");
  EXPECT_EQ(locks_off("file:/data/x.db?mode=ro&immutable=true"), "immutable=1");
  EXPECT_EQ(locks_off("file:/data/x.db?vfs=unix-none"), "vfs=unix-none");
  EXPECT_EQ(locks_off("sqlite:///data/x.db?vfs=unix-dotfile"), "vfs=unix-dotfile");
  EXPECT_EQ(locks_off("file:/data/x.db?nolock=1x"), "nolock=1") << "SQLite reads the number before it";
  EXPECT_EQ(locks_off("file:/data/x.db?no%6Cock=1&nolock=0"), "nolock=1") << "SQLite decodes names too";
  std::string many = "file:/data/x.db?";
  for (int i = 0; i < 500; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_EQ(locks_off(many + "nolock=1"), "nolock=1") << "however many stand before it";
  EXPECT_EQ(locks_off("file:/data/x.db?nolock=0&immutable=no&vfs=unix"), "");
}

TEST(SqliteDsn, JournalAndSynchronousAreReadInEachDriversSpelling) {
  for (const std::string_view parameters :
       {"_journal_mode=WAL&_synchronous=NORMAL", "_journal=wal&_sync=1",
        "_pragma=journal_mode(WAL)&_pragma=synchronous(1)",
        "_pragma=journal_mode=wal&_pragma=synchronous=normal", "journal_mode=wal&synchronous=normal"}) {
    const SqliteDsn dsn = read_sqlite_dsn("file:/data/x.db?" + std::string(parameters));
    EXPECT_EQ(dsn.journal, Strategy::kWal) << parameters;
    EXPECT_EQ(dsn.synchronous, Synchronous::kNormal) << parameters;
  }
  const SqliteDsn keywords = read_sqlite_dsn("Data Source=/data/x.db;Journal Mode=Delete;Synchronous=Full");
  EXPECT_EQ(keywords.journal, Strategy::kRollback);
  EXPECT_EQ(keywords.synchronous, Synchronous::kFull);
  EXPECT_TRUE(read_sqlite_dsn("/data/x.db?_locking_mode=NORMAL").locking_mode_normal);
  EXPECT_EQ(read_sqlite_dsn("/data/x.db?_journal_mode=nonsense").journal, std::nullopt);
}

TEST(SqliteDsn, NothingSecretIsTakenOver) {
  for (const std::string_view text :
       {"sqlite+pysqlcipher://:SECRET@/data/x.db?cipher=SECRET", "sqlite://user:SECRET@/data/x.db",
        "sqlite+pysqlcipher://:SEC/RET@/data/x.db", "sqlite+pysqlcipher:///:SECRET@/data/x.db",
        "sqlite://user:SECRET@host/data/x.db", "file:/data/x.db?key=SECRET&nolock=SECRET&vfs=SECRET",
        "file:/data/x.db?_auth_pass=SECRET&_journal_mode=SECRET", "Data Source=/data/x.db;Password=SECRET",
        "Data Source=db;Password=SECRET", "Password=SECRET;Data Source=/data/x.db",
        "user:SECRET@tcp(db)/x.db", "host=db password=SECRET dbname=x.db", "postgres://u:SECRET@db/x.db",
        "SECRET:word.db", "/opt/app --token SECRET --db /data/x.db", "/data/x.db;Password=SECRET",
        "/data/x.db,key=SECRET.db", "/run/app SECRET.db"}) {
    const SqliteDsn dsn = read_sqlite_dsn(text);
    for (const std::string& taken : {dsn.can_be_shown ? dsn.path : std::string(), dsn.locks_off}) {
      EXPECT_EQ(taken.find("SEC"), std::string::npos) << text << " gave " << taken;
      EXPECT_EQ(taken.find("RET"), std::string::npos) << text << " gave " << taken;
    }
  }
  EXPECT_EQ(read_sqlite_dsn("sqlite+pysqlcipher://:SECRET@/data/x.db?cipher=SECRET").path, "/data/x.db");
}

TEST(SqliteDsn, OfWhatFollowsThePathNothingIsTakenOver) {
  for (const std::string_view text :
       {"sqlite:///data/x.db --admin-password=SECRET", "jdbc:sqlite:/data/x.db;password=SECRET",
        "Data Source=/data/x.db Password=SECRET", "Data Source=/data/x.db,Password=SECRET",
        "Data Source=\"/data/x.db\" Password=SECRET", "sqlite:///data/x.db&key=SECRET",
        "file:/data/x.db SECRET /data/u.db", "sqlite:///data/x.db,SECRET", "sqlite:///data/x.db SECRET",
        "file:/data/x.db key=SECRET", "sqlite:///data/x.db|SECRET", "file:/data/x.db%20SECRET",
        "sqlite:///data/x.db'SECRET", "sqlite:///data/x.db\\SECRET", "/data/x.db;Password=SECRET",
        "/data/x.db,key=SECRET.db"}) {
    const SqliteDsn dsn = read_sqlite_dsn(text);
    EXPECT_EQ(dsn.says, Says::kSqlite) << text;
    EXPECT_TRUE(dsn.sure) << text;
    EXPECT_TRUE(dsn.can_be_shown) << text;
    EXPECT_EQ(dsn.path, "/data/x.db") << text;
  }
}

TEST(SqliteDsn, APathThatMayHoldMoreThanAPathCountsAndIsNotShown) {
  const auto is_hidden = [](std::string_view text, std::string_view path) {
    const SqliteDsn dsn = read_sqlite_dsn(text);
    EXPECT_EQ(dsn.says, Says::kSqlite) << text;
    EXPECT_TRUE(dsn.sure) << text;
    EXPECT_FALSE(dsn.can_be_shown) << text;
    EXPECT_EQ(dsn.path, path) << text;
  };
  is_hidden("sqlite:///user:SECRET%40host/data/x.db", "/user*/data/x.db");
  is_hidden("sqlite:///data/store SECRET", "/data/store*");
  is_hidden("sqlite:///data/my app/x.db", "/data/my*/x.db");
  is_hidden("sqlite:///data/x.db:SECRET", "/data/x.db*");
  is_hidden("/data/x.db:SECRET", "/data/x.db*");
  is_hidden("/data/me@home/x.db", "/data/me*/x.db");
  is_hidden("sqlite+pysqlcipher://:SEC/RET@/data/x.db", "/data/x.db");
  is_hidden("sqlite://user:SECRET@host/data/x.db", "/data/x.db");
  is_hidden("sqlite:///SEC#RET@/data/x.db", "/SEC");
  is_hidden("sqlite:///SEC?RET@/data/x.db", "/SEC");
}

TEST(SqliteDsn, WhatIsNoTextForAPathIsNothing) {
  EXPECT_EQ(read_sqlite_dsn("").says, Says::kNothing);
  EXPECT_EQ(read_sqlite_dsn("/data/x\n.db").says, Says::kNothing);
  EXPECT_EQ(read_sqlite_dsn("file:/data/%0a.db").says, Says::kNothing);
  EXPECT_EQ(read_sqlite_dsn("/" + std::string(5000, 'x') + ".db").says, Says::kNothing);
  EXPECT_EQ(read_sqlite_dsn("/data/100%.db").path, "/data/100%.db");
}

}  // namespace
}  // namespace walguard::core
