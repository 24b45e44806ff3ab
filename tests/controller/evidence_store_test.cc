#include "operator/controller/evidence_store.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "operator/controller/data_dir.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "tests/controller/support.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using core::Evidence;
using core::Scope;
using core::Strategy;
using core::Verdict;
using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TempDir;

Evidence full_evidence() {
  Evidence evidence;
  evidence.key.storage_class = "fast";
  evidence.key.volume = "hostPath:/srv/da\"ta";
  evidence.key.driver = "x.csi.example";
  evidence.key.parameters = "d1 \"größe\"\n";
  evidence.key.access_mode = core::AccessMode::kReadWriteMany;
  evidence.key.mount_options = {"discard", "noatime"};
  evidence.key.fs_type = "ext4";
  evidence.key.runtime_handler = "kata";
  evidence.scope = Scope::kPod;
  evidence.verdicts = {{Verdict::kUnsafe, Verdict::kUnproven, Verdict::kSafe}};
  evidence.reasons = {"byte-range-locks: both agents were granted byte 120", "mmap-coherence: \"stale\""};
  evidence.measured_at = 1'700'000'000;
  evidence.filesystem = "fuse.sshfs";
  evidence.kernel_release = "6.1.0-42";
  evidence.probe_version = "0.1.0";
  evidence.digest = "0123456789ab";
  evidence.contention = core::Contention{.refused = 0.25, .longest_wait = 0.125};
  return evidence;
}

Evidence evidence_of(const std::string& storage_class, Verdict wal, core::UtcSeconds measured_at) {
  Evidence evidence;
  evidence.key.storage_class = storage_class;
  evidence.verdicts[Strategy::kWal] = wal;
  evidence.measured_at = measured_at;
  return evidence;
}

void expect_equal(const Evidence& a, const Evidence& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.scope, b.scope);
  EXPECT_EQ(a.verdicts, b.verdicts);
  EXPECT_EQ(a.reasons, b.reasons);
  EXPECT_EQ(a.measured_at, b.measured_at);
  EXPECT_EQ(a.filesystem, b.filesystem);
  EXPECT_EQ(a.kernel_release, b.kernel_release);
  EXPECT_EQ(a.probe_version, b.probe_version);
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_EQ(a.contention, b.contention);
}

