/// kubeconfig files, read and merged as kubectl does.
/// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
///
/// Only the context that is chosen is looked at closely: a broken cluster that nobody asked for hinders
/// nobody. Refused, where kubectl would go on with less or other rights than the file says: impersonation
/// (`as`), `auth-provider`, user names and passwords.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"

namespace walguard::kube {

struct KubeconfigFiles {
  std::vector<std::string> paths;  ///< the first to name a cluster, user, context or current-context wins
  bool may_be_missing = false;     ///< as for the files of $KUBECONFIG; at least one must be there
};

/// Which files to read: `given` (of --kubeconfig), else the list in $KUBECONFIG, else $HOME/.kube/config.
[[nodiscard]] KubeconfigFiles kubeconfig_files(const std::string& given, const Environment& environment);

/// Reads the files. `context`: "" for the files' current-context. Relative paths become relative to the
/// folder of the file they stand in. The error names file, field, value (never a secret one) and remedy.
[[nodiscard]] tl::expected<ClusterConfig, std::string> load_kubeconfig(const KubeconfigFiles& files,
                                                                       const std::string& context);

/// What a command without further words means: the kubeconfig given or named by $KUBECONFIG; in a pod its
/// service account; else $HOME/.kube/config.
[[nodiscard]] tl::expected<ClusterConfig, std::string> find_cluster(const std::string& given_kubeconfig,
                                                                    const std::string& context,
                                                                    const Environment& environment);

}  // namespace walguard::kube
