#include "operator/controller/certificate_objects.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/controller/certificates.h"
#include "operator/kube/encoding.h"

namespace walguard::controller {
namespace {

using nlohmann::json;

std::string text_in(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

json part_of(const json& object, const char* key) {
  return object.is_object() ? object.value(key, json()) : json();
}

json data_of(const TlsMaterial& material) {
  return {{"tls.crt", kube::encode_base64(material.certificate)},
          {"tls.key", kube::encode_base64(material.private_key)},
          {"ca.crt", kube::encode_base64(material.authority_bundle)},
          {"ca.key", kube::encode_base64(material.authority_key)}};
}

json test(const std::string& path, const json& value) {
  return {{"op", "test"}, {"path", path}, {"value", value}};
}

}  // namespace

tl::expected<TlsSecret, std::string> read_tls_secret(std::string_view text) {
  const json secret = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!secret.is_object()) return tl::make_unexpected<std::string>("the answer is no Secret");
  const json data = part_of(secret, "data");
  const auto decoded = [&](const char* key) { return kube::decode_base64(text_in(data, key)).value_or(""); };
  TlsSecret read;
  read.material = {.certificate = decoded("tls.crt"),
                   .private_key = decoded("tls.key"),
                   .authority_bundle = decoded("ca.crt"),
                   .authority_key = decoded("ca.key")};
  read.resource_version = text_in(part_of(secret, "metadata"), "resourceVersion");
  return read;
}

std::string tls_secret_object(std::string_view namespace_name, std::string_view name,
                              const TlsMaterial& material) {
  const json secret = {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"metadata",
       {{"namespace", namespace_name},
        {"name", name},
        {"labels", {{"app.kubernetes.io/managed-by", "walguard"}}}}},
      // As the chart makes it: the type of a Secret cannot be changed, and the next upgrade would fail.
      {"type", "Opaque"},
      {"data", data_of(material)}};
  return secret.dump();
}

std::string tls_secret_patch(const TlsMaterial& material, std::string_view resource_version) {
  const json patch = {{"metadata", {{"resourceVersion", resource_version}}}, {"data", data_of(material)}};
  return patch.dump();
}

tl::expected<std::optional<std::string>, std::string> ca_bundle_patch(std::string_view configuration,
                                                                      std::string_view bundle) {
  const json object = json::parse(configuration, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return tl::make_unexpected<std::string>("the answer is no webhook configuration");
  const json webhooks = part_of(object, "webhooks");
  if (!webhooks.is_array()) return std::nullopt;
  const std::string wanted = kube::encode_base64(bundle);
  json patch = json::array();
  for (std::size_t i = 0; i < webhooks.size(); ++i) {
    const json client = part_of(webhooks[i], "clientConfig");
    if (!text_in(client, "url").empty() || text_in(client, "caBundle") == wanted) continue;
    const std::string path = "/webhooks/" + std::to_string(i);
    patch.push_back(test(path + "/name", text_in(webhooks[i], "name")));
    patch.push_back({{"op", "add"}, {"path", path + "/clientConfig/caBundle"}, {"value", wanted}});
  }
  if (patch.empty()) return std::nullopt;
  return patch.dump();
}

}  // namespace walguard::controller
