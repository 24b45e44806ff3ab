/// What a container engine makes of a runtime, of a volume and of a path, as facts. Shared by `walguard
/// check` and the Docker plugin. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"

namespace walguard::engine {

inline constexpr std::string_view kVolumesDoc = "https://docs.docker.com/engine/storage/volumes/";
inline constexpr std::string_view kTmpfsDoc = "https://docs.docker.com/engine/storage/tmpfs/";
inline constexpr std::string_view kDesktopDoc =
    "https://docs.docker.com/desktop/settings-and-maintenance/settings/#file-sharing";

/// Whose kernel containers of this runtime run on; nullopt: of a runtime that nobody here knows. Names as
/// docs.docker.com/engine/daemon/alternative-runtimes has them.
[[nodiscard]] std::optional<core::KernelDomain> kernel_of_runtime(std::string_view runtime);

void set_known(core::VolumeFacts& facts, core::Transport transport, bool verified, std::string_view source);

/// "a,b" -> {"a", "b"}
[[nodiscard]] std::vector<std::string> split(std::string_view list);

/// One of a volume's driver_opts; empty: none.
[[nodiscard]] std::string option_of(const core::StringMap& options, std::string_view key);

/// Whether the local driver makes a bind of a path of them.
[[nodiscard]] bool is_bind(const core::StringMap& options);

/// What the mount options of `facts.key` do to locks and caches.
void describe_mount_options(core::VolumeFacts& facts, const core::Catalog& catalog);

/// What the local driver mounts by driver_opts, which are those of mount(8).
void describe_mounted(core::VolumeFacts& facts, const core::StringMap& options, const core::Catalog& catalog);

/// A volume of a driver of its own.
void describe_plugin(core::VolumeFacts& facts, const std::string& driver, const core::StringMap& options,
                     const core::Catalog& catalog);

/// A folder below the engine's data root.
void describe_engines_own(core::VolumeFacts& facts, const DockerHost& host, const core::Catalog& catalog);

/// "/data/app.db" is a file's path; a folder's name rarely has a dot behind its beginning.
[[nodiscard]] bool looks_like_a_file(std::string_view path);

}  // namespace walguard::engine
