#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/agent/proc.h"
#include "preflight/agent/sandbox.h"
#include "preflight/mountinfo/mountinfo.h"

namespace walguard::preflight {
namespace {

using mountinfo::find_mount;
using mountinfo::Mount;
using mountinfo::parse_mountinfo;

std::string hex(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value % 16]);
    value /= 16;
  } while (value != 0);
  return "0x" + digits;
}

std::vector<Mount> own_mounts() {
  return parse_mountinfo(read_small_file("/proc/self/mountinfo").value_or(""));
}

Json mount_json(const std::optional<Mount>& mount) {
  if (!mount) return Json{{"fstype", ""}, {"device", ""}};
  return Json{{"fstype", mount->fstype}, {"device", mount->device}};
}

// Empty where this process may not read it.
std::string start_of_kernel_log() {
  constexpr int kReadAll = 3;  // SYSLOG_ACTION_READ_ALL, syslog(2)
  std::string log(1UL << 20U, '\0');
  const int got = ::klogctl(kReadAll, log.data(), static_cast<int>(log.size()));
  log.resize(static_cast<std::size_t>(std::max(got, 0)));
  return log.substr(0, log.find('\n'));
}

// {"dir"}: what can be told without touching the directory, for the report of a run that never gets further.
OpResult identify_mount(const Json& arguments) {
  const auto dir = arguments.at("dir").get<std::string>();
  const std::vector<Mount> mounts = own_mounts();
  Json answer = mount_json(find_mount(mounts, std::filesystem::path(dir).lexically_normal().string(), ""));
  utsname kernel{};
  if (::uname(&kernel) == 0) answer["kernel"] = kernel.release;
  answer["boot_id"] = boot_id();
  answer["sandbox"] = detect_sandbox({.proc_version = read_small_file("/proc/version").value_or(""),
                                      .command_line = read_small_file("/proc/cmdline").value_or(""),
                                      .kernel_log = start_of_kernel_log(),
                                      .mounts = mounts});
  return answer;
}

// {"dir"}: the same with links resolved, and what the filesystem itself says. Called inside the run's folder.
OpResult identify(const Json& arguments) {
  const auto dir = arguments.at("dir").get<std::string>();
  std::error_code error;
  const std::string path = std::filesystem::canonical(dir, error).string();
  if (error) return tl::unexpected(errno_error("realpath", error.value()));
  struct stat status{};
  if (::stat(".", &status) != 0) return tl::unexpected(errno_error("stat"));
  struct statfs filesystem{};
  if (::statfs(".", &filesystem) != 0) return tl::unexpected(errno_error("statfs"));

  const std::string device =
      std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  Json answer = mount_json(find_mount(own_mounts(), path, device));
  // f_type is signed on some machines; magics are 32 bits.
  answer["magic"] = hex(static_cast<std::uint32_t>(filesystem.f_type));
  answer["st_dev"] = device;
  answer["inode"] = status.st_ino;
  return answer;
}

}  // namespace

void add_identity_ops(OpTable& table, const std::shared_ptr<WorkerContext>& /*context*/) {
  table["identify-mount"] = identify_mount;
  table["identify"] = identify;
}

}  // namespace walguard::preflight
