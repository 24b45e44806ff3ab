// What one kernel does by itself: disks behind loop devices, memory, overlays; and bindfs, the plainest FUSE.
// Sizes: xfs takes no less than 300 MB, btrfs no less than 120 MB; the images are sparse.
#include <filesystem>
#include <string>
#include <vector>

#include "preflight/report/report.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
constexpr auto kPass = report::CheckResult::kPass;
constexpr auto kFail = report::CheckResult::kFail;

Views read_only_ext4(Bed& bed) {
  const fs::path point = bed.loop("ext4", 64);
  bed.remount_read_only(point);
  return {point};
}

Views full_ext4(Bed& bed) {
  const fs::path point = bed.loop("ext4", 64);
  try_run({"dd", "if=/dev/zero", "of=" + (point / "filler").string(), "bs=1M", "status=none"});
  return {point};
}

Views overlay_alone(Bed& bed) {
  const fs::path base = bed.tmpfs(64);
  return {bed.overlay(base, base / "upper")};
}

Views overlay_beside_upper(Bed& bed) {
  const fs::path base = bed.tmpfs(64);
  return {bed.overlay(base, base / "upper"), base / "upper"};
}

Views two_overlays_on_one_upper(Bed& bed) {
  const fs::path base = bed.tmpfs(64);
  return {bed.overlay(base, base / "upper", "one"), bed.overlay(base, base / "upper", "two")};
}

Views two_bindfs(Bed& bed) {
  const fs::path backing = bed.directory("backing");
  return {bed.bindfs(backing, "one"), bed.bindfs(backing, "two")};
}

void add_disks(std::vector<BedCase>& table) {
  table.push_back({.name = "Ext4",
                   .group = BedGroup::kLocal,
                   .what = "ext4 on a loop device",
                   .set_up = on_views([](Bed& bed) { return Views{bed.loop("ext4", 64)}; })});
  table.push_back({.name = "Xfs",
                   .group = BedGroup::kLocal,
                   .what = "xfs on a loop device",
                   .set_up = on_views([](Bed& bed) { return Views{bed.loop("xfs", 320)}; })});
  table.push_back({.name = "Btrfs",
                   .group = BedGroup::kLocal,
                   .what = "btrfs on a loop device",
                   .set_up = on_views([](Bed& bed) { return Views{bed.loop("btrfs", 160)}; })});
  table.push_back(
      {.name = "Tmpfs", .group = BedGroup::kLocal, .what = "memory", .set_up = on_views([](Bed& bed) {
                                                                       return Views{bed.tmpfs(64)};
                                                                     })});
}

void add_unusable(std::vector<BedCase>& table) {
  table.push_back({.name = "ReadOnlyExt4",
                   .group = BedGroup::kLocal,
                   .what = "ext4 mounted read-only: nothing can be measured, and the person is told",
                   .set_up = on_views(read_only_ext4),
                   .expected_exit = 2});
  table.push_back({.name = "FullExt4",
                   .group = BedGroup::kLocal,
                   .what = "ext4 without a free block: not blamed on the storage",
                   .set_up = on_views(full_ext4),
                   .expected_exit = 3});
  table.push_back({.name = "TmpfsTooSmall",
                   .group = BedGroup::kLocal,
                   .what = "4 MB of memory, less than a run needs",
                   .set_up = on_views([](Bed& bed) { return Views{bed.tmpfs(4)}; }),
                   .expected_exit = 3});
}

void add_overlays(std::vector<BedCase>& table) {
  table.push_back({.name = "OverlayAlone",
                   .group = BedGroup::kOverlay,
                   .what = "an overlay's merged directory, alone",
                   .set_up = on_views(overlay_alone)});
  table.push_back(
      {.name = "OverlayBesideItsUpper",
       .group = BedGroup::kOverlay,
       .what = "an overlay's merged directory beside its upper one: one page cache, two lock tables",
       .set_up = on_views(overlay_beside_upper),
       .expected_exit = 1,
       .expected_checks = {{"mmap-coherence", kPass}, {"byte-range-locks", kFail}}});
  table.push_back({.name = "TwoOverlaysOnOneUpper",
                   .group = BedGroup::kOverlay,
                   .what = "two overlays on one upper directory: one page cache, two lock tables",
                   .set_up = on_views(two_overlays_on_one_upper),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kPass}, {"byte-range-locks", kFail}}});
}

void add_bindfs(std::vector<BedCase>& table) {
  table.push_back(
      {.name = "OneBindfs",
       .group = BedGroup::kFuse,
       .what = "bindfs, one mount",
       .set_up = on_views([](Bed& bed) { return Views{bed.bindfs(bed.directory("backing"), "one")}; })});
  table.push_back(
      {.name = "TwoBindfs",
       .group = BedGroup::kFuse,
       .what = "bindfs mounted twice: two page caches, two lock tables",
       .set_up = on_views(two_bindfs),
       .expected_exit = 1,
       .expected_checks = {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}, {"wal-workload", kFail}}});
}

}  // namespace

void add_local_beds(std::vector<BedCase>& table) {
  add_disks(table);
  add_unusable(table);
  add_overlays(table);
  add_bindfs(table);
}

}  // namespace walguard::testbeds
