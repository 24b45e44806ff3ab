// The faults of faultfs by plain system calls, without the probe: each shows where it is switched on, and
// only there. A bed whose fault did not exist would prove nothing.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preflight/link/unique_fd.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/faultfs_mount.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using preflight::UniqueFd;
using testing_support::eventually;
using testing_support::is_alive;

// What must come is waited for so long. Far above what a loaded machine needs.
constexpr std::chrono::seconds kLong(20);
// Where the fault is, what is not seen for so long is taken for never seen.
constexpr std::chrono::seconds kNeverSeen(1);

// What a symptom is looked for on.
struct Storage : FaultFs {
  bool has_the_fault = false;  // the symptom's own

  // A condition that must come to hold where there is no such fault.
  [[nodiscard]] bool never(const std::function<bool()>& condition) const {
    return !eventually(condition, has_the_fault ? kNeverSeen : kLong);
  }
};

UniqueFd open_file(const fs::path& path, int flags = O_RDWR) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

bool put(const UniqueFd& fd, std::string_view bytes, off_t offset = 0) {
  return ::pwrite(fd.get(), bytes.data(), bytes.size(), offset) == static_cast<ssize_t>(bytes.size());
}

std::string get(const UniqueFd& fd, std::size_t length = 4096, off_t offset = 0) {
  std::string bytes(length, '\0');
  const ssize_t got = ::pread(fd.get(), bytes.data(), length, offset);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

off_t size_of(const UniqueFd& fd) {
  struct stat status{};
  return ::fstat(fd.get(), &status) == 0 ? status.st_size : -1;
}

bool is_there(const fs::path& path) { return ::access(path.c_str(), F_OK) == 0; }

// 0 or the errno. `command`: F_SETLK, F_OFD_SETLK.
int write_lock(const UniqueFd& fd, int command) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 120;
  lock.l_len = 1;
  return ::fcntl(fd.get(), command, &lock) == 0 ? 0 : errno;
}

bool says_free(const UniqueFd& fd) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 120;
  lock.l_len = 1;
  return ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

void in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

// A file named "file", made through the first mount, opened twice by it and once by the last mount.
struct Files {
  explicit Files(const Storage& fs)
      : first(open_file(fs.mounts.front() / "file", O_RDWR | O_CREAT)),
        again(open_file(fs.mounts.front() / "file")) {
    put(first, "old");
    eventually(
        [&] {
          if (!last.valid()) last = open_file(fs.mounts.back() / "file");
          return last.valid() && get(last) == "old" && size_of(last) == 3;
        },
        kLong);
  }
  UniqueFd first;
  UniqueFd again;
  UniqueFd last;
};

bool grants_conflicts(const Storage& fs) {
  const Files files(fs);
  return write_lock(files.first, F_OFD_SETLK) == 0 && write_lock(files.again, F_OFD_SETLK) == 0;
}

bool says_free_what_it_refuses(const Storage& fs) {
  const Files files(fs);
  return write_lock(files.first, F_OFD_SETLK) == 0 && write_lock(files.again, F_OFD_SETLK) == EAGAIN &&
         says_free(files.again);
}

bool keeps_locks_of_the_dead(const Storage& fs) {
  const Files files(fs);
  in_child([&] { (void)write_lock(files.first, F_SETLK); });
  return fs.never([&] { return write_lock(files.again, F_SETLK) != EAGAIN; });
}

bool knows_no_ofd_locks(const Storage& fs) {
  const Files files(fs);
  return write_lock(files.first, F_OFD_SETLK) == EINVAL && write_lock(files.first, F_SETLK) == 0;
}

bool has_no_locks(const Storage& fs) { return write_lock(Files(fs).first, F_SETLK) == ENOLCK; }

bool keeps_locks_apart(const Storage& fs) {
  const Files files(fs);
  return write_lock(files.first, F_OFD_SETLK) == 0 && write_lock(files.again, F_OFD_SETLK) == EAGAIN &&
         write_lock(files.last, F_OFD_SETLK) == 0;
}

bool hangs(const Storage& fs) {
  const Files files(fs);
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 60; ++i) (void)write_lock(files.first, F_SETLK);
    ::_exit(0);
  }
  // One that hangs cannot be killed before faultfs is.
  const bool never_ends = fs.never([&] { return !is_alive(child); });
  if (!never_ends) ::waitpid(child, nullptr, 0);
  return never_ends;
}

