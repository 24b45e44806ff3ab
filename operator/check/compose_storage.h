/// Which storage the mounts of a compose file lead to, and which of them lead to the same. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/wire/compose.h"

namespace walguard::check {

/// A path of the host as it is written in a file that lies in `folder`, without dots.
[[nodiscard]] std::string absolute_path(const std::string& path, const std::string& folder);

/// Null: the file has no entry for it. Points into `compose`.
[[nodiscard]] const wire::ComposeVolume* find_volume(const wire::ComposeFile& compose,
                                                     const std::string& name);
/// The path of the host behind a mount, be it a bind or a volume that the local driver makes of one.
[[nodiscard]] std::optional<std::string> host_path_of(const wire::ComposeMount& mount,
                                                      const wire::ComposeFile& compose,
                                                      const std::string& folder);

/// What tells the engine's volumes apart; empty: Compose makes it of the project and the volume's own name.
[[nodiscard]] std::string engines_name(const wire::ComposeVolume* volume);

[[nodiscard]] bool is_anonymous(const wire::ComposeMount& mount);

/// Whether a variable leaves open what one mount is, or the volume that it names.
[[nodiscard]] bool may_be_another(const wire::ComposeMount& mount, const wire::ComposeFile& compose);

/// Whether two mounts lead to the same files.
[[nodiscard]] bool same_storage(const wire::ComposeMount& a, const wire::ComposeMount& b,
                                const wire::ComposeFile& compose, const std::string& folder);

/// The name of the volume that `mount` becomes.
[[nodiscard]] std::string volume_name(const wire::ComposeMount& mount);

}  // namespace walguard::check
