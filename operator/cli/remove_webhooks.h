/// `walguard remove-webhooks`: deletes walguard's two webhook configurations, so that the API server asks
/// nobody any more. The chart runs it before an uninstall, ahead of `open-gates`, which then finds no new
/// gates.
#pragma once

#include <iosfwd>
#include <string>

namespace walguard::cli {

struct RemoveWebhooksOptions {
  std::string name = "walguard";  ///< of both configurations
  std::string kubeconfig;         ///< "": $KUBECONFIG, the pod's service account, or ~/.kube/config
  std::string context;
};

/// Blocks until both are gone or the API server has refused. One that is not there is gone. Needs of the API:
/// Mutating- and ValidatingWebhookConfigurations delete. Returns an exit code.
[[nodiscard]] int remove_webhooks(const RemoveWebhooksOptions& options, std::ostream& out, std::ostream& err);

}  // namespace walguard::cli