bool refuses_mappings(const Storage& fs) {
  const Files files(fs);
  void* const address = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, files.first.get(), 0);
  if (address == MAP_FAILED) return errno == ENODEV;
  ::munmap(address, 4096);
  return false;
}

bool loses_writes(const Storage& fs) {
  const UniqueFd fd = open_file(fs.mounts.front() / "file", O_RDWR | O_CREAT);
  for (off_t i = 0; i < 100; ++i) {
    if (!put(fd, "x", i)) return false;
  }
  const std::string stored = content(fs.backing / "file");
  return std::ranges::count(stored, 'x') == 98;
}

bool tears_writes(const Storage& fs) {
  const UniqueFd fd = open_file(fs.mounts.front() / "file", O_RDWR | O_CREAT);
  return put(fd, std::string(4096, 'x')) && content(fs.backing / "file") == std::string(2048, 'x');
}

bool fails_to_sync(const Storage& fs) {
  const Files files(fs);
  return ::fsync(files.first.get()) != 0 && errno == EIO && ::fdatasync(files.first.get()) != 0;
}

bool fails_after_fifty_writes(const Storage& fs) {
  const UniqueFd fd = open_file(fs.mounts.front() / "file", O_RDWR | O_CREAT);
  for (off_t i = 0; i < 50; ++i) {
    if (!put(fd, "x", i)) return false;
  }
  return !put(fd, "x", 50) && errno == EIO && get(open_file(fs.mounts.front() / "file")).empty();
}

bool reads_short(const Storage& fs) {
  const UniqueFd fd = open_file(fs.mounts.front() / "file", O_RDWR | O_CREAT);
  for (off_t i = 0; i < 8; ++i) {
    if (!put(fd, std::string(512, 'x'), i * 512)) return false;
  }
  return get(fd) == std::string(2048, 'x') && get(fd, 512) == std::string(512, 'x');
}

bool keeps_old_pages(const Storage& fs) {
  const Files files(fs);
  put(files.first, "new");
  return fs.never([&] { return get(files.last) == "new"; }) && get(files.again) == "new";
}

bool shows_changes_late(const Storage& fs) {
  const Files files(fs);
  put(files.first, "newer");
  const bool old_bytes = get(files.last) == "old" && size_of(files.last) == 3;
  const bool old_names =
      ::rename((fs.mounts.front() / "file").c_str(), (fs.mounts.front() / "name").c_str()) == 0 &&
      is_there(fs.mounts.back() / "file") && !is_there(fs.mounts.back() / "name");
  return old_bytes && old_names &&
         eventually(
             [&] {
               return get(files.last) == "newer" && size_of(files.last) == 5 &&
                      is_there(fs.mounts.back() / "name") && !is_there(fs.mounts.back() / "file");
             },
             kLong);
}

bool keeps_the_size(const Storage& fs) {
  const Files files(fs);
  put(files.first, "longer");
  return fs.never([&] { return size_of(files.last) == 6; }) && get(files.last) == "lon";
}

bool hides_truncation(const Storage& fs) {
  const Files files(fs);
  return ::ftruncate(files.first.get(), 1) == 0 &&
         fs.never([&] { return size_of(files.last) == 1 || get(files.last) != "old"; });
}

bool keeps_removed_names(const Storage& fs) {
  const Files files(fs);
  return is_there(fs.mounts.back() / "file") && ::unlink((fs.mounts.front() / "file").c_str()) == 0 &&
         fs.never([&] { return !is_there(fs.mounts.back() / "file"); });
}

bool denies_new_names(const Storage& fs) {
  const fs::path late = fs.mounts.back() / "late";
  return !is_there(late) && open_file(fs.mounts.front() / "late", O_RDWR | O_CREAT).valid() &&
         fs.never([&] { return is_there(late); });
}

bool hides_renames(const Storage& fs) {
  const Files files(fs);
  const fs::path old_name = fs.mounts.back() / "file";
  const fs::path new_name = fs.mounts.back() / "renamed";
  return is_there(old_name) && !is_there(new_name) &&
         ::rename((fs.mounts.front() / "file").c_str(), (fs.mounts.front() / "renamed").c_str()) == 0 &&
         fs.never([&] { return is_there(new_name) || !is_there(old_name); });
}

