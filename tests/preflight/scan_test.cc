#include "preflight/scan/scan.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "preflight/link/unique_fd.h"
#include "preflight/scan/walk.h"

namespace walguard::preflight {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Connection = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;

// A database under the name; as long as it is held, so are its -wal and -shm.
Connection make_database(const fs::path& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open(path.c_str(), &raw);
  Connection connection(raw, sqlite3_close);
  EXPECT_EQ(opened, SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(raw, (sql + "; CREATE TABLE t (x)").c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  return connection;
}

// 0 where there is none.
std::uint64_t size_of(const std::optional<Sidecar>& sidecar) { return sidecar.value_or(Sidecar{}).bytes; }

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "walguard-scan-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
    dir_ = base_ / "dir";
    fs::create_directory(dir_);
  }
  void TearDown() override { fs::remove_all(base_); }

  ScanSummary scan_all() {
    found_.clear();
    const auto summary =
        scan(dir_.string(), [this](const FoundDatabase& database) { found_.push_back(database); });
    if (!summary) throw std::runtime_error(summary.error());
    return *summary;
  }

  // Relative to dir_.
  [[nodiscard]] std::vector<std::string> found_paths() const {
    std::vector<std::string> paths;
    paths.reserve(found_.size());
    for (const FoundDatabase& database : found_)
      paths.push_back(database.path.substr(dir_.string().size() + 1));
    std::ranges::sort(paths);
    return paths;
  }

  [[nodiscard]] std::vector<std::string> reasons(const ScanSummary& summary) const {
    std::vector<std::string> texts;
    texts.reserve(summary.skipped_first.size());
    for (const SkippedPath& skipped : summary.skipped_first) {
      texts.push_back(fs::path(skipped.path).lexically_relative(dir_).string() + ": " + skipped.reason);
    }
    return texts;
  }

  fs::path base_;
  fs::path dir_;
  std::vector<FoundDatabase> found_;
};

TEST_F(ScanTest, TellsJournalPageSizePragmasSizesAndSidecars) {
  const Connection open = make_database(dir_ / "a.db", "PRAGMA page_size=1024; PRAGMA journal_mode=WAL");
  make_database(dir_ / "b.db", "PRAGMA page_size=65536; PRAGMA user_version=7; PRAGMA application_id=-5");
  std::ofstream(dir_ / "b.db-journal") << "anything";
  const ScanSummary summary = scan_all();
  ASSERT_THAT(found_paths(), ElementsAre("a.db", "b.db"));
  std::ranges::sort(found_, {}, &FoundDatabase::path);
  const FoundDatabase& wal = found_.at(0);
  EXPECT_TRUE(wal.header.wal);
  EXPECT_EQ(wal.header.page_size, 1024U);
  EXPECT_EQ(wal.bytes, fs::file_size(dir_ / "a.db"));
  EXPECT_EQ(size_of(wal.wal), fs::file_size(dir_ / "a.db-wal"));
  EXPECT_EQ(size_of(wal.shm), fs::file_size(dir_ / "a.db-shm"));
  EXPECT_EQ(wal.wal_header_valid, true);
  EXPECT_FALSE(wal.journal);
  const FoundDatabase& rollback = found_.at(1);
  EXPECT_EQ(rollback.header,
            (DatabaseHeader{.wal = false, .page_size = 65536, .user_version = 7, .application_id = -5}));
  EXPECT_FALSE(rollback.wal || rollback.shm);
  EXPECT_FALSE(rollback.wal_header_valid.has_value());
  EXPECT_EQ(size_of(rollback.journal), 8U);
  EXPECT_EQ(summary.files, 5U);
  EXPECT_EQ(summary.folders, 1U);
}

TEST_F(ScanTest, SaysWhenAWalIsNone) {
  make_database(dir_ / "a.db", "PRAGMA journal_mode=WAL");
  std::ofstream(dir_ / "a.db-wal") << "no log at all, but as long as its header";
  (void)scan_all();
  ASSERT_EQ(found_.size(), 1U);
  EXPECT_EQ(found_.front().wal_header_valid, false);
}

TEST_F(ScanTest, NamesAFileWithAHeaderThatSqliteWouldRefuse) {
  std::ofstream(dir_ / "odd") << std::string("SQLite format 3\0", 16) << std::string(600, '\0');
  const ScanSummary summary = scan_all();
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_THAT(reasons(summary), ElementsAre(HasSubstr("odd: a SQLite header with a page size")));
}

TEST_F(ScanTest, FollowsNoSymbolicLinkBelowTheDirectory) {
  make_database(base_ / "outside.db", "");
  fs::create_directory(base_ / "elsewhere");
  make_database(base_ / "elsewhere" / "other.db", "");
  fs::create_symlink(base_ / "outside.db", dir_ / "link.db");
  fs::create_directory_symlink(base_ / "elsewhere", dir_ / "folder");
  fs::create_directory_symlink(dir_, dir_ / "loop");
  const ScanSummary summary = scan_all();
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(summary.folders, 1U);
  EXPECT_EQ(summary.skipped, 0U) << "a link is not a thing that was missed";
}

TEST_F(ScanTest, MayBeGivenALinkToADirectory) {
  make_database(dir_ / "a.db", "");
  fs::create_directory_symlink(dir_, base_ / "name");
  std::vector<std::string> paths;
  const auto summary =
      scan((base_ / "name").string(), [&](const FoundDatabase& found) { paths.push_back(found.path); });
  ASSERT_TRUE(summary) << summary.error();
  EXPECT_THAT(paths, ElementsAre((base_ / "name" / "a.db").string()));
}

TEST_F(ScanTest, OpensNeitherSocketsNorFifosAndReadsNoMoreOfAGiantThanItsHeader) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir_ / "socket").string().copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  std::ofstream(dir_ / "giant") << "x";
  ASSERT_EQ(::truncate((dir_ / "giant").c_str(), 1L << 40U), 0);
  const ScanSummary summary = scan_all();
  EXPECT_EQ(summary.files, 1U);
  EXPECT_EQ(summary.skipped, 0U);
}