class EvidenceStoreTest : public ::testing::Test {
 protected:
  [[nodiscard]] tl::expected<std::unique_ptr<EvidenceStore>, std::string> open_on(std::uint64_t magic) const {
    return EvidenceStore::open(dir_.path().string(), catalog_, [magic](const std::string&) { return magic; });
  }
  [[nodiscard]] std::unique_ptr<EvidenceStore> open() const {
    auto store = open_on(testing::kExt4Magic);
    EXPECT_TRUE(store) << store.error();
    return store ? std::move(*store) : nullptr;
  }
  [[nodiscard]] std::string open_error() const { return error_of(open_on(testing::kExt4Magic)); }
  /// By another connection, as an older or newer version or a stranger would.
  void execute(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  TempDir dir_;
  std::string file_ = dir_ / "walguard.db";
  core::Catalog catalog_ = testing::small_catalog();
};

TEST_F(EvidenceStoreTest, EveryFieldOfEvidenceIsThereAfterARestart) {
  ASSERT_EQ(error_of(open()->save(full_evidence())), "no error");
  const auto kept = open()->load_all();
  ASSERT_TRUE(kept) << kept.error();
  ASSERT_EQ(kept->size(), 1U);
  expect_equal(kept->front(), full_evidence());
}

TEST_F(EvidenceStoreTest, EvidenceIsThereAfterAProcessThatDiedWithoutClosing) {
  const auto child = ::fork();
  if (child == 0) {
    const auto store = open_on(testing::kExt4Magic);
    ::_exit(store && (*store)->save(full_evidence()) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto kept = open()->load_all();
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_EQ(kept->size(), 1U);
}

TEST_F(EvidenceStoreTest, TheDataDirectoryIsCreatedForItsOwnerAlone) {
  const std::string nested = dir_ / "a/b";
  ASSERT_TRUE(EvidenceStore::open(nested, catalog_, [](const std::string&) { return testing::kExt4Magic; }));
  EXPECT_EQ(std::filesystem::status(nested).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(EvidenceStoreTest, ANewerRunWithTheSameResultReplacesTheOlder) {
  const auto store = open();
  ASSERT_EQ(error_of(store->save(evidence_of("fast", Verdict::kSafe, 100))), "no error");
  ASSERT_EQ(error_of(store->save(evidence_of("fast", Verdict::kSafe, 200))), "no error");
  ASSERT_EQ(error_of(store->save(evidence_of("fast", Verdict::kSafe, 150))),
            "no error");  // a report that arrives late
  const auto kept = store->load_all();
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().measured_at, 200);
}

TEST_F(EvidenceStoreTest, APassAndAFailureOfOneKeyAreBothKept) {
  const auto store = open();
  ASSERT_EQ(error_of(store->save(evidence_of("fast", Verdict::kSafe, 100))), "no error");
  ASSERT_EQ(error_of(store->save(evidence_of("fast", Verdict::kUnsafe, 200))), "no error");
  EXPECT_EQ(store->load_all()->size(), 2U);
}

TEST_F(EvidenceStoreTest, PruningForgetsOldPassesAndKeepsFailuresWhateverTheirAge) {
  const auto store = open();
  ASSERT_EQ(error_of(store->save(evidence_of("old-pass", Verdict::kSafe, 100))), "no error");
  ASSERT_EQ(error_of(store->save(evidence_of("old-failure", Verdict::kUnsafe, 100))), "no error");
  ASSERT_EQ(error_of(store->save(evidence_of("new-pass", Verdict::kSafe, 200))), "no error");
  EXPECT_EQ(store->prune(200).value(), 1);
  const auto kept = store->load_all();
  ASSERT_TRUE(kept) << kept.error();
  std::vector<std::string> classes;
  for (const Evidence& evidence : *kept) classes.push_back(evidence.key.storage_class);
  EXPECT_THAT(classes, ::testing::UnorderedElementsAre("old-failure", "new-pass"));
}

TEST_F(EvidenceStoreTest, AKeyThatIsNotUtf8IsRefusedAndReasonsThatAreNotAreMended) {
  const auto store = open();
  EXPECT_FALSE(store->save(evidence_of("fa\xffst", Verdict::kSafe, 100)));
  Evidence evidence = evidence_of("fast", Verdict::kSafe, 100);
  evidence.reasons = {"path \xff"};
  EXPECT_EQ(error_of(store->save(evidence)), "no error");
  EXPECT_EQ(store->load_all()->size(), 1U);
}

TEST_F(EvidenceStoreTest, TwoServersOnOneDirectorySaveAtTheSameTime) {
  const auto first = open();
  const auto second = open();
  const auto save_many = [](EvidenceStore& store, const std::string& prefix) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(error_of(store.save(evidence_of(prefix + std::to_string(i), Verdict::kSafe, 100))),
                "no error");
    }
  };
  std::jthread other([&] { save_many(*second, "second-"); });
  save_many(*first, "first-");
  other.join();
  EXPECT_EQ(first->load_all()->size(), 40U);
}

TEST_F(EvidenceStoreTest, ANetworkFilesystemIsRefusedWithPathFilesystemAndRemedy) {
  const auto store = open_on(testing::kNfsMagic);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error(), AllOf(HasSubstr(dir_.path().string()), HasSubstr("nfs4"),
                                   HasSubstr("network-filesystem"), HasSubstr("Remedy: give --data-dir")));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(EvidenceStoreTest, FuseClusterAndUnknownFilesystemsAreRefused) {
  EXPECT_THAT(error_of(open_on(0x65735546)), HasSubstr("FUSE"));
  EXPECT_THAT(error_of(open_on(testing::kCephMagic)), HasSubstr("ceph"));
  EXPECT_THAT(error_of(open_on(testing::kNobodyKnowsMagic)), HasSubstr("does not know (0x12345678)"));
}

TEST_F(EvidenceStoreTest, TmpfsAndAContainersOverlayRootAreAccepted) {
  EXPECT_TRUE(open_on(testing::kTmpfsMagic));
  EXPECT_TRUE(open_on(0x794C7630));
}

TEST_F(EvidenceStoreTest, AFilesystemThatDoesNotAnswerIsRefused) {
  const auto store = EvidenceStore::open(dir_.path().string(), catalog_, [](const std::string& path) {
    return tl::expected<std::uint64_t, std::string>(
        tl::unexpected("statfs " + path + ": Input/output error"));
  });
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error(), HasSubstr("Input/output error"));
}

TEST(FilesystemMagic, IsWhatTheKernelSays) {
  EXPECT_EQ(filesystem_magic("/proc"), 0x9fa0U);  // PROC_SUPER_MAGIC, linux/magic.h
  EXPECT_THAT(error_of(filesystem_magic("/does/not/exist")), HasSubstr("No such file or directory"));
}

TEST_F(EvidenceStoreTest, AFileThatIsNoDatabaseIsAnErrorWithARemedyAndStaysAsItIs) {
  const std::string garbage(4096, 'x');
  testing::write_file(file_, garbage);
  EXPECT_THAT(open_error(), AllOf(HasSubstr(file_), HasSubstr("Remedy: restore")));
  std::string now(std::istreambuf_iterator<char>(std::ifstream(file_).rdbuf()), {});
  EXPECT_EQ(now, garbage);
}

TEST_F(EvidenceStoreTest, ADamagedPageIsAnErrorAndNeverAnEmptyStore) {
  {
    const auto store = open();
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(error_of(store->save(evidence_of("class-" + std::to_string(i), Verdict::kSafe, 100))),
                "no error");
    }
  }
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) / 2);
  EXPECT_THAT(open_error(), AllOf(HasSubstr(file_), HasSubstr("Remedy: restore")));
}

