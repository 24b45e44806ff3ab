#include "operator/cli/open_gates.h"

#include <chrono>
#include <cstddef>
#include <iostream>
#include <stop_token>
#include <string>
#include <utility>

#include "operator/cli/exit_code.h"
#include "operator/controller/gate_opener.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/kubeconfig.h"

namespace walguard::cli {
namespace {

int fail(const std::string& message, int code) {
  std::cerr << "walguard open-gates: " << message << '\n';
  return code;
}

std::chrono::sys_seconds utc_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

int open_gates(const OpenGatesOptions& options) {
  if (options.all == !options.namespace_name.empty()) {
    return fail("say which gates: --all, or --namespace NAME for those of one namespace", kBadInput);
  }
  auto cluster = kube::find_cluster(options.kubeconfig, options.context, kube::process_environment());
  if (!cluster) return fail(cluster.error(), kBadInput);

  const controller::OpenAllOptions wanted{.namespace_name = options.namespace_name};
  kube::CurlTransportOptions connections;
  connections.idle_sessions = static_cast<std::size_t>(wanted.parallel);
  auto credentials = kube::make_credential_source(*cluster, utc_now);
  kube::CurlTransport transport(*std::move(cluster), std::move(credentials), connections);
  const kube::Client client(transport);

  const auto opened = controller::open_all_gates(client, wanted, std::stop_token());
  if (!opened) return fail(opened.error().text(), kInternalError);
  std::cout << "opened " << opened->opened << " gates, " << opened->left << " left\n";
  for (const std::string& error : opened->errors) (void)fail(error, kInternalError);
  return opened->left == 0 ? kOk : kInternalError;
}

}  // namespace walguard::cli
