#include "operator/controller/state_folder.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::eventually;
using ::testing::HasSubstr;
using testing::TempDir;
using namespace std::chrono_literals;
using testing::replace_file;
using testing::write_file;

/// A language of one word a line: the name of a StorageClass. "broken" is an error, "throw" an exception.
tl::expected<void, std::string> parse_names(std::string_view file, std::string_view text,
                                            core::ClusterState& state) {
  std::istringstream lines{std::string(text)};
  int number = 1;
  for (std::string line; std::getline(lines, line); ++number) {
    if (line == "throw") throw std::runtime_error("thrown");
    if (line == "broken") {
      return tl::unexpected(std::string(file) + ":" + std::to_string(number) + ": spec: broken");
    }
    core::StorageClass object;
    object.name = line;
    state.add(std::move(object));
  }
  return {};
}

class StateFolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<StateFolder> open(StateFolderOptions options = {2ms, 1U << 20U}) const {
    auto folder = StateFolder::open(dir_.path().string(), parse_names, {}, options);
    EXPECT_TRUE(folder) << folder.error();
    return folder ? std::move(*folder) : nullptr;
  }
  static bool has(const StateFolder& folder, std::string_view name) {
    return folder.state()->storage_class(name) != nullptr;
  }

  TempDir dir_;
};

TEST_F(StateFolderTest, IsLoadedWhenOpenReturns) {
  replace_file(dir_ / "a.yaml", "one\ntwo");
  replace_file(dir_ / "b.json", "three");
  replace_file(dir_ / "c.yml", "four");
  const auto folder = open();
  EXPECT_TRUE(has(*folder, "one"));
  EXPECT_TRUE(has(*folder, "three"));
  EXPECT_TRUE(has(*folder, "four"));
  const auto status = folder->status();
  EXPECT_TRUE(status.loaded);
  EXPECT_EQ(status.error, "");
  EXPECT_EQ(status.files, 3U);
  EXPECT_EQ(status.objects, 4U);
  EXPECT_EQ(status.reloads, 1U);
}

TEST_F(StateFolderTest, ThatDoesNotExistIsAnErrorAtOnce) {
  EXPECT_THAT(error_of(StateFolder::open(dir_ / "missing", parse_names)), HasSubstr("missing"));
  replace_file(dir_ / "file", "");
  EXPECT_THAT(error_of(StateFolder::open(dir_ / "file", parse_names)), HasSubstr("not a folder"));
}

TEST_F(StateFolderTest, OtherFilesHiddenOnesAndSecondLevelFoldersAreLeftOut) {
  replace_file(dir_ / "notes.txt", "broken");
  replace_file(dir_ / ".swap.yaml", "broken");
  fs::create_directories(dir_ / "sub/deeper");
  fs::create_directories(dir_ / "..data");
  replace_file(dir_ / "sub/a.yaml", "in-subfolder");
  replace_file(dir_ / "sub/deeper/a.yaml", "broken");
  replace_file(dir_ / "..data/a.yaml", "broken");
  const auto folder = open();
  EXPECT_EQ(folder->status().error, "");
  EXPECT_TRUE(has(*folder, "in-subfolder"));
}

TEST_F(StateFolderTest, AChangedAnAddedAndARemovedFileAreSeen) {
  replace_file(dir_ / "a.yaml", "one");
  const auto folder = open();
  replace_file(dir_ / "a.yaml", "two");
  EXPECT_TRUE(eventually([&] { return has(*folder, "two") && !has(*folder, "one"); }));
  replace_file(dir_ / "b.yaml", "three");
  EXPECT_TRUE(eventually([&] { return has(*folder, "three"); }));
  fs::remove(dir_ / "a.yaml");
  EXPECT_TRUE(eventually([&] { return !has(*folder, "two"); }));
}

TEST_F(StateFolderTest, ManyChangesOfEqualLengthInAMomentEndInTheLast) {
  const auto folder = open();
  for (int i = 100; i < 200; ++i) write_file(dir_ / "a.yaml", "n" + std::to_string(i));
  EXPECT_TRUE(eventually([&] { return has(*folder, "n199"); }));
}

TEST_F(StateFolderTest, ABrokenFileIsNamedAndTheLastGoodStateStaysInForceUntilItIsMended) {
  replace_file(dir_ / "a.yaml", "one");
  replace_file(dir_ / "b.yaml", "two");
  const auto folder = open();
  replace_file(dir_ / "a.yaml", "new\nbroken");
  ASSERT_TRUE(eventually([&] { return !folder->status().error.empty(); }));
  auto status = folder->status();
  EXPECT_THAT(status.error, HasSubstr(dir_ / "a.yaml:2: spec: broken"));
  EXPECT_TRUE(status.loaded);
  EXPECT_EQ(status.objects, 2U);
  EXPECT_EQ(status.failed_reloads, 1U);
  EXPECT_TRUE(has(*folder, "one"));
  EXPECT_FALSE(has(*folder, "new"));

  replace_file(dir_ / "a.yaml", "new");
  ASSERT_TRUE(eventually([&] { return has(*folder, "new"); }));
  status = folder->status();
  EXPECT_EQ(status.error, "");
  EXPECT_EQ(status.reloads, 2U);
}