TEST_F(EvidenceStoreTest, APageThatNoQueryAtTheStartReadsIsCheckedAllTheSame) {
  {
    const auto store = open();
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(error_of(store->save(evidence_of("class-" + std::to_string(i), Verdict::kSafe, 100))),
                "no error");
    }
  }
  constexpr std::streamoff kPage = 4096;
  std::fstream file(file_, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file_)) - kPage);
  file << std::string(kPage, '\xee');
  file.close();
  EXPECT_THAT(open_error(), AllOf(HasSubstr("damaged"), HasSubstr("Remedy: restore")));
}

TEST_F(EvidenceStoreTest, ARowThatCannotBeReadIsAnError) {
  ASSERT_EQ(error_of(open()->save(full_evidence())), "no error");
  execute("UPDATE evidence SET wal = 'fine'");
  EXPECT_THAT(error_of(open()->load_all()), HasSubstr("\"fine\" is no scope or verdict"));
  execute("UPDATE evidence SET wal = 'safe', key = '{'");
  EXPECT_THAT(error_of(open()->load_all()), AllOf(HasSubstr("row 1"), HasSubstr("Remedy")));
  execute("UPDATE evidence SET key = '{\"class\": 7}'");
  EXPECT_FALSE(open()->load_all());
}

TEST_F(EvidenceStoreTest, ANewerSchemaIsRefusedWithBothVersions) {
  ASSERT_EQ(error_of(open()->save(full_evidence())), "no error");
  execute("PRAGMA user_version = 7");
  EXPECT_THAT(open_error(),
              AllOf(HasSubstr("schema version 7"), HasSubstr("knows 2"), HasSubstr("Remedy: start")));
  execute("PRAGMA user_version = 2");
  EXPECT_EQ(open()->load_all()->size(), 1U);
}

TEST_F(EvidenceStoreTest, AFileOfTheFirstVersionIsTakenOver) {
  Evidence old = full_evidence();
  old.contention.reset();
  ASSERT_EQ(error_of(open()->save(old)), "no error");
  execute("ALTER TABLE evidence DROP COLUMN contention; PRAGMA user_version = 1");
  const auto kept = open()->load_all();
  ASSERT_TRUE(kept) << kept.error();
  ASSERT_EQ(kept->size(), 1U);
  expect_equal(kept->front(), old);
  ASSERT_EQ(error_of(open()->save(full_evidence())), "no error");
  expect_equal(open()->load_all()->front(), full_evidence());
}

TEST_F(EvidenceStoreTest, AnotherProgramsDatabaseIsRefusedAndNotChanged) {
  execute("CREATE TABLE theirs(x)");
  EXPECT_THAT(open_error(), HasSubstr("not a database of walguard's"));
  execute("INSERT INTO theirs VALUES(1)");
}

TEST_F(EvidenceStoreTest, ASymbolicLinkInPlaceOfTheFileIsRefused) {
  std::filesystem::create_symlink(dir_ / "elsewhere.db", file_);
  EXPECT_THAT(open_error(), HasSubstr("symbolic link"));
}

TEST_F(EvidenceStoreTest, AFileInPlaceOfTheDirectoryIsRefused) {
  testing::write_file(dir_ / "file", "");
  EXPECT_THAT(error_of(EvidenceStore::open(dir_ / "file", catalog_)), HasSubstr("cannot be used"));
}

}  // namespace
}  // namespace walguard::controller
