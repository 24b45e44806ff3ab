// What the guests of user-mode Linux stand on.
#include "tests/testbeds/uml_guest.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <elf.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using testing_support::eventually;
using testing_support::processes_with;
using testing_support::Program;

void skip_or_fail(const std::string& why) {
  ASSERT_FALSE(must_have_beds()) << "no guest in CI: " << why;
  GTEST_SKIP() << "no guest here: " << why;
}

// A fixture of the guests' tests (guest_tests.cmake): it may take minutes, they may not.
TEST(GuestRoot, IsThereOrMade) {
  if (kSanitized) return;  // no test of this build needs it
  if (const auto why = why_no_guest()) return skip_or_fail(*why);
  EXPECT_TRUE(fs::exists(guest_root() / "usr/sbin/rpc.nfsd"));
}

// As a test does that takes too long and is killed. What it leaves behind then is in `scratch`.
pid_t run_in_another_process(const std::vector<std::string>& command, const fs::path& scratch) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setenv("TMPDIR", scratch.c_str(), 1);
  Program program(command);
  (void)program.wait();
  ::_exit(0);
}

TEST(PairOfGuests, EndsWithTheTestThatStartedItThoughThatWasKilled) {
  if (kSanitized) return;
  if (const auto why = why_no_two_guests()) return skip_or_fail(*why);
  Bed bed;
  const fs::path exchange = bed.directory("exchange");
  for (const std::string node : {"one", "two"}) {
    give_to_guest(bed.directory("exchange/" + node), node, {"nfs", "vers=4.2", ""}, "wal");
  }
  std::vector<std::string> command = guest_command("boot-pair", exchange);
  const std::string mark = "WALGUARD_TEST_PAIR=" + exchange.string();
  command.insert(command.begin(), {"env", "--unset=TMPDIR", mark});
  const pid_t test = run_in_another_process(command, bed.directory("scratch"));
  // A guest makes the directory of its sockets, and the sockets, as one of the first things.
  const bool both_are_there = eventually([&] {
    return fs::exists(exchange / "one/uml/guest/mconsole") && fs::exists(exchange / "two/uml/guest/mconsole");
  });
  EXPECT_TRUE(both_are_there);
  EXPECT_FALSE(processes_with(mark).empty());
  ::kill(test, SIGKILL);
  ::waitpid(test, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return processes_with(mark).empty(); }, std::chrono::seconds(5)));
}

// A stopped child to set registers of.
class Tracee : public ::testing::Test {
 protected:
  Tracee() : pid_(::fork()) {
    if (pid_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  ~Tracee() override {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  // NOLINTNEXTLINE(performance-no-int-to-ptr): the type of the registers goes where an address usually does
  static void* vector_registers() { return reinterpret_cast<void*>(NT_X86_XSTATE); }

  pid_t pid_;
};

// The layout of the area begins with the x87 control word; after 512 bytes comes the word that tells which
// parts are set, x87 the first of them.
TEST_F(Tracee, TakesTheBeginningOfItsVectorRegistersThoughTheKernelWantsAllOfThem) {
  constexpr std::size_t kBeginning = 576;
  constexpr std::size_t kHeader = 512;
  constexpr std::uint16_t kControlWord = 0x027f;  // the default is 0x037f
  alignas(64) std::array<std::byte, kBeginning> area{};
  iovec beginning = {area.data(), area.size()};
  ASSERT_EQ(::ptrace(PTRACE_GETREGSET, pid_, vector_registers(), &beginning), 0);
  ASSERT_EQ(beginning.iov_len, kBeginning);
  std::memcpy(area.data(), &kControlWord, sizeof kControlWord);
  area.at(kHeader) |= std::byte{1};

  ASSERT_EQ(::syscall(SYS_ptrace, PTRACE_SETREGSET, pid_, NT_X86_XSTATE, &beginning), -1)
      << "nothing to mend";
  ASSERT_EQ(errno, EFAULT);
  ASSERT_EQ(::ptrace(PTRACE_SETREGSET, pid_, vector_registers(), &beginning), 0);

  area.fill(std::byte{0});
  beginning = {area.data(), area.size()};
  ASSERT_EQ(::ptrace(PTRACE_GETREGSET, pid_, vector_registers(), &beginning), 0);
  std::uint16_t seen = 0;
  std::memcpy(&seen, area.data(), sizeof seen);
  EXPECT_EQ(seen, kControlWord);
}

}  // namespace
}  // namespace walguard::testbeds
