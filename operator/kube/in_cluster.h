/// The configuration of a pod: the service account that the kubelet mounts, and the API server's address in
/// the environment. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"

namespace walguard::kube {

/// Whether this looks like a pod: KUBERNETES_SERVICE_HOST and _PORT are set.
[[nodiscard]] bool is_in_cluster(const Environment& environment);

/// Reads files. The token itself is read for each request, as the kubelet replaces it before it expires; here
/// it only has to be there. The error names the file or variable and a remedy.
[[nodiscard]] tl::expected<ClusterConfig, std::string> in_cluster_config(
    const Environment& environment,
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace walguard::kube
