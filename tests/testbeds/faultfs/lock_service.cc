#include "tests/testbeds/faultfs/lock_service.h"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/lock_table.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {
namespace {

constexpr off_t kEndOfFile = std::numeric_limits<off_t>::max();

HeldLock wanted_by(const LockRequest& request, const struct flock& lock) {
  return {.start = lock.l_start,
          .end = lock.l_len == 0 ? kEndOfFile : lock.l_start + lock.l_len - 1,
          .exclusive = lock.l_type == F_WRLCK,
          .owner = request.owner,
          .handle = request.handle,
          .pid = lock.l_pid};
}

// Nothing in a lock request tells an OFD lock from a POSIX one: only the owner number differs in origin, and
// that is scrambled. So we look at the call in which the asking thread waits for our answer (proc(5),
// /proc/PID/syscall: number and arguments in hexadecimal, or "running" in the moment before it sleeps).
bool is_ofd_call(pid_t thread) {
  for (int tries = 0; tries < 1000; ++tries) {
    std::ifstream file("/proc/" + std::to_string(thread) + "/syscall");
    std::string number;
    std::string descriptor;
    std::string command;
    file >> number >> descriptor >> command;
    if (number == "running") {
      std::this_thread::yield();
      continue;
    }
    if (number != std::to_string(SYS_fcntl) || command.empty()) return false;
    const unsigned long value = std::stoul(command, nullptr, 16);
    return value == F_OFD_GETLK || value == F_OFD_SETLK || value == F_OFD_SETLKW;
  }
  return false;
}

}  // namespace

std::optional<int> LockService::set(const LockRequest& request, const struct flock& lock) {
  if (hangs()) return std::nullopt;
  if (const int error = refusal(request); error != 0) return error;
  if (fault_ == Fault::kLocksAlwaysGranted) return 0;
  const LockedFile file = key(request.owner.mount, request.file);
  const HeldLock wanted = wanted_by(request, lock);
  if (lock.l_type == F_UNLCK) {
    table_.drop(file, wanted.owner, wanted.start, wanted.end);
    return 0;
  }
  if (table_.conflict(file, wanted)) return EAGAIN;
  table_.take(file, wanted);
  return 0;
}

std::optional<int> LockService::get(const LockRequest& request, struct flock& lock) {
  if (hangs()) return std::nullopt;
  if (const int error = refusal(request); error != 0) return error;
  const auto held = table_.conflict(key(request.owner.mount, request.file), wanted_by(request, lock));
  if (!held || fault_ == Fault::kGetlkLies) {
    lock.l_type = F_UNLCK;
    return 0;
  }
  lock.l_type = static_cast<short>(held->exclusive ? F_WRLCK : F_RDLCK);
  lock.l_whence = SEEK_SET;
  lock.l_start = held->start;
  lock.l_len = held->end == kEndOfFile ? 0 : held->end - held->start + 1;
  lock.l_pid = held->pid;
  return 0;
}

void LockService::closed_by_process(FileId file, const LockOwner& owner) {
  if (fault_ == Fault::kLocksKeptAfterDeath) return;
  table_.drop(key(owner.mount, file), owner, 0, kEndOfFile);
}

void LockService::released(int mount, FileId file, std::uint64_t handle) {
  if (fault_ == Fault::kLocksKeptAfterDeath) return;
  table_.drop_handle(key(mount, file), handle);
}

int LockService::refusal(const LockRequest& request) const {
  if (fault_ == Fault::kEnolck) return ENOLCK;
  if (fault_ == Fault::kOfdUnknown && is_ofd_call(request.thread)) return EINVAL;
  return 0;
}

bool LockService::hangs() { return fault_ == Fault::kHangAfter && ++requests_ > hang_after_; }

LockedFile LockService::key(int mount, FileId file) const {
  return {.domain = fault_ == Fault::kLocksPerMount ? mount : 0, .file = file};
}

}  // namespace walguard::faultfs
