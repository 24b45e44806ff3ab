#include "preflight/agent/workspace.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <stdlib.h>
#include <unistd.h>

#include "preflight/agent/proc.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = ".walguard-preflight-0123456789abcdef";
constexpr std::int64_t kFarFuture = 4102444800;  // 2100

class WorkspaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "walguard-workspace-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    dir_ = path;
    fd_ = UniqueFd(::open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write(const fs::path& name, const std::string& text) { std::ofstream(dir_ / name) << text; }

  // A folder as a run of ours would have left it, with the marker changed.
  void leave_behind(const nlohmann::json& changes) {
    ASSERT_TRUE(create_workspace(fd_.get(), kName, "nonce", kFarFuture));
    const fs::path marker = dir_ / kName / kMarkerName;
    nlohmann::json json = nlohmann::json::parse(std::ifstream(marker));
    json.update(changes);
    std::ofstream(marker) << json;
    write(fs::path(kName) / "wg-wal-0.db", "data");
  }

  [[nodiscard]] bool folder_exists() const { return fs::exists(dir_ / kName); }

  fs::path dir_;
  UniqueFd fd_;
};

const nlohmann::json kDeadOwner = {{"start_ticks", 1}};

TEST(WorkspaceName, IsExactlyThePrefixAndSixteenHexDigits) {
  EXPECT_TRUE(is_workspace_name(kName));
  EXPECT_FALSE(is_workspace_name(".walguard-preflight-"));
  EXPECT_FALSE(is_workspace_name(".walguard-preflight-0123456789abcde"));
  EXPECT_FALSE(is_workspace_name(".walguard-preflight-0123456789abcdefg"));
  EXPECT_FALSE(is_workspace_name(".walguard-preflight-0123456789ABCDEF"));
  EXPECT_FALSE(is_workspace_name("walguard-preflight-0123456789abcdef"));
}

TEST_F(WorkspaceTest, IsMadeOpenedAndRemoved) {
  ASSERT_TRUE(create_workspace(fd_.get(), kName, "nonce", kFarFuture));
  EXPECT_TRUE(open_workspace(fd_.get(), kName, "nonce"));
  write(fs::path(kName) / "wg-something", "x");
  ASSERT_TRUE(remove_workspace(fd_.get(), kName));
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(WorkspaceTest, IsNotMadeWhereTheNameIsTaken) {
  fs::create_directory(dir_ / kName);
  EXPECT_EQ(create_workspace(fd_.get(), kName, "nonce", kFarFuture).error().error, "EEXIST");
  EXPECT_TRUE(folder_exists());
}

TEST_F(WorkspaceTest, IsNotOpenedWithAnotherRunsMarkerOrThroughALink) {
  ASSERT_TRUE(create_workspace(fd_.get(), kName, "nonce", kFarFuture));
  EXPECT_EQ(open_workspace(fd_.get(), kName, "other").error().error, "ENOENT");
  fs::create_directory_symlink(dir_ / kName, dir_ / "link");
  EXPECT_FALSE(open_workspace(fd_.get(), "link", "nonce"));
}

TEST_F(WorkspaceTest, StaysWhenSomebodyElsesFileIsInIt) {
  ASSERT_TRUE(create_workspace(fd_.get(), kName, "nonce", kFarFuture));
  write(fs::path(kName) / "precious", "x");
  EXPECT_FALSE(remove_workspace(fd_.get(), kName));
  EXPECT_TRUE(fs::exists(dir_ / kName / "precious"));
  EXPECT_TRUE(fs::exists(dir_ / kName / kMarkerName)) << "the next run must still know it for ours";
}

TEST_F(WorkspaceTest, RemovesNothingBehindALinkInIt) {
  ASSERT_TRUE(create_workspace(fd_.get(), kName, "nonce", kFarFuture));
  write("precious", "x");
  fs::create_symlink(dir_ / "precious", dir_ / kName / "wg-link");
  EXPECT_FALSE(remove_workspace(fd_.get(), kName));
  EXPECT_TRUE(fs::exists(dir_ / "precious"));
}

TEST_F(WorkspaceTest, SweepRemovesTheFolderOfARunWhoseOwnerIsGone) {
  leave_behind(kDeadOwner);
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 1);
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(WorkspaceTest, SweepLeavesTheFolderOfALivingRun) {
  leave_behind(nlohmann::json::object());
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 0);
  EXPECT_TRUE(folder_exists());
}

TEST_F(WorkspaceTest, SweepLeavesTheFolderOfAnotherMachineUntilItsTimeHasPassed) {
  leave_behind({{"boot_id", "another"}, {"start_ticks", 1}});
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 0);
  fs::remove_all(dir_ / kName);
  leave_behind({{"boot_id", "another"}, {"not_after", 1000}});
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 1);
}

TEST_F(WorkspaceTest, SweepRemovesWhatARunKilledBetweenTwoStepsLeft) {
  fs::create_directory(dir_ / kName);
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 1);
  fs::create_directory(dir_ / kName);
  write(fs::path(kName) / "wg-marker.tmp", "{");
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 1);
}

TEST_F(WorkspaceTest, SweepTouchesNothingThatIsNotCertainlyOurs) {
  leave_behind(kDeadOwner);
  fs::rename(dir_ / kName, dir_ / ".walguard-preflight-of-somebody");   // not our kind of name
  fs::create_directory(dir_ / ".walguard-preflight-aaaaaaaaaaaaaaaa");  // no marker, but content
  write(".walguard-preflight-aaaaaaaaaaaaaaaa/precious", "x");
  fs::create_directory(dir_ / ".walguard-preflight-bbbbbbbbbbbbbbbb");  // a marker that is not one
  write(".walguard-preflight-bbbbbbbbbbbbbbbb/wg-marker.json", "[1]");
  fs::create_directory(dir_ / ".walguard-preflight-cccccccccccccccc");  // a marker of the wrong types
  write(".walguard-preflight-cccccccccccccccc/wg-marker.json",
        R"({"probe":"walguard-preflight","not_after":"yesterday"})");
  write(".walguard-preflight-dddddddddddddddd", "a file");
  fs::create_directory_symlink(dir_ / ".walguard-preflight-of-somebody",
                               dir_ / ".walguard-preflight-eeeeeeeeeeeeeeee");
  EXPECT_EQ(sweep_dead_workspaces(fd_.get()), 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 6);
  EXPECT_TRUE(fs::exists(dir_ / ".walguard-preflight-of-somebody" / "wg-wal-0.db"));
}

TEST(StartTicks, TellsThisProcessFromNone) {
  EXPECT_TRUE(start_ticks(::getpid()));
  EXPECT_FALSE(start_ticks(-1));
}

}  // namespace
}  // namespace walguard::preflight
