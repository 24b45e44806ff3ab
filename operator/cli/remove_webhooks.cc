#include "operator/cli/remove_webhooks.h"

#include <chrono>
#include <ostream>
#include <stop_token>
#include <utility>

#include "operator/cli/exit_code.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/kubeconfig.h"
#include "operator/kube/resource.h"

namespace walguard::cli {

int remove_webhooks(const RemoveWebhooksOptions& options, std::ostream& out, std::ostream& err) {
  auto cluster = kube::find_cluster(options.kubeconfig, options.context, kube::process_environment());
  if (!cluster) {
    err << "walguard remove-webhooks: " << cluster.error() << '\n';
    return kBadInput;
  }
  const auto now = [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); };
  auto credentials = kube::make_credential_source(*cluster, now);
  kube::CurlTransport transport(*std::move(cluster), std::move(credentials));
  const kube::Client client(transport);

  int code = kOk;
  // What gates goes first: what only judges may stay a moment longer.
  for (const char* const plural : {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}) {
    const kube::ResourceType type{"admissionregistration.k8s.io", "v1", plural, false};
    const auto removed = client.remove({type, "", options.name, ""}, {}, std::stop_token());
    if (removed) {
      out << plural << '/' << options.name << " deleted\n";
    } else if (removed.error().is_not_found()) {
      out << plural << '/' << options.name << " is not there\n";
    } else {
      err << "walguard remove-webhooks: " << plural << '/' << options.name << ": " << removed.error().text()
          << '\n';
      code = kInternalError;
    }
  }
  return code;
}

}  // namespace walguard::cli