TEST_F(StateFolderTest, AFileMendedBackToWhatIsInForceClearsTheError) {
  replace_file(dir_ / "a.yaml", "one");
  const auto folder = open();
  replace_file(dir_ / "a.yaml", "broken");
  ASSERT_TRUE(eventually([&] { return !folder->status().error.empty(); }));
  replace_file(dir_ / "a.yaml", "one");
  EXPECT_TRUE(eventually([&] { return folder->status().error.empty(); }));
}

TEST_F(StateFolderTest, StartsBrokenNotLoadedAndEmptyAndHeals) {
  replace_file(dir_ / "a.yaml", "broken");
  const auto folder = open();
  EXPECT_FALSE(folder->status().loaded);
  EXPECT_THAT(folder->status().error, HasSubstr("a.yaml:1"));
  EXPECT_EQ(folder->state()->size(), 0U);
  replace_file(dir_ / "a.yaml", "one");
  EXPECT_TRUE(eventually([&] { return folder->status().loaded && has(*folder, "one"); }));
}

TEST_F(StateFolderTest, AParserThatThrowsIsAnErrorOfTheFile) {
  replace_file(dir_ / "a.yaml", "throw");
  EXPECT_THAT(open()->status().error, HasSubstr("a.yaml: thrown"));
}

TEST_F(StateFolderTest, WhatIsNotARegularFileOrTooLargeIsAnErrorAndNeverBlocks) {
  ASSERT_EQ(::mkfifo((dir_ / "a.yaml").c_str(), 0600), 0);
  EXPECT_THAT(open()->status().error, HasSubstr("a.yaml: it is not a regular file"));
  fs::remove(dir_ / "a.yaml");
  fs::create_symlink("nowhere", dir_ / "a.yaml");
  EXPECT_THAT(open()->status().error, HasSubstr("a.yaml: No such file or directory"));
  fs::remove(dir_ / "a.yaml");
  replace_file(dir_ / "a.yaml", "12345678901");
  EXPECT_THAT(open({2ms, 10})->status().error, HasSubstr("larger than 10 bytes"));
}

TEST_F(StateFolderTest, TheSwapOfAMountedConfigMapIsSeen) {
  // As the kubelet does it: names are links through ..data, which is renamed over in one step.
  fs::create_directories(dir_ / "..v1");
  fs::create_directories(dir_ / "..v2");
  replace_file(dir_ / "..v1/a.yaml", "one");
  replace_file(dir_ / "..v2/a.yaml", "two");
  fs::create_symlink("..v1", dir_ / "..data");
  fs::create_symlink("..data/a.yaml", dir_ / "a.yaml");
  const auto folder = open();
  EXPECT_TRUE(has(*folder, "one"));
  fs::create_symlink("..v2", dir_ / "..data_tmp");
  fs::rename(dir_ / "..data_tmp", dir_ / "..data");
  EXPECT_TRUE(eventually([&] { return has(*folder, "two"); }));
}

TEST_F(StateFolderTest, AFolderThatVanishesLeavesTheLastGoodStateAndHealsWhenItIsBack) {
  replace_file(dir_ / "a.yaml", "one");
  const auto folder = open();
  fs::rename(dir_.path(), dir_.path().string() + "-away");
  ASSERT_TRUE(eventually([&] { return !folder->status().error.empty(); }));
  EXPECT_TRUE(has(*folder, "one"));
  fs::rename(dir_.path().string() + "-away", dir_.path());
  EXPECT_TRUE(eventually([&] { return folder->status().error.empty(); }));
}

TEST_F(StateFolderTest, EachChangeIsOneLogLine) {
  replace_file(dir_ / "a.yaml", "one");
  std::atomic<int> infos = 0;
  std::atomic<int> errors = 0;
  const LogLine log = [&](LogLevel level, const std::string&) {
    ++(level == LogLevel::kError ? errors : infos);
  };
  const auto folder = StateFolder::open(dir_.path().string(), parse_names, log, {2ms});
  ASSERT_TRUE(folder);
  EXPECT_EQ(infos, 1);
  replace_file(dir_ / "a.yaml", "broken");
  ASSERT_TRUE(eventually([&] { return errors == 1; }));
  replace_file(dir_ / "a.yaml", "two");
  ASSERT_TRUE(eventually([&] { return infos == 2; }));
  EXPECT_EQ(errors, 1);
}

TEST_F(StateFolderTest, AFolderThatKeepsChangingIsLeftAloneForSomeLooksAndThenRead) {
  constexpr auto kInterval = 20ms;
  const auto folder = open({kInterval});
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i)
      replace_file(dir_ / "a.yaml", "version " + std::to_string(i));
  });
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return folder->status().reloads >= 6; }));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2 * 5 * kInterval);
}

TEST_F(StateFolderTest, ReadersOnManyThreadsAlwaysSeeAWholeState) {
  replace_file(dir_ / "a.yaml", "one\ntwo");
  const auto folder = open();
  std::atomic<bool> torn = false;
  {
    std::vector<std::jthread> readers;
    readers.reserve(4);
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          if (folder->state()->size() != 2) torn = true;
        }
      });
    }
    for (int i = 0; i < 20; ++i) {
      const auto before = folder->status().reloads;
      replace_file(dir_ / "a.yaml", "one\n" + std::to_string(i));
      ASSERT_TRUE(eventually([&] { return folder->status().reloads > before; }));
    }
  }
  EXPECT_FALSE(torn);
}

}  // namespace
}  // namespace walguard::controller
