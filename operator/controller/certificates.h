/// The webhook's own certificate authority and serving pair: made with OpenSSL, and when to make them anew.
///
/// Reads no clock, file or network, only the system's source of randomness. Thread-safe. Errors are one line
/// for people and hold no key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/verdict.h"

namespace walguard::controller {

/// Everything in PEM.
struct TlsMaterial {
  std::string certificate;       ///< of the server
  std::string private_key;       ///< of the server
  std::string authority_bundle;  ///< what clients trust: the authority that signs now, then its predecessor
  std::string authority_key;     ///< of the first authority in the bundle

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

inline constexpr core::UtcSeconds kDay = core::UtcSeconds{24} * 3600;
inline constexpr core::UtcSeconds kAuthorityLifetime = 3650 * kDay;
inline constexpr core::UtcSeconds kServingLifetime = 90 * kDay;
/// A clock that is so far behind ours still takes a new certificate.
inline constexpr core::UtcSeconds kClockSkew = 3600;
/// So long after a new bundle was put where API servers read it, they have read it.
inline constexpr core::UtcSeconds kBundleSpreads = 60;

/// The names by which an API server calls the webhook's Service, and by which a person in the cluster would.
[[nodiscard]] std::vector<std::string> service_dns_names(const std::string& service,
                                                         const std::string& namespace_name);

/// A new authority (EC P-256, self-signed) in front of the last one of `former`, which the serving pair of
/// `former`, kept as it is, still needs. `former` may be empty.
[[nodiscard]] tl::expected<TlsMaterial, std::string> with_new_authority(const TlsMaterial& former,
                                                                        core::UtcSeconds now);

/// A new serving pair (EC P-256) for `dns_names`, signed by the first authority of the bundle.
[[nodiscard]] tl::expected<TlsMaterial, std::string> with_new_serving_pair(
    const TlsMaterial& material, const std::vector<std::string>& dns_names, core::UtcSeconds now);

/// What must be made anew, and why.
struct RenewalPlan {
  bool authority = false;
  bool serving_pair = false;
  bool cannot_serve = false;  ///< what is there is of no use to anybody: not only the leader may renew it
  std::string reason;         ///< one line; empty where nothing is to be done

  [[nodiscard]] bool nothing() const { return !authority && !serving_pair; }
};

/// Both are renewed at two thirds of their lifetime, and at once where they cannot serve: a text that is no
/// PEM, a key of another certificate, another name, out of date.
///
/// A new authority comes first and alone, and the serving pair of the old one stays until the bundle with
/// both has been where the API servers look for kBundleSpreads: `bundle_published_at` says since when,
/// nullopt that it is not there. So at every moment every API server trusts the certificate that is shown.
[[nodiscard]] RenewalPlan plan_renewal(const TlsMaterial& material, const std::vector<std::string>& dns_names,
                                       std::optional<core::UtcSeconds> bundle_published_at,
                                       core::UtcSeconds now);

/// Carries `plan` out.
[[nodiscard]] tl::expected<TlsMaterial, std::string> renewed(const TlsMaterial& material,
                                                             const RenewalPlan& plan,
                                                             const std::vector<std::string>& dns_names,
                                                             core::UtcSeconds now);

}  // namespace walguard::controller
