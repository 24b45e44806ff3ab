// The operations of a worker, called in this process on a folder of the test's own.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preflight/agent/ops.h"
#include "preflight/agent/pattern.h"
#include "preflight/agent/shared_map.h"

namespace walguard::preflight {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRegion = SharedMap::kRegionBytes;

// What one worker process would hold; several in one process serve as several sides wherever no lock is
// taken.
class Party {
 public:
  Party() : context_(std::make_shared<WorkerContext>([](const Json&) {})) {
    const auto map = std::make_shared<SharedMap>();
    add_file_ops(table_, context_);
    add_lock_ops(table_, context_);
    add_map_ops(table_, context_, map);
    add_publication_ops(table_, context_, map);
  }

  OpResult operator()(std::string_view op, const Json& arguments) {
    return table_.at(std::string(op))(arguments);
  }
  /// Where it must work.
  Json must(std::string_view op, const Json& arguments) {
    OpResult result = (*this)(op, arguments);
    EXPECT_TRUE(result) << op << ": " << (result ? "" : result.error().what);
    return result.value_or(Json());
  }
  int open(const std::string& name, bool create) {
    return must("open", {{"name", name}, {"create", create}}).at("file").get<int>();
  }

 private:
  std::shared_ptr<WorkerContext> context_;
  OpTable table_;
};

// Names are relative to the working directory.
class AgentOps : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    std::string path = (fs::temp_directory_path() / "walguard-ops-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    dir_ = path;
    fs::current_path(dir_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(dir_);
  }

  Party a_;
  Party b_;

 private:
  fs::path before_;
  fs::path dir_;
};

TEST_F(AgentOps, PiecesAreWrittenInOrderAndReadBackWithTheirFingerprints) {
  const int file = a_.open("f", true);
  a_.must("write", {{"file", file}, {"pieces", {{0, 4096, 1}, {100, 8, 2}}}});
  std::vector<std::uint8_t> expected = pattern(1, 4096);
  std::ranges::copy(pattern(2, 8), expected.begin() + 100);
  const Json read = a_.must("read", {{"file", file}, {"pieces", {{0, 4096}, {100, 8}}}});
  EXPECT_EQ(read.at(0), Json({4096, fingerprint(expected)}));
  EXPECT_EQ(read.at(1), Json({8, fingerprint(pattern(2, 8))}));
}

TEST_F(AgentOps, AReadPastTheEndSaysHowLittleCame) {
  const int file = a_.open("f", true);
  a_.must("write", {{"file", file}, {"pieces", {{0, 100, 1}}}});
  const Json read = a_.must("read", {{"file", file}, {"pieces", {{90, 50}, {100, 1}}}});
  EXPECT_EQ(read.at(0).at(0), 10);
  EXPECT_EQ(read.at(1).at(0), 0);
}

TEST_F(AgentOps, GrowingAsSqliteDoesReachesTheSizeAndLeavesNoPageAHole) {
  const int file = a_.open("f", true);
  a_.must("grow", {{"file", file}, {"size", kRegion}});
  EXPECT_EQ(a_.must("size", {{"file", file}}).at("size"), kRegion);
  a_.must("truncate", {{"file", file}, {"size", 3}});
  a_.must("grow", {{"file", file}, {"size", 2 * kRegion}});
  EXPECT_EQ(a_.must("size", {{"file", file}}).at("size"), 2 * kRegion);
  struct stat status{};
  ASSERT_EQ(::stat("f", &status), 0);
  EXPECT_GT(status.st_blocks, 0);
}

TEST_F(AgentOps, ANameIsLookedUpByAccessStatAndOpen) {
  EXPECT_EQ(a_.must("look-up", {{"name", "f"}}), Json({{"access", false}, {"size", -1}, {"open", false}}));
  const int file = a_.open("f", true);
  a_.must("write", {{"file", file}, {"pieces", {{0, 7, 1}}}});
  EXPECT_EQ(a_.must("look-up", {{"name", "f"}}), Json({{"access", true}, {"size", 7}, {"open", true}}));
  EXPECT_FALSE(a_("look-up", {{"name", "f/under-a-file"}})) << "ENOTDIR is no answer to whether it exists";
}

TEST_F(AgentOps, SyncsAreTimedOneByOneAndAtLeastSoManyHoweverSlow) {
  const int file = a_.open("f", true);
  Json order = {{"file", file}, {"data_only", true}, {"rounds", 7}, {"least", 3}, {"seconds", 60}};
  EXPECT_EQ(a_.must("time-syncs", order).size(), 7U);
  order["seconds"] = 0;
  EXPECT_EQ(a_.must("time-syncs", order).size(), 3U);
  a_.must("sync-folder", {{"data_only", false}});
}

TEST_F(AgentOps, ASyncThatFailsIsAnErrorWithItsName) {
  const OpResult synced = a_("sync", {{"file", 99}});  // no such file: the descriptor is -1
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().error, "EBADF");
}

