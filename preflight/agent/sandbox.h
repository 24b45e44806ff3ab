#ifndef WALGUARD_PREFLIGHT_AGENT_SANDBOX_H_
#define WALGUARD_PREFLIGHT_AGENT_SANDBOX_H_

#include <string>
#include <vector>

#include "preflight/mountinfo/mountinfo.h"

/// By which signs a sandbox's own kernel is told from Linux. Pure: works on text.
namespace walguard::preflight {

/// Where a sandbox's own kernel shows. Empty where a text could not be read.
struct SandboxSigns {
  std::string proc_version = {};  ///< /proc/version
  std::string command_line = {};  ///< /proc/cmdline
  std::string kernel_log = {};    ///< as dmesg prints it
  std::vector<mountinfo::Mount> mounts = {};
};

/// Which sandbox's kernel this is: "gvisor", "kata", or empty where there is no sign of one.
[[nodiscard]] std::string detect_sandbox(const SandboxSigns& signs);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_SANDBOX_H_
