/// Where an API server is, how to trust it, and who we are to it: what kubeconfig.h and in_cluster.h make and
/// curl_transport.h uses. Plain values; a file is named here and read when it is needed, since it may rotate.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace walguard::kube {

/// PEM text, by value or by file. At most one of the two is set.
struct Pem {
  std::string data;
  std::string file;  ///< absolute, or relative to the working directory
  [[nodiscard]] bool empty() const { return data.empty() && file.empty(); }
};

/// A program that prints an ExecCredential (client.authentication.k8s.io), run when its last one has expired.
/// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
struct ExecPlugin {
  std::string api_version;  ///< with the group: "client.authentication.k8s.io/v1"
  std::string command;      ///< a name to be found in PATH, or a path
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  ///< "NAME=value", added to ours
  bool provide_cluster_info = false;
  std::string install_hint;  ///< for the error when the program is not there
};

/// Who we are. All empty: anonymous.
struct UserConfig {
  Pem client_certificate;
  Pem client_key;
  std::string token;
  std::string token_file;  ///< read anew for each request, and stronger than `token`
  std::optional<ExecPlugin> exec;
};

struct ClusterConfig {
  std::string source;  ///< where this comes from, for messages: "context test of ~/.kube/config"
  std::string server;  ///< "https://host:port/prefix", no slash at its end; IPv6 addresses in brackets
  /// Of a server on this machine (a container engine): the path of its socket. Empty: as `server` says.
  std::string unix_socket;
  Pem certificate_authority;  ///< empty: the system's authorities
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;  ///< the name to ask for and to verify; empty: the server URL's
  std::string proxy_url;        ///< empty: as the environment says (HTTPS_PROXY, NO_PROXY)
  std::string namespace_name = "default";
  UserConfig user;
};

/// Looks up an environment variable; nullopt where it is not set. Passed in, so that tests need not set any.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// This process's own.
[[nodiscard]] Environment process_environment();

/// A regular file's content; the error names the file and what is wrong with it.
[[nodiscard]] tl::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace walguard::kube
