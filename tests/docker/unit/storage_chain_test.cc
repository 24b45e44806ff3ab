#include "operator/docker/storage_chain.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "operator/docker/mount_table.h"

namespace walguard::docker {
namespace {

SharedFiles shared(std::string_view mountinfo, std::string_view a, std::string_view b) {
  const MountTable mounts(parse_mountinfo(mountinfo));
  const auto as_it_is = [](const std::string& path) { return path; };
  const StorageChain chain_a = storage_chain(a, mounts, as_it_is);
  const StorageChain chain_b = storage_chain(b, mounts, as_it_is);
  EXPECT_EQ(shared_files(chain_a, chain_b), shared_files(chain_b, chain_a));
  return shared_files(chain_a, chain_b);
}

constexpr std::string_view kDisk =
    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "2 1 8:1 /srv/data /mnt/bind rw - ext4 /dev/sda1 rw\n"
    "3 1 8:1 /srv/data/deep /mnt/deeper rw - ext4 /dev/sda1 rw\n"
    "4 1 8:2 / /other rw - xfs /dev/sdb1 rw\n";

TEST(StorageChain, ABindOfABindIsTheSameStorageThroughOneCache) {
  EXPECT_EQ(shared(kDisk, "/mnt/bind", "/srv/data"), SharedFiles::kThroughOneCache);
  EXPECT_EQ(shared(kDisk, "/mnt/deeper", "/mnt/bind"), SharedFiles::kThroughOneCache);
  EXPECT_EQ(shared(kDisk, "/mnt/deeper/app", "/mnt/bind/deep"), SharedFiles::kThroughOneCache);
}

TEST(StorageChain, FoldersBesideEachOtherAndOtherDisksShareNothing) {
  EXPECT_EQ(shared(kDisk, "/mnt/bind/a", "/mnt/bind/ab"), SharedFiles::kNone);
  EXPECT_EQ(shared(kDisk, "/srv/data", "/other/srv/data"), SharedFiles::kNone);
}

constexpr std::string_view kBindfs =
    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "2 1 0:50 / /mnt/a rw - fuse /srv/data rw,user_id=0\n"
    "3 1 0:51 / /mnt/b rw - fuse /srv/data rw,user_id=0\n"
    "4 1 0:52 / /mnt/c rw - fuse /srv/else rw,user_id=0\n"
    "5 1 0:53 / /mnt/stacked rw - fuse /mnt/a/sub rw,user_id=0\n"
    "6 1 0:54 / /mnt/merged rw - fuse.mergerfs /srv/one:/srv/data rw\n";

TEST(StorageChain, TwoBindfsMountsOfOneFolderAreTwoCaches) {
  EXPECT_EQ(shared(kBindfs, "/mnt/a", "/mnt/b"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kBindfs, "/mnt/a/x", "/mnt/b"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kBindfs, "/mnt/a/x", "/mnt/b/y"), SharedFiles::kNone);
  EXPECT_EQ(shared(kBindfs, "/mnt/a", "/mnt/a/x"), SharedFiles::kThroughOneCache);
}

TEST(StorageChain, ABindfsMountBesideItsOwnFolderIsTwoCaches) {
  EXPECT_EQ(shared(kBindfs, "/mnt/a", "/srv/data"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kBindfs, "/mnt/a", "/srv"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kBindfs, "/mnt/a", "/srv/else"), SharedFiles::kNone);
  EXPECT_EQ(shared(kBindfs, "/mnt/a", "/mnt/c"), SharedFiles::kNone);
}

TEST(StorageChain, WhatStandsBehindAStackOfMountsIsFoundToo) {
  EXPECT_EQ(shared(kBindfs, "/mnt/stacked", "/srv/data/sub"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kBindfs, "/mnt/merged", "/mnt/b"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kBindfs, "/mnt/stacked", "/srv/data/elsewhere"), SharedFiles::kNone);
}

TEST(StorageChain, AnOverlayBesideItsUpperdirIsTwoCaches) {
  constexpr std::string_view kOverlay =
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 0:60 / /merged rw - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/up,workdir=/work\n"
      "3 1 0:61 / /merged2 rw - overlay overlay rw,lowerdir=/l1,upperdir=/up,workdir=/work\n";
  EXPECT_EQ(shared(kOverlay, "/merged/db", "/up/db"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kOverlay, "/merged", "/l2"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kOverlay, "/merged", "/merged2"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kOverlay, "/merged/db", "/work"), SharedFiles::kNone);
}

TEST(StorageChain, TwoMountsOfOneExportAreTwoCachesAlsoWhereOneIsDeeper) {
  constexpr std::string_view kNfs =
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 0:70 / /a rw - nfs4 server:/export rw\n"
      "3 1 0:71 / /b rw - nfs4 server:/export/app rw\n"
      "4 1 0:72 / /c rw - nfs4 other:/export rw\n"
      "5 1 0:73 / /d rw - cifs //box/share/x rw\n"
      "6 1 0:74 / /e rw - cifs //box/share rw\n";
  EXPECT_EQ(shared(kNfs, "/a", "/b"), SharedFiles::kThroughTwoCaches);
  EXPECT_EQ(shared(kNfs, "/a/else", "/b"), SharedFiles::kNone);
  EXPECT_EQ(shared(kNfs, "/a", "/c"), SharedFiles::kNone);
  EXPECT_EQ(shared(kNfs, "/d", "/e"), SharedFiles::kThroughTwoCaches);
}

TEST(StorageChain, OfTwoMountsWhoseSourceIsOnlyANameNobodyKnows) {
  constexpr std::string_view kNamed =
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 0:70 / /a rw - fuse passthrough_ll rw\n"
      "3 1 0:71 / /b rw - fuse passthrough_ll rw\n"
      "4 1 0:72 / /t1 rw - tmpfs tmpfs rw\n"
      "5 1 0:73 / /t2 rw - tmpfs tmpfs rw\n";
  EXPECT_EQ(shared(kNamed, "/a", "/b"), SharedFiles::kMaybe);
  EXPECT_EQ(shared(kNamed, "/t1", "/t2"), SharedFiles::kNone);
}

TEST(StorageChain, ASourceThatShowsItselfEndsTheChain) {
  constexpr std::string_view kCircle =
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 0:70 / /a rw - fuse /b rw\n"
      "3 1 0:71 / /b rw - fuse /a rw\n";
  EXPECT_EQ(shared(kCircle, "/a", "/b"), SharedFiles::kThroughTwoCaches);
}

}  // namespace
}  // namespace walguard::docker
