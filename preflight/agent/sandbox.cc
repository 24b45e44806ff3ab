#include "preflight/agent/sandbox.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "preflight/mountinfo/mountinfo.h"

namespace walguard::preflight {

std::string detect_sandbox(const SandboxSigns& signs) {
  // gVisor answers with the version of the Linux it models, always with this build date (pkg/sentry,
  // utsname), and its log begins with a line of its own (pkg/sentry/kernel/syslog.go).
  if (signs.proc_version.find("Sun Jan 10 15:06:54 PST 2016") != std::string::npos) return "gvisor";
  if (signs.proc_version.find("gvisor") != std::string::npos) return "gvisor";
  const std::string_view first_line =
      std::string_view(signs.kernel_log).substr(0, signs.kernel_log.find('\n'));
  if (first_line.find("Starting gVisor") != std::string_view::npos) return "gvisor";
  // Kata boots its guest into this target; the guest's agent mounts the host's share under this tag.
  if (signs.command_line.find("kata-containers.target") != std::string::npos) return "kata";
  const auto from_kata_host = [](const mountinfo::Mount& mount) { return mount.source == "kataShared"; };
  return std::ranges::any_of(signs.mounts, from_kata_host) ? "kata" : "";
}

}  // namespace walguard::preflight
