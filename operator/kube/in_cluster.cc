#include "operator/kube/in_cluster.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"

namespace walguard::kube {
namespace {

constexpr const char* kHost = "KUBERNETES_SERVICE_HOST";
constexpr const char* kPort = "KUBERNETES_SERVICE_PORT";

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

/// A host name, an IPv4 address, or an IPv6 address without brackets: nothing that could change the URL's
/// shape.
bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == ':' || c == '-';
  });
}

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// A file of the mounted service account, which must hold something.
tl::expected<std::string, std::string> mounted_file(const std::string& path) {
  const std::string remedy =
      "; is the service account mounted (automountServiceAccountToken in the pod and in its ServiceAccount)?";
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error() + remedy);
  if (trimmed(*text).empty()) return tl::unexpected(path + ": is empty" + remedy);
  return trimmed(*text);
}

}  // namespace

bool is_in_cluster(const Environment& environment) {
  return environment(kHost).value_or("") != "" && environment(kPort).value_or("") != "";
}

tl::expected<ClusterConfig, std::string> in_cluster_config(const Environment& environment,
                                                           const std::string& folder) {
  const std::string host = environment(kHost).value_or("");
  const std::string port = environment(kPort).value_or("");
  if (host.empty() || port.empty()) {
    return tl::unexpected(std::string(host.empty() ? kHost : kPort) +
                          " is not set: this is no pod of a cluster; name a kubeconfig with --kubeconfig");
  }
  if (!is_host(host)) {
    return tl::unexpected(std::string(kHost) + "=\"" + host + "\" is neither a host name nor an IP address");
  }
  if (!is_port(port)) {
    return tl::unexpected(std::string(kPort) + "=\"" + port + "\" is not a port; it must be 1 to 65535");
  }
  const auto token = mounted_file(folder + "/token");
  if (!token) return tl::unexpected(token.error());
  const auto authority = mounted_file(folder + "/ca.crt");
  if (!authority) return tl::unexpected(authority.error());

  ClusterConfig config;
  config.source = "the service account in " + folder;
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port;
  config.certificate_authority.file = folder + "/ca.crt";
  config.user.token_file = folder + "/token";
  if (const auto name = read_file(folder + "/namespace"); name && !trimmed(*name).empty()) {
    config.namespace_name = trimmed(*name);
  }
  return config;
}

}  // namespace walguard::kube
