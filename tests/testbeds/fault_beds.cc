// faultfs, once with nothing wrong with it and once with each fault. The faults of a second mount are asked
// about with a rollback journal, which two page caches alone do not harm: what is found is the fault.
#include <string>
#include <vector>

#include "preflight/report/report.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"
#include "tests/testbeds/faultfs_mount.h"

namespace walguard::testbeds {
namespace {

using report::Strategy;
using report::Verdict;

SetUp on_faultfs(const std::string& options, int mounts) {
  return on_views([options, mounts](Bed& bed) { return mount_faultfs(bed, options, mounts).mounts; });
}

void add_controls(std::vector<BedCase>& table) {
  table.push_back({.name = "FaultFsWithoutFault",
                   .group = BedGroup::kFault,
                   .what = "no fault, one mount: safe for every strategy",
                   .set_up = on_faultfs("", 1),
                   .strategy = "all"});
  table.push_back(
      {.name = "FaultFsTwiceWithoutFault",
       .group = BedGroup::kFault,
       .what = "no fault, two mounts without a page cache and with one lock table: all but WAL is safe",
       .set_up = on_faultfs("", 2),
       .expected_exit = 1,
       .strategy = "all",
       .expected_verdicts = {{Strategy::kWal, Verdict::kUnsafe},
                             {Strategy::kWalExclusive, Verdict::kSafe},
                             {Strategy::kRollback, Verdict::kSafe}}});
}

struct FaultBed {
  std::string name;
  std::string options;
  std::string what;
};

void add_faults(std::vector<BedCase>& table, const std::vector<FaultBed>& beds, int mounts,
                const std::string& strategy) {
  for (const FaultBed& bed : beds) {
    table.push_back({.name = bed.name,
                     .group = BedGroup::kFault,
                     .what = bed.what,
                     .set_up = on_faultfs(bed.options, mounts),
                     .expected_exit = 1,
                     .strategy = strategy});
  }
}

const std::vector<FaultBed>& faults_of_one_mount() {
  static const std::vector<FaultBed> beds = {
      {"LocksAlwaysGranted", "fault=locks-always-granted", "every lock is granted to everybody"},
      {"GetlkLies", "fault=getlk-lies", "F_GETLK finds everything unlocked; F_SETLK is right"},
      {"LocksKeptAfterDeath", "fault=locks-kept-after-death",
       "only an explicit unlock ends a lock, not close and not death"},
      {"OfdUnknown", "fault=ofd-unknown", "open file description locks are EINVAL"},
      {"Enolck", "fault=enolck", "every lock is ENOLCK"},
      {"LocksHang", "fault=hang-after,n=50", "the 51st lock request and all after it are never answered"},
      {"MmapRefused", "fault=mmap-refused", "a shared mapping is ENODEV"},
      {"LostWriteOf7", "fault=lost-write,n=7", "every 7th write is acknowledged and never stored"},
      {"LostWriteOf50", "fault=lost-write,n=50", "every 50th write is acknowledged and never stored"},
      {"TornWrite", "fault=torn-write", "of a write of 4 KiB or more the second half is never stored"},
      {"FsyncFails", "fault=fsync-fails", "fsync and fdatasync are EIO"},
      {"EioAtOnce", "fault=eio-after,n=0", "every read and write is EIO, so that no folder can be made"},
      {"EioAfter50", "fault=eio-after,n=50", "after 50 writes every read and write is EIO"},
  };
  return beds;
}

const std::vector<FaultBed>& faults_of_the_second_mount() {
  static const std::vector<FaultBed> beds = {
      {"LocksPerMount", "fault=locks-per-mount", "a lock keeps out the processes of its own mount alone"},
      {"StalePages", "fault=stale-pages", "the second mount never reads a page again that it once read"},
      {"DelayOfTenth", "fault=delay,seconds=0.1", "the second mount is 0.1 s behind: bytes, sizes, names"},
      {"DelayOf1", "fault=delay,seconds=1", "the second mount is 1 s behind"},
      {"DelayOf10", "fault=delay,seconds=10", "the second mount is 10 s behind"},
      {"StaleSize", "fault=stale-size", "for the second mount a file keeps the size it was first seen with"},
      {"TruncateUnseen", "fault=truncate-unseen",
       "for the second mount a file it looked at never gets shorter"},
      {"StaleDirents", "fault=stale-dirents",
       "the second mount goes on finding a removed or renamed-away name"},
      {"NegativeDirents", "fault=negative-dirents",
       "the second mount goes on denying a name it looked up before it was there"},
      {"RenameUnseen", "fault=rename-unseen",
       "the second mount misses a rename of or onto a name it looked up"},
  };
  return beds;
}

}  // namespace

void add_fault_beds(std::vector<BedCase>& table) {
  add_controls(table);
  add_faults(table, faults_of_one_mount(), 1, "wal");
  // Without a mapping there is no WAL anyway; it takes direct I/O for a read to end early.
  add_faults(table,
             {{"ShortReads", "fault=short-reads", "a read of more than 512 bytes brings its first half"}}, 1,
             "rollback");
  add_faults(table, faults_of_the_second_mount(), 2, "rollback");
  table.push_back({.name = "FsyncDoesNothing",
                   .group = BedGroup::kFault,
                   .what = "fsync does nothing and says it did: the blind spot, since no program can see it",
                   .set_up = on_faultfs("fault=fsync-nothing", 1)});
}

}  // namespace walguard::testbeds
