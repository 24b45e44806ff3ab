#include "operator/docker/engine_connection.h"

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/docker/engine_api.h"
#include "operator/kube/cluster_config.h"

namespace walguard::docker {

tl::expected<kube::ClusterConfig, std::string> connection_to(const std::string& host) {
  auto socket = socket_of(host);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  kube::ClusterConfig engine;
  engine.source = host;
  engine.server = "http://docker";  // for the Host field alone
  engine.unix_socket = *std::move(socket);
  return engine;
}

}  // namespace walguard::docker
