#include "operator/kube/exec_credential.h"

#include <string>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/encoding.h"

namespace walguard::kube {
namespace {

using nlohmann::json;

/// The text of `object[key]`; "" where it is missing, null or no text.
std::string text_of(const json& object, const char* key) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace

std::string exec_info(const ExecPlugin& plugin, const ClusterConfig& cluster, const std::string& authority) {
  json info = {
      {"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}};
  if (plugin.provide_cluster_info) {
    json& about = info["spec"]["cluster"];
    about["server"] = cluster.server;
    if (!cluster.tls_server_name.empty()) about["tls-server-name"] = cluster.tls_server_name;
    if (!cluster.proxy_url.empty()) about["proxy-url"] = cluster.proxy_url;
    if (cluster.insecure_skip_tls_verify) about["insecure-skip-tls-verify"] = true;
    if (!authority.empty()) about["certificate-authority-data"] = encode_base64(authority);
  }
  return info.dump(-1, ' ', false, json::error_handler_t::replace);
}

tl::expected<ExecCredential, std::string> parse_exec_credential(const std::string& text,
                                                                const std::string& api_version) {
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return tl::unexpected(std::string("it did not print a JSON object"));
  if (text_of(root, "kind") != "ExecCredential") {
    return tl::unexpected(std::string("what it printed is no ExecCredential (field kind)"));
  }
  if (text_of(root, "apiVersion") != api_version) {
    return tl::unexpected("its apiVersion is not the one asked for, " + api_version +
                          "; set users[].user.exec.apiVersion to what the plugin supports");
  }
  const auto status = root.find("status");
  if (status == root.end() || !status->is_object()) {
    return tl::unexpected(std::string("it gave no credential (field status)"));
  }
  ExecCredential result;
  result.credential.bearer_token = text_of(*status, "token");
  result.credential.client_certificate.data = text_of(*status, "clientCertificateData");
  result.credential.client_key.data = text_of(*status, "clientKeyData");
  if (result.credential.client_certificate.empty() != result.credential.client_key.empty()) {
    return tl::unexpected(std::string("it gave only one of status.clientCertificateData and .clientKeyData"));
  }
  if (result.credential.bearer_token.empty() && result.credential.client_certificate.empty()) {
    return tl::unexpected(std::string("it gave neither status.token nor status.clientCertificateData"));
  }
  if (const std::string expires = text_of(*status, "expirationTimestamp"); !expires.empty()) {
    result.expires = parse_rfc3339(expires);
    if (!result.expires) return tl::unexpected(std::string("status.expirationTimestamp is no RFC 3339 time"));
  }
  return result;
}

}  // namespace walguard::kube
