// The data directory on filesystems that are really mounted: nothing here is injected.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "operator/controller/evidence_store.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "tests/controller/support.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using testing::error_of;
using testing::TempDir;

/// Why these tests cannot run here; empty where they can. A CI that cannot run them is broken.
std::string missing() {
  if (::geteuid() != 0) return "needs root, to mount";
  if (!std::filesystem::exists("/dev/fuse")) return "needs /dev/fuse";
  if (std::system("command -v bindfs > /dev/null") != 0) return "needs bindfs";
  return "";
}

bool in_ci() {
  const char* const ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

#define REQUIRE_MOUNTS()                                  \
  if (const std::string why = missing(); !why.empty()) {  \
    if (in_ci()) FAIL() << why; /* never a silent skip */ \
    GTEST_SKIP() << why;                                  \
  }                                                       \
  static_assert(true)

class Mount {
 public:
  explicit Mount(std::string path) : path_(std::move(path)) {}
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  ~Mount() { ::umount2(path_.c_str(), MNT_DETACH); }

 private:
  std::string path_;
};

TEST(DataDirectory, OnARealFuseMountIsRefused) {
  REQUIRE_MOUNTS();
  const TempDir dir;
  std::filesystem::create_directory(dir / "backing");
  std::filesystem::create_directory(dir / "mounted");
  ASSERT_EQ(std::system(("bindfs " + (dir / "backing") + " " + (dir / "mounted")).c_str()), 0);
  const Mount mount(dir / "mounted");
  const auto store = EvidenceStore::open(dir / "mounted/data", testing::small_catalog());
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error(), ::testing::HasSubstr("FUSE"));
}

TEST(DataDirectory, ThatIsFullGivesAnErrorAndKeepsWhatItHeld) {
  REQUIRE_MOUNTS();
  const TempDir dir;
  std::filesystem::create_directory(dir / "small");
  ASSERT_EQ(::mount("tmpfs", (dir / "small").c_str(), "tmpfs", 0, "size=1m"), 0);
  const Mount mount(dir / "small");
  const core::Catalog catalog = testing::small_catalog();
  auto store = EvidenceStore::open(dir / "small", catalog);
  ASSERT_TRUE(store) << store.error();
  core::Evidence evidence;
  evidence.key.storage_class = "first";
  ASSERT_EQ(error_of((*store)->save(evidence)), "no error");

  std::ofstream(dir / "small/filler") << std::string(1U << 20U, 'x');
  evidence.key.storage_class = "second";
  evidence.reasons = {std::string(64U << 10U, 'r')};
  const auto saved = (*store)->save(evidence);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error(), ::testing::HasSubstr("full"));

  EXPECT_EQ((*store)->load_all()->size(), 1U);
  std::filesystem::remove(dir / "small/filler");
  EXPECT_EQ(error_of((*store)->save(evidence)), "no error");
  store->reset();
  EXPECT_EQ((*EvidenceStore::open(dir / "small", catalog))->load_all()->size(), 2U);
}

}  // namespace
}  // namespace walguard::controller
