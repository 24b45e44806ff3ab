#ifndef WALGUARD_PREFLIGHT_AGENT_WORKSPACE_H_
#define WALGUARD_PREFLIGHT_AGENT_WORKSPACE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/link/unique_fd.h"

/// The probe's own folder on the storage under test: how it is made, found again, proven ours, and removed.
///
/// Somebody's data lies beside it, so the rules are strict: everything is reached by openat from a directory
/// opened before, symbolic links are never followed, only regular files whose names begin with kFilePrefix
/// are unlinked, and a folder with anything else in it is left alone and said so.
///
/// Every function may block for as long as the storage does.
namespace walguard::preflight {

inline constexpr std::string_view kFolderPrefix = ".walguard-preflight-";
inline constexpr std::size_t kFolderRandomDigits = 16;
inline constexpr std::string_view kFilePrefix = "wg-";
inline constexpr const char* kMarkerName = "wg-marker.json";

/// Whether `name` is exactly what a run of ours would have called its folder.
[[nodiscard]] bool is_workspace_name(std::string_view name);

/// Makes the folder and its marker, which names this process's parent (the agent) as its owner until
/// `not_after` (UTC, seconds). Leaves nothing behind where it fails.
[[nodiscard]] tl::expected<void, OpError> create_workspace(int parent_fd, const std::string& name,
                                                           const std::string& nonce, std::int64_t not_after);

/// Opens the folder and checks that the marker holds `nonce`; ENOENT, as an error, where either is not to be
/// seen.
[[nodiscard]] tl::expected<UniqueFd, OpError> open_workspace(int parent_fd, const std::string& name,
                                                             const std::string& nonce);

/// Removes the folder and what we put into it. Names that a network filesystem keeps for files still open go
/// away by themselves, so it retries for up to two seconds.
[[nodiscard]] tl::expected<void, OpError> remove_workspace(int parent_fd, const std::string& name);

/// Removes the folders of runs that are over: the owner is gone (same boot, same pid namespace), or
/// `not_after` has passed by an hour. Returns how many. Trouble with one is not an error: it stays.
int sweep_dead_workspaces(int parent_fd);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_WORKSPACE_H_