TEST_F(AgentOps, AFileTooShortIsSizedAndNotMapped) {
  const int file = a_.open("f", true);
  a_.must("grow", {{"file", file}, {"size", kRegion}});
  EXPECT_EQ(a_.must("map", {{"file", file}, {"bytes", 2 * kRegion}}).at("size"), kRegion);
  EXPECT_ANY_THROW((void)a_("map-load", {{"words", {0}}})) << "nothing may be mapped";
}

TEST_F(AgentOps, AMappingGrowsByRegionsAndIsOneMemoryOnBothSides) {
  const int file_a = a_.open("f", true);
  const int file_b = b_.open("f", false);
  for (std::size_t regions = 1; regions <= 3; ++regions) {
    a_.must("grow", {{"file", file_a}, {"size", regions * kRegion}});
    a_.must("map", {{"file", file_a}, {"bytes", regions * kRegion}});
    b_.must("map", {{"file", file_b}, {"bytes", regions * kRegion}});
    const std::size_t word = regions * SharedMap::kRegionWords - 1;
    a_.must("map-store", {{"words", {word - 1, word}}, {"value", 7 * regions}});
    const Json values = b_.must("map-load", {{"words", {word, word - 1}}}).at("values");
    EXPECT_EQ(values, Json({7 * regions + 1, 7 * regions}));
    EXPECT_TRUE(b_.must("map-await", {{"word", word}, {"value", 7 * regions + 1}, {"seconds", 0}})
                    .at("at_once")
                    .get<bool>());
  }
}

TEST_F(AgentOps, WhatIsStoredIsInTheFileOnceWrittenBack) {
  const int file = a_.open("f", true);
  a_.must("grow", {{"file", file}, {"size", kRegion}});
  a_.must("map", {{"file", file}, {"bytes", kRegion}});
  a_.must("map-store", {{"words", {0}}, {"value", 0x01010101}});
  a_.must("map-write-back", Json::object());
  a_.must("unmap", Json::object());
  const Json read = b_.must("read", {{"file", b_.open("f", false)}, {"pieces", {{0, 4}}}});
  EXPECT_EQ(read.at(0).at(1), fingerprint(std::vector<std::uint8_t>{1, 1, 1, 1}));
}

// A publishes in `log` and `index`; B reads the log called `log_of_b`, from when the first number is there
// until A has published `rounds` or `reader_seconds` are over. A has far more patience than either takes.
class Publishing : public AgentOps {
 protected:
  Json play(const std::string& log_of_b, int rounds, double reader_seconds) {
    const int log_a = a_.open("log", true);
    if (log_of_b != "log") (void)b_.open(log_of_b, true);
    const int log_b = b_.open(log_of_b, false);
    const int index_a = a_.open("index", true);
    const int index_b = b_.open("index", false);
    a_.must("grow", {{"file", index_a}, {"size", kRegion}});
    a_.must("map", {{"file", index_a}, {"bytes", kRegion}});
    b_.must("map", {{"file", index_b}, {"bytes", kRegion}});
    const auto game = [rounds](int file, double seconds, double patience) {
      return Json{{"file", file}, {"word", 1},        {"echo", 1500},       {"frames", 8},
                  {"first", 1},   {"rounds", rounds}, {"seconds", seconds}, {"patience", patience}};
    };
    auto publishing = std::async(std::launch::async, [&] { return a_.must("publish", game(log_a, 20, 10)); });
    b_.must("map-await", {{"word", 1}, {"value", 1}, {"seconds", 10}});
    const Json read = b_.must("subscribe", game(log_b, reader_seconds, 0));
    published_ = publishing.get();
    return read;
  }

  Json published_;
};

