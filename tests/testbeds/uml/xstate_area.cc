// Preloaded into linux.uml, which otherwise panics in put_fp_registers on processors with AMX.
//
// User-mode Linux keeps a guest task's vector registers in a buffer of a size fixed when it was compiled.
// Reading them into a buffer that is too small gives their beginning, but PTRACE_SETREGSET of NT_X86_XSTATE
// takes the whole area of the processor or nothing (EFAULT; arch/x86/kernel/fpu/regset.c), and with AMX that
// area is larger than UML's buffer. Here a refused call is made again with the whole area: what UML knows of
// it laid over what the tracee has.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <dlfcn.h>
#include <elf.h>
#include <linux/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace {

using Ptrace = long (*)(int, pid_t, void*, void*);

constexpr std::size_t kLargestArea = 16384;  // 11 KiB with AMX
constexpr std::size_t kHeader = 512;         // of the XSAVE layout: its first word tells which parts are set
// The kernel takes no AMX state of a process that did not ask for the right to have some; a guest's never
// did.
constexpr std::uint64_t kAmxParts = (1ULL << 17) | (1ULL << 18);

// Not on the stack: UML calls from its kernel stacks, which are hardly larger. It is one thread.
alignas(64) std::array<std::byte, kLargestArea> area;

long set_whole_area(Ptrace real, pid_t pid, void* which, const iovec& known) {
  iovec whole = {area.data(), area.size()};
  if (real(PTRACE_GETREGSET, pid, which, &whole) < 0) return -1;
  std::memcpy(area.data(), known.iov_base, std::min(known.iov_len, whole.iov_len));
  std::uint64_t parts = 0;
  std::memcpy(&parts, &area[kHeader], sizeof parts);
  parts &= ~kAmxParts;
  std::memcpy(&area[kHeader], &parts, sizeof parts);
  return real(PTRACE_SETREGSET, pid, which, &whole);
}

}  // namespace

// As <sys/ptrace.h> declares it, but for the enumeration of its requests, which va_start cannot take.
extern "C" long ptrace(int request, ...) noexcept {
  static const auto real = reinterpret_cast<Ptrace>(::dlsym(RTLD_NEXT, "ptrace"));
  va_list arguments;
  va_start(arguments, request);
  const pid_t pid = va_arg(arguments, pid_t);
  void* const address = va_arg(arguments, void*);
  void* const data = va_arg(arguments, void*);
  va_end(arguments);

  const long result = real(request, pid, address, data);
  const bool vector_registers =
      request == PTRACE_SETREGSET && reinterpret_cast<std::uintptr_t>(address) == NT_X86_XSTATE;
  if (result == 0 || !vector_registers || errno != EFAULT) return result;
  return set_whole_area(real, pid, address, *static_cast<const iovec*>(data));
}
