// FUSE filesystems over a local directory. Each mount has a page cache of its own, and a lock table of its
// own unless its daemon takes locks itself.
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "preflight/report/report.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
constexpr auto kPass = report::CheckResult::kPass;
constexpr auto kFail = report::CheckResult::kFail;
constexpr auto kUnsupported = report::CheckResult::kUnsupported;

// Mounts one directory as often as there are names, each time by `program` DIRECTORY MOUNT_POINT.
SetUp mounted_by(std::vector<std::string> program, std::vector<std::string> names) {
  return on_views([program = std::move(program), names = std::move(names)](Bed& bed) {
    const fs::path backing = bed.directory("backing");
    Views views;
    for (const std::string& name : names) {
      const fs::path point = bed.directory(name);
      std::vector<std::string> command = program;
      command.insert(command.end(), {backing, point});
      bed.mount(command, point);
      views.push_back(point);
    }
    return views;
  });
}

void add_lock_forwarding_bindfs(std::vector<BedCase>& table) {
  const std::vector<std::string> program = {"bindfs", "--enable-lock-forwarding", "--multithreaded"};
  table.push_back({.name = "OneBindfsForwardingLocks",
                   .group = BedGroup::kFuse,
                   .what = "bindfs that takes every lock itself: one process holds the locks of all",
                   .set_up = mounted_by(program, {"one"}),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kPass}, {"byte-range-locks", kFail}}});
  table.push_back({.name = "TwoBindfsForwardingLocks",
                   .group = BedGroup::kFuse,
                   .what = "the same mounted twice: two page caches besides",
                   .set_up = mounted_by(program, {"one", "two"}),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kFail}}});
}

void add_mergerfs(std::vector<BedCase>& table) {
  const auto installed = needs_programs({"mergerfs"});
  table.push_back({.name = "OneMergerfs",
                   .group = BedGroup::kFuse,
                   .what = "mergerfs, one mount",
                   .set_up = mounted_by({"mergerfs"}, {"one"}),
                   .why_not_here = installed});
  table.push_back({.name = "TwoMergerfs",
                   .group = BedGroup::kFuse,
                   .what = "mergerfs mounted twice: two page caches, two lock tables",
                   .set_up = mounted_by({"mergerfs"}, {"one", "two"}),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}},
                   .why_not_here = installed});
  table.push_back({.name = "FuseDirectIo",
                   .group = BedGroup::kFuse,
                   .what = "mergerfs with direct_io (cache.files=off): no shared mapping, ENODEV",
                   .set_up = mounted_by({"mergerfs", "-o", "cache.files=off"}, {"one"}),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kUnsupported}, {"byte-range-locks", kPass}},
                   .why_not_here = installed});
}

void add_rclone(std::vector<BedCase>& table) {
  const auto installed = needs_programs({"rclone"});
  const std::vector<std::string> program = {"rclone",   "--config",         "/dev/null", "mount",
                                            "--daemon", "--vfs-cache-mode", "off"};
  table.push_back(
      {.name = "OneRclone",
       .group = BedGroup::kFuse,
       .what = "rclone mount without its cache: files are written in one go, a stored page is SIGBUS",
       .set_up = mounted_by(program, {"one"}),
       .expected_exit = 1,
       .expected_checks = {{"mmap-coherence", kFail}, {"wal-workload", kFail}},
       .why_not_here = installed});
  std::vector<std::string> uncached = program;
  uncached.insert(uncached.end(), {"--dir-cache-time", "0s"});
  table.push_back({.name = "TwoRclone",
                   .group = BedGroup::kFuse,
                   .what = "the same mounted twice, neither caching directories",
                   .set_up = mounted_by(uncached, {"one", "two"}),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kFail}, {"wal-workload", kFail}},
                   .why_not_here = installed});
}

}  // namespace

void add_fuse_beds(std::vector<BedCase>& table) {
  add_lock_forwarding_bindfs(table);
  add_mergerfs(table);
  add_rclone(table);
}

}  // namespace walguard::testbeds