struct Symptom {
  std::string fault;
  int mounts;
  bool (*shows)(const Storage&);
};

// fsync-nothing is the one fault that no system call shows.
const std::vector<Symptom>& symptoms() {
  static const std::vector<Symptom> table = {
      {"locks-always-granted", 1, grants_conflicts},
      {"getlk-lies", 1, says_free_what_it_refuses},
      {"locks-kept-after-death", 1, keeps_locks_of_the_dead},
      {"ofd-unknown", 1, knows_no_ofd_locks},
      {"enolck", 1, has_no_locks},
      {"hang-after", 1, hangs},
      {"mmap-refused", 1, refuses_mappings},
      {"lost-write", 1, loses_writes},
      {"torn-write", 1, tears_writes},
      {"fsync-fails", 1, fails_to_sync},
      {"eio-after", 1, fails_after_fifty_writes},
      {"short-reads", 1, reads_short},
      {"locks-per-mount", 2, keeps_locks_apart},
      {"stale-pages", 2, keeps_old_pages},
      {"delay", 2, shows_changes_late},
      {"stale-size", 2, keeps_the_size},
      {"truncate-unseen", 2, hides_truncation},
      {"stale-dirents", 2, keeps_removed_names},
      {"negative-dirents", 2, denies_new_names},
      {"rename-unseen", 2, hides_renames},
  };
  return table;
}

struct FaultCase {
  std::string fault;  // empty: none
  int mounts;
  std::set<std::string> also_shows = {};  // what such a fault cannot but bring with it
};
void PrintTo(const FaultCase& fault_case, std::ostream* stream) { *stream << fault_case.fault; }

const std::vector<FaultCase>& fault_cases() {
  static const std::vector<FaultCase> table = {
      {"", 1},
      {"", 2},
      {"locks-always-granted", 1},
      {"getlk-lies", 1},
      {"locks-kept-after-death", 1},
      {"ofd-unknown", 1},
      {"enolck", 1},
      {"hang-after", 1},
      {"mmap-refused", 1},
      {"lost-write", 1},
      {"torn-write", 1},
      {"fsync-fails", 1},
      {"fsync-nothing", 1},
      {"eio-after", 1},
      {"short-reads", 1, {"mmap-refused"}},  // both take direct I/O
      {"locks-per-mount", 2},
      {"stale-pages", 2},
      {"delay", 2},
      {"stale-size", 2},
      {"truncate-unseen", 2},
      {"stale-dirents", 2},
      {"negative-dirents", 2},
      {"rename-unseen", 2},
  };
  return table;
}

class EveryFault : public ::testing::TestWithParam<FaultCase> {
 protected:
  void SetUp() override {
    const auto why = why_no_beds();
    if (!why) return;
    ASSERT_FALSE(must_have_beds()) << "no FUSE in CI: " << *why;
    GTEST_SKIP() << "cannot mount here: " << *why;
  }
};

TEST_P(EveryFault, ShowsItselfAndNoOther) {
  const FaultCase& fault_case = GetParam();
  const std::string fault = fault_case.fault.empty() ? "" : "fault=" + fault_case.fault;
  for (const Symptom& symptom : symptoms()) {
    const bool is_its_own =
        symptom.fault == fault_case.fault || fault_case.also_shows.contains(symptom.fault);
    // One that is about one mount is looked for on two as well, but two refuse mappings by what they are.
    if (symptom.mounts > fault_case.mounts) continue;
    if (fault_case.mounts == 2 && symptom.fault == "mmap-refused") continue;
    // Long enough to look at all that is late, and short where it is only waited for.
    std::string options = fault;
    if (fault_case.fault == "delay") options += is_its_own ? ",seconds=2" : ",seconds=0.3";
    Bed bed;
    const Storage storage{mount_faultfs(bed, options, fault_case.mounts), is_its_own};
    EXPECT_EQ(symptom.shows(storage), is_its_own) << "symptom of " << symptom.fault;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryFault, ::testing::ValuesIn(fault_cases()), [](const auto& fault) {
  std::string name = fault.param.fault.empty() ? "none" : fault.param.fault;
  std::ranges::replace(name, '-', '_');
  return name + (fault.param.mounts == 2 ? "_on_two_mounts" : "");
});

}  // namespace
}  // namespace walguard::testbeds
