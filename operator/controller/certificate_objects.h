/// The API objects that certificates are kept in and published by, as JSON. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/controller/certificates.h"

namespace walguard::controller {

/// A Secret of type kubernetes.io/tls with two more keys: tls.crt, tls.key, ca.crt, ca.key.
struct TlsSecret {
  TlsMaterial material;  ///< what is missing or no base64 is empty
  std::string resource_version;
};

[[nodiscard]] tl::expected<TlsSecret, std::string> read_tls_secret(std::string_view json);

[[nodiscard]] std::string tls_secret_object(std::string_view namespace_name, std::string_view name,
                                            const TlsMaterial& material);

/// A merge patch that the server refuses with 409 where the Secret is no longer in `resource_version`.
[[nodiscard]] std::string tls_secret_patch(const TlsMaterial& material, std::string_view resource_version);

/// The JSON patch (RFC 6902) that puts `bundle` (PEM) as caBundle into every webhook of a Mutating- or
/// ValidatingWebhookConfiguration that has another or none; nullopt where there is nothing to do. Each change
/// is guarded by a `test` of the webhook's name, so that a list that was changed meanwhile is not patched at
/// the wrong place. A webhook with a `url` is not ours to certify and is left alone.
[[nodiscard]] tl::expected<std::optional<std::string>, std::string> ca_bundle_patch(
    std::string_view configuration, std::string_view bundle);

}  // namespace walguard::controller
