// What one process of the SQLite workloads does, on a database of its own in a directory of its own.
#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <stdlib.h>

#include "preflight/agent/ops.h"

namespace walguard::preflight {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kName = "wg-test.db";

// The operations of one worker, in this process.
class WorkerHere {
 public:
  WorkerHere() {
    add_sqlite_ops(table_,
                   std::make_shared<WorkerContext>([this](const Json& note) { notes_.push_back(note); }));
  }
  OpResult call(std::string_view op, const Json& more = Json::object()) {
    Json arguments = {{"database", kName}, {"busy_ms", 0}};
    arguments.update(more);
    return table_.find(op)->second(arguments);
  }
  [[nodiscard]] const std::vector<Json>& notes() const { return notes_; }

 private:
  OpTable table_;
  std::vector<Json> notes_;
};

class SqliteOps : public ::testing::Test {
 protected:
  SqliteOps() : back_(fs::current_path()) {
    std::string path = (fs::temp_directory_path() / "walguard-test-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::system_error(errno, std::generic_category());
    dir_ = path;
    fs::current_path(dir_);
  }
  SqliteOps(const SqliteOps&) = delete;
  SqliteOps& operator=(const SqliteOps&) = delete;
  ~SqliteOps() override {
    std::error_code ignored;
    fs::current_path(back_, ignored);
    fs::remove_all(dir_, ignored);
  }

  static Json rollback(const Json& more = Json::object()) {
    Json all = {{"journal", "DELETE"}};
    all.update(more);
    return all;
  }
  static Json writing(const Json& more = Json::object()) {
    Json all = {{"writer", 1},        {"seq", 1},      {"commits", 3}, {"seconds", 10},
                {"reopen_every", 10}, {"filler", 500}, {"pause_ms", 0}};
    all.update(more);
    return all;
  }
  static Json reading(const Json& more = Json::object()) {
    Json all = {{"seconds", 0}, {"at_least", 0}, {"reopen_every", 10}};
    all.update(more);
    return all;
  }
  static void run_sql(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(kName, &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  void create(const Json& more = Json::object()) {
    Json all = {{"entries", 40}, {"filler", 3000}};
    all.update(more);
    const OpResult made = worker_.call("sqlite-create", all);
    ASSERT_TRUE(made) << made.error().what;
    mode_ = made->at("journal_mode").get<std::string>();
  }

  WorkerHere worker_;
  std::string mode_;

 private:
  fs::path back_;
  fs::path dir_;
};

TEST_F(SqliteOps, EveryCommitIsToldOfAndFoundAgain) {
  create();
  EXPECT_EQ(mode_, "wal");
  ASSERT_TRUE(worker_.call("sqlite-write", writing()));
  EXPECT_THAT(worker_.notes(), SizeIs(43));
  EXPECT_EQ(worker_.notes().back().at("commit").at(0), 43);

  WorkerHere fresh;
  const OpResult dump = fresh.call("sqlite-dump");
  ASSERT_TRUE(dump) << dump.error().what;
  EXPECT_EQ(*dump, Json({{"damaged", 0}, {"sum_kept", true}, {"integrity", "ok"}}));
  EXPECT_EQ(fresh.notes().back().at("rows").back(), worker_.notes().back().at("commit"));
}

TEST_F(SqliteOps, ADumpTellsOfContentThatIsNotWhatWasWrittenThoughIntegrityIsOk) {
  create();
  run_sql("UPDATE entries SET filler = zeroblob(length(filler)) WHERE n = 7");
  const OpResult dump = worker_.call("sqlite-dump");
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->at("damaged"), 1);
  EXPECT_EQ(dump->at("integrity"), "ok");
}

TEST_F(SqliteOps, AReaderSeesDamageAndTransfersThatDoNotAddUp) {
  create();
  run_sql("UPDATE entries SET filler = zeroblob(length(filler)) WHERE n = 39");
  EXPECT_THAT(worker_.call("sqlite-read", reading())->dump(), HasSubstr("other content than was written"));
  run_sql("UPDATE accounts SET balance = balance + 1 WHERE id = 0");
  EXPECT_THAT(worker_.call("sqlite-read", reading())->dump(), HasSubstr("half a transfer"));
}

TEST_F(SqliteOps, AReaderThatSeesLessThanWasAcknowledgedSaysSo) {
  create();
  EXPECT_THAT(worker_.call("sqlite-read", reading({{"at_least", 41}}))->dump(),
              HasSubstr("a reader was at commit 41 and then saw 40"));
}

TEST_F(SqliteOps, NobodyCheckpointsUnasked) {
  create();
  ASSERT_TRUE(worker_.call("sqlite-read", reading()));  // its connection stays open
  WorkerHere other;
  // Past the thousand pages at which SQLite would do it by itself.
  ASSERT_TRUE(other.call("sqlite-write", writing({{"commits", 300}, {"filler", 20000}})));
  ASSERT_TRUE(other.call("sqlite-close"));
  EXPECT_GT(fs::file_size(std::string(kName) + "-wal"), 1000U * 4096);
  const OpResult done = worker_.call("sqlite-checkpoint", {{"mode", "truncate"}});
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_FALSE(done->at("busy").get<bool>());
  EXPECT_EQ(fs::file_size(std::string(kName) + "-wal"), 0U);
}

TEST_F(SqliteOps, ALongReadKeepsItsSnapshotWhileOthersCommit) {
  create();
  ASSERT_TRUE(worker_.call("sqlite-begin-long-read"));
  WorkerHere writer;
  ASSERT_TRUE(writer.call("sqlite-write", writing()));
  EXPECT_EQ(*worker_.call("sqlite-check-long-read"), Json::object());
}

TEST_F(SqliteOps, ASpillReachesTheFileAndHoldsItExclusively) {
  create(rollback());
  const OpResult spilled = worker_.call("sqlite-spill", rollback());
  ASSERT_TRUE(spilled) << spilled.error().what;
  EXPECT_GT(spilled->at("pages_written").get<int>(), 0);
  EXPECT_TRUE(fs::exists(std::string(kName) + "-journal"));
  WorkerHere reader;
  const OpResult refused = reader.call("sqlite-read", rollback(reading()));
  ASSERT_TRUE(refused) << refused.error().what;
  EXPECT_EQ(*refused, Json({{"reads", 0}, {"busy", 1}}));
}

TEST_F(SqliteOps, ABusyWriterCountsItAndGivesUpInTime) {
  create(rollback());
  ASSERT_TRUE(worker_.call("sqlite-spill", rollback()));
  WorkerHere writer;
  const OpResult refused =
      writer.call("sqlite-write", rollback(writing({{"seconds", 0.05}, {"pause_ms", 1}})));
  ASSERT_TRUE(refused) << refused.error().what;
  EXPECT_EQ(refused->at("commits"), 0);
  EXPECT_GT(refused->at("busy").get<int>(), 0);
  EXPECT_THAT(writer.notes(), IsEmpty());
}

TEST_F(SqliteOps, ExclusiveModeMakesNoShmAndKeepsOthersOut) {
  create({{"exclusive", true}});
  EXPECT_EQ(mode_, "wal");
  ASSERT_TRUE(worker_.call("sqlite-write", writing({{"exclusive", true}})));
  EXPECT_TRUE(fs::exists(std::string(kName) + "-wal"));
  EXPECT_FALSE(fs::exists(std::string(kName) + "-shm"));
  for (const bool exclusive : {true, false}) {
    WorkerHere intruder;
    const OpResult refused = intruder.call("sqlite-read", reading({{"exclusive", exclusive}}));
    ASSERT_TRUE(refused) << refused.error().what;
    EXPECT_EQ(refused->at("reads"), 0);
  }
}

TEST_F(SqliteOps, JournalModesAreTheOnesAskedFor) {
  for (const std::string mode : {"delete", "truncate", "persist"}) {
    std::error_code ignored;
    fs::remove(kName, ignored);
    fs::remove(std::string(kName) + "-journal", ignored);
    create({{"journal", mode}});
    EXPECT_EQ(mode_, mode);
    ASSERT_TRUE(worker_.call("sqlite-write", writing({{"journal", mode}})));
    ASSERT_TRUE(worker_.call("sqlite-close"));
    EXPECT_EQ(fs::exists(std::string(kName) + "-journal"), mode != "delete") << mode;
  }
}

TEST_F(SqliteOps, AFileThatIsNoDatabaseIsAnErrorWithSqlitesName) {
  create(rollback());
  fs::resize_file(kName, 0);
  fs::resize_file(kName, 8192);
  const OpResult refused = worker_.call("sqlite-dump", rollback());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, "SQLITE_NOTADB");
}

TEST_F(SqliteOps, CachesAreDroppedOfWhateverFilesThereAre) {
  create();
  EXPECT_TRUE(worker_.call("sqlite-drop-caches"));
  fs::remove(kName);
  EXPECT_TRUE(worker_.call("sqlite-drop-caches"));
}

}  // namespace
}  // namespace walguard::preflight
