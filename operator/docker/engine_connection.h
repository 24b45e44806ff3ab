/// The engine's socket as a connection of `kube`'s HTTP. Pure, thread-safe. Internal to `docker`.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"

namespace walguard::docker {

/// `host` and the error as of connect_engine.
[[nodiscard]] tl::expected<kube::ClusterConfig, std::string> connection_to(const std::string& host);

}  // namespace walguard::docker