TEST_F(ScanTest, KeepsTheBytesOfANameThatIsNoText) {
  make_database(dir_ / "caf\xe9.db", "");
  (void)scan_all();
  EXPECT_THAT(found_paths(), ElementsAre("caf\xe9.db"));
}

TEST_F(ScanTest, LeavesAccessTimesAlone) {
  fs::create_directory(dir_ / "sub");
  make_database(dir_ / "sub" / "a.db", "");
  const timespec long_ago{.tv_sec = 1000000000, .tv_nsec = 0};
  const timespec omit{.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  const timespec times[] = {long_ago, omit};
  for (const fs::path& path : {dir_ / "sub" / "a.db", dir_ / "sub", dir_}) {
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), static_cast<const timespec*>(times), 0), 0);
  }
  (void)scan_all();
  ASSERT_EQ(found_.size(), 1U);
  for (const fs::path& path : {dir_ / "sub" / "a.db", dir_ / "sub", dir_}) {
    struct stat facts{};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_atim.tv_sec, long_ago.tv_sec) << path;
  }
}

// Root reads everything, so it steps down to nobody for the time of this object.
class AsNobody {
 public:
  AsNobody() {
    if (::geteuid() == 0) changed_ = ::seteuid(65534) == 0;
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (changed_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool changed_ = false;
};

TEST_F(ScanTest, ReportsWhatItMayNotReadAndGoesOn) {
  fs::permissions(base_, fs::perms::all);
  for (const char* const name : {"closed", "listed-only", "open"}) {
    fs::create_directory(dir_ / name);
    make_database(dir_ / name / "a.db", "");
  }
  make_database(dir_ / "secret.db", "");
  fs::permissions(dir_ / "secret.db", fs::perms::none);
  fs::permissions(dir_ / "closed", fs::perms::none);
  fs::permissions(dir_ / "listed-only",
                  fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  ScanSummary summary;
  {
    const AsNobody nobody;
    summary = scan_all();
  }
  EXPECT_THAT(found_paths(), ElementsAre("open/a.db"));
  EXPECT_THAT(reasons(summary),
              UnorderedElementsAre("closed: EACCES", "listed-only/a.db: EACCES", "secret.db: EACCES"));
  fs::permissions(dir_ / "closed", fs::perms::owner_all);
  fs::permissions(dir_ / "listed-only", fs::perms::owner_all);
}

TEST_F(ScanTest, CountsEverythingItSkippedButNamesOnlyTheFirst) {
  for (int i = 0; i < 50; ++i) {
    std::ofstream(dir_ / ("odd" + std::to_string(i)))
        << std::string("SQLite format 3\0", 16) << std::string(600, 'x');
  }
  const ScanSummary summary = scan_all();
  EXPECT_EQ(summary.skipped, 50U);
  EXPECT_EQ(summary.skipped_first.size(), ScanSummary::kMaxExamples);
}

TEST_F(ScanTest, RefusesADirectoryThatIsNoneWithARemedy) {
  std::ofstream(dir_ / "file") << "x";
  const auto ignore = [](const FoundDatabase&) {};
  EXPECT_THAT(scan((dir_ / "nowhere").string(), ignore).error(), HasSubstr("cannot be read: ENOENT; name"));
  EXPECT_THAT(scan((dir_ / "file").string(), ignore).error(), HasSubstr("ENOTDIR"));
  EXPECT_THAT(scan("/proc", ignore).error(), HasSubstr("pseudo filesystem"));
}

// Folders in one another, so many that neither a descriptor for each nor recursion would do.
void make_deep(const fs::path& top, std::size_t depth) {
  UniqueFd here(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0);
    here = UniqueFd(::openat(here.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd file(::openat(here.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(file.valid());
  }
}

// Few descriptors, for the time of this object.
class FewDescriptors {
 public:
  FewDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 24;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(ScanTest, GoesAsDeepAsAPathCanSayWithAFewDescriptors) {
  const std::size_t deepest = (PATH_MAX - dir_.string().size()) / 2;
  ASSERT_NO_FATAL_FAILURE(make_deep(dir_, deepest + 20));
  ScanSummary summary;
  {
    const FewDescriptors few;
    summary = scan_all();
  }
  ASSERT_THAT(summary.skipped_first, ::testing::SizeIs(1));
  EXPECT_THAT(summary.skipped_first.front().reason, HasSubstr("too long"));
  EXPECT_NEAR(static_cast<double>(summary.folders), static_cast<double>(deepest), 1.0);
  EXPECT_EQ(summary.files, summary.folders - 1);
}

// Notes every path and does something once, when the walk comes to a folder.
class Notes : public WalkVisitor {
 public:
  void file(const WalkedFile& file) override { files.emplace_back(file.path); }
  void folder(std::string_view path) override {
    const auto planned = plan.find(std::string(path));
    if (planned != plan.end()) planned->second();
  }
  void skipped(std::string_view path, std::string_view reason) override {
    skips.push_back(std::string(path) + ": " + std::string(reason));
  }

  std::map<std::string, std::function<void()>> plan;
  std::vector<std::string> files;
  std::vector<std::string> skips;
};

TEST_F(ScanTest, IsNotLedOutByAFolderThatIsMovedAwayUnderIt) {
  for (const char* const name : {"a/1", "a/2", "a/3"}) fs::create_directories(dir_ / name);
  for (const char* const name : {"a/1/f", "a/2/f", "a/3/f"}) std::ofstream(dir_ / name) << "x";
  fs::create_directories(base_ / "outside" / "2");
  std::ofstream(base_ / "outside" / "2" / "secret") << "x";
  Notes notes;
  const std::string middle = (dir_ / "a" / "2").string();
  notes.plan[middle] = [&] { fs::rename(middle, base_ / "outside" / "moved"); };
  ASSERT_TRUE(walk(dir_.string(), notes));
  EXPECT_THAT(notes.files, UnorderedElementsAre((dir_ / "a" / "1" / "f").string(), middle + "/f",
                                                (dir_ / "a" / "3" / "f").string()));
  EXPECT_THAT(notes.skips, IsEmpty());
}

TEST_F(ScanTest, SaysWhenWhatWasStillToBeReadIsNoLongerThere) {
  for (const char* const name : {"a/1", "a/2"}) fs::create_directories(dir_ / name);
  Notes notes;
  const auto move = [&] { fs::rename(dir_ / "a", base_ / "away"); };
  // Whichever of the two comes first takes their parent away and itself out of it.
  bool moved = false;
  for (const char* const name : {"1", "2"}) {
    notes.plan[(dir_ / "a" / name).string()] = [&, name] {
      if (std::exchange(moved, true)) return;
      fs::rename(dir_ / "a" / name, base_ / "itself");
      move();
    };
  }
  ASSERT_TRUE(walk(dir_.string(), notes));
  EXPECT_THAT(notes.skips, ElementsAre((dir_ / "a").string() + ": moved away while it was read"));
}

TEST_F(ScanTest, TakesWhatVanishesMeanwhileAsNeverHavingBeenThere) {
  for (const char* const name : {"1", "2"}) fs::create_directories(dir_ / name);
  Notes notes;

  for (const char* const name : {"1", "2"}) {
    notes.plan[(dir_ / name).string()] = [&] {
      fs::remove_all(dir_ / "1");
      fs::remove_all(dir_ / "2");
    };
  }
  ASSERT_TRUE(walk(dir_.string(), notes));
  EXPECT_THAT(notes.skips, IsEmpty());
}

TEST_F(ScanTest, EntersOtherMountsButNeitherProcNorALoop) {
  for (const char* const name : {"loop", "proc", "memory"}) fs::create_directory(dir_ / name);
  const bool mounted = ::mount("none", (dir_ / "memory").c_str(), "tmpfs", 0, "size=1m") == 0;
  if (!mounted) {
    const char* const ci = std::getenv("CI");
    ASSERT_FALSE(ci != nullptr && std::string_view(ci) == "true") << "CI must be able to mount";
    GTEST_SKIP() << "mounting takes root";
  }
  EXPECT_EQ(::mount("none", (dir_ / "proc").c_str(), "proc", 0, nullptr), 0);
  EXPECT_EQ(::mount(dir_.c_str(), (dir_ / "loop").c_str(), nullptr, MS_BIND, nullptr), 0);
  make_database(dir_ / "memory" / "a.db", "");
  const ScanSummary summary = scan_all();
  for (const char* const name : {"loop", "proc", "memory"})
    EXPECT_EQ(::umount2((dir_ / name).c_str(), MNT_DETACH), 0);
  EXPECT_THAT(found_paths(), ElementsAre("memory/a.db"));
  EXPECT_THAT(reasons(summary), UnorderedElementsAre("loop: leads back to a folder above it",
                                                     "proc: a pseudo filesystem of the kernel"));
}

}  // namespace
}  // namespace walguard::preflight