TEST_F(Publishing, FindsEveryFrameWholeWhereTheLogIsOneFile) {
  const Json read = play("log", 40, 30);
  EXPECT_EQ(read.at("rounds"), 40);
  EXPECT_EQ(read.at("stale"), 0);
  EXPECT_EQ(published_.at("round_trips").size(), 40U);
  EXPECT_EQ(published_.at("answered"), true);
}

TEST_F(Publishing, CountsAFrameThatIsNotThereWhenItsNumberIs) {
  const Json read = play("another-log", 1, 2);
  EXPECT_EQ(read.at("rounds"), 1);
  EXPECT_EQ(read.at("stale"), 1);
  EXPECT_GT(read.at("longest_stale_seconds").get<double>(), 0);
}

TEST_F(AgentOps, APublicationNobodyAnswersIsGivenUp) {
  const int file = a_.open("index", true);
  a_.must("grow", {{"file", file}, {"size", kRegion}});
  a_.must("map", {{"file", file}, {"bytes", kRegion}});
  const Json published = a_.must("publish", {{"file", a_.open("log", true)},
                                             {"word", 1},
                                             {"echo", 2},
                                             {"frames", 8},
                                             {"first", 1},
                                             {"rounds", 40},
                                             {"seconds", 5},
                                             {"patience", 0.01}});
  EXPECT_EQ(published.at("answered"), false);
  EXPECT_TRUE(published.at("round_trips").empty());
}

// POSIX locks belong to a process, so the other player is one.
class LockRally : public AgentOps {
 protected:
  static Json player(int file, bool leads) {
    return {{"file", file}, {"hold", leads ? 1 : 2}, {"want", leads ? 2 : 1}, {"leads", leads},
            {"rounds", 50}, {"seconds", 20},         {"patience", 10}};
  }
  static Json write_lock(int file, long start) {
    return {{"file", file}, {"ofd", false}, {"type", "write"}, {"start", start}, {"length", 1}};
  }
};

TEST_F(LockRally, PassesTwoLocksBackAndForthAndEndsWithNothingLocked) {
  const int file = a_.open("f", true);
  a_.must("lock", write_lock(file, 1));
  std::array<int, 2> from_follower{};
  ASSERT_EQ(::pipe(from_follower.data()), 0);
  const pid_t follower = ::fork();
  ASSERT_GE(follower, 0);
  if (follower == 0) {
    Party party;
    const int own = party.open("f", false);
    const bool held = party("lock", write_lock(own, 2)).value_or(Json()).value("granted", false);
    (void)!::write(from_follower[1], "x", 1);
    const OpResult played = party("lock-rally", player(own, false));
    ::_exit(held && played && played->at("round_trips").size() == 50 ? 0 : 1);
  }
  // The follower holds its byte before the leader may begin. Asked for by a pipe: to try the lock would take
  // it.
  ::close(from_follower[1]);
  char byte = 0;
  ASSERT_EQ(::read(from_follower[0], &byte, 1), 1);
  ::close(from_follower[0]);
  EXPECT_EQ(a_.must("lock-rally", player(file, true)).at("round_trips").size(), 50U);
  int status = 0;
  ASSERT_EQ(::waitpid(follower, &status, 0), follower);
  EXPECT_EQ(status, 0);
}

TEST_F(LockRally, EndsWithoutARoundWhereTheOtherNeverLetsGo) {
  const int file = a_.open("f", true);
  std::vector<int> to_child(2);
  std::vector<int> from_child(2);
  ASSERT_EQ(::pipe(to_child.data()), 0);
  ASSERT_EQ(::pipe(from_child.data()), 0);
  const pid_t holder = ::fork();
  ASSERT_GE(holder, 0);
  if (holder == 0) {
    ::close(to_child[1]);
    Party party;
    (void)party("lock", write_lock(party.open("f", false), 2));
    (void)!::write(from_child[1], "x", 1);
    char byte = 0;
    (void)!::read(to_child[0], &byte, 1);  // until the test closes its end
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(from_child[0], &byte, 1), 1);
  Json leader = player(file, true);
  leader["patience"] = 0.01;
  EXPECT_TRUE(a_.must("lock-rally", leader).at("round_trips").empty());
  for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) ::close(fd);
  ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
}

}  // namespace
}  // namespace walguard::preflight
