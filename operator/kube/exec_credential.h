/// What a credential plugin is told and what it answers: the ExecCredential of client.authentication.k8s.io.
/// Pure. https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"

namespace walguard::kube {

/// What is sent to the API server to say who we are.
struct Credential {
  std::string bearer_token;
  Pem client_certificate;
  Pem client_key;
};

struct ExecCredential {
  Credential credential;
  std::optional<std::chrono::sys_seconds> expires;  ///< nullopt: valid until it is refused
};

/// The value of KUBERNETES_EXEC_INFO. The plugin learns of the cluster only where its configuration wants it
/// to. `authority`: PEM, "" where the system's authorities are used.
[[nodiscard]] std::string exec_info(const ExecPlugin& plugin, const ClusterConfig& cluster,
                                    const std::string& authority);

/// Reads what the plugin printed. The error names the field; it repeats no value, as any may be secret.
[[nodiscard]] tl::expected<ExecCredential, std::string> parse_exec_credential(const std::string& text,
                                                                              const std::string& api_version);

}  // namespace walguard::kube
