#ifndef WALGUARD_PREFLIGHT_AGENT_PROC_H_
#define WALGUARD_PREFLIGHT_AGENT_PROC_H_

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

/// What /proc tells of this kernel and its processes. Reads files under /proc only, so it never blocks on
/// storage.
namespace walguard::preflight {

/// The whole file, or nullopt. For /proc and other small files.
[[nodiscard]] std::optional<std::string> read_small_file(const std::string& path);

/// Without a newline; empty where it cannot be read.
[[nodiscard]] std::string boot_id();

/// "pid:[4026531836]"; process ids mean something only inside one of these. Empty where it cannot be read.
[[nodiscard]] std::string pid_namespace();

/// Clock ticks since boot at which a process started, which tells it from a later one with the same id.
/// nullopt where there is none, or only a zombie.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(pid_t pid);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_PROC_H_
