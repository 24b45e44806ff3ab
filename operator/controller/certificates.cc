#include "operator/controller/certificates.h"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>  // timegm is POSIX, not C++
#include <tl/expected.hpp>

#include "operator/core/verdict.h"

namespace walguard::controller {
namespace {

using core::UtcSeconds;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;

constexpr int kSerialBits = 159;  // RFC 5280: at most 20 octets, positive
constexpr long kVersion3 = 2;     // X.509 counts from 0

template <typename T>
using Result = tl::expected<T, std::string>;

tl::unexpected<std::string> openssl_failed(const std::string& what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string line = "certificates: " + what + " failed: " + (reason != nullptr ? reason : "unknown error");
  ERR_clear_error();
  return tl::make_unexpected(std::move(line));
}

// ---- PEM

Bio reading(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<Certificate> certificates_in(const std::string& pem) {
  std::vector<Certificate> found;
  const Bio bio = reading(pem);
  while (bio) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    found.push_back(std::move(next));
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return found;
}

int no_passphrase(char* /*buffer*/, int /*size*/, int /*for_writing*/, void* /*unused*/) { return 0; }

Key key_in(const std::string& pem) {
  const Bio bio = reading(pem);
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  return key;
}

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : "";
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  return bio && PEM_write_bio_X509(bio.get(), certificate) == 1 ? text_of(bio) : "";
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  const bool written =
      bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  return written ? text_of(bio) : "";
}

// ---- Making

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  const Number serial(BN_new());
  return serial && BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& common_name) {
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                                    0) == 1;
}

bool set_validity(X509* certificate, UtcSeconds now, UtcSeconds lifetime) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), static_cast<std::time_t>(now - kClockSkew)) !=
             nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), static_cast<std::time_t>(now + lifetime)) != nullptr;
}

/// All but the extensions and the signature.
Certificate new_certificate(const std::string& common_name, EVP_PKEY* key, UtcSeconds now,
                            UtcSeconds lifetime) {
  Certificate certificate(X509_new());
  const bool made = certificate && X509_set_version(certificate.get(), kVersion3) == 1 &&
                    set_random_serial(certificate.get()) && set_subject(certificate.get(), common_name) &&
                    set_validity(certificate.get(), now, lifetime) &&
                    X509_set_pubkey(certificate.get(), key) == 1;
  return made ? std::move(certificate) : nullptr;
}

Key new_key() { return Key(EVP_EC_gen("P-256")); }

Certificate self_signed_authority(EVP_PKEY* key, UtcSeconds now) {
  // A name of its own for each: a client that holds two authorities of one name may try the wrong one.
  Certificate made =
      new_certificate("walguard webhook authority " + std::to_string(now), key, now, kAuthorityLifetime);
  X509* const authority = made.get();
  const bool done =
      authority != nullptr && X509_set_issuer_name(authority, X509_get_subject_name(authority)) == 1 &&
      add_extension(authority, authority, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(authority, authority, NID_subject_key_identifier, "hash") &&
      X509_sign(authority, key, EVP_sha256()) != 0;
  return done ? std::move(made) : nullptr;
}

std::string alternative_names(const std::vector<std::string>& dns_names) {
  std::string text;
  for (const std::string& name : dns_names) text += (text.empty() ? "DNS:" : ",DNS:") + name;
  return text;
}

Certificate signed_serving(EVP_PKEY* key, X509* authority, EVP_PKEY* authority_key,
                           const std::vector<std::string>& dns_names, UtcSeconds now) {
  Certificate made = new_certificate("walguard webhook", key, now, kServingLifetime);
  X509* const serving = made.get();
  const bool done = serving != nullptr &&
                    X509_set_issuer_name(serving, X509_get_subject_name(authority)) == 1 &&
                    add_extension(serving, authority, NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(serving, authority, NID_key_usage, "critical,digitalSignature") &&
                    add_extension(serving, authority, NID_ext_key_usage, "serverAuth") &&
                    add_extension(serving, authority, NID_authority_key_identifier, "keyid:always") &&
                    add_extension(serving, authority, NID_subject_alt_name, alternative_names(dns_names)) &&
                    X509_sign(serving, authority_key, EVP_sha256()) != 0;
  return done ? std::move(made) : nullptr;
}

// ---- Judging what is there

struct Validity {
  UtcSeconds from = 0;
  UtcSeconds until = 0;
};

std::optional<UtcSeconds> seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<UtcSeconds>(::timegm(&parts));
}

Validity validity_of(X509* certificate) {
  // What cannot be read is long over.
  return {seconds_of(X509_get0_notBefore(certificate)).value_or(0),
          seconds_of(X509_get0_notAfter(certificate)).value_or(0)};
}

bool is_valid(X509* certificate, UtcSeconds now) {
  const Validity validity = validity_of(certificate);
  return validity.from <= now && now < validity.until;
}

bool is_due(X509* certificate, UtcSeconds now) {
  const Validity validity = validity_of(certificate);
  return now >= validity.from + (validity.until - validity.from) / 3 * 2;
}

bool is_for(X509* certificate, const std::vector<std::string>& dns_names) {
  return std::ranges::all_of(dns_names, [&](const std::string& name) {
    return X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           nullptr) == 1;
  });
}

bool is_pair(X509* certificate, const Key& key) {
  const bool matches = key && X509_check_private_key(certificate, key.get()) == 1;
  ERR_clear_error();
  return matches;
}

bool is_signed_by(X509* certificate, X509* authority) {
  const bool is = X509_verify(certificate, X509_get0_pubkey(authority)) == 1;
  ERR_clear_error();
  return is;
}

/// Why the authority cannot be used; empty where it can.
std::string fault_of_authority(const std::vector<Certificate>& bundle, const TlsMaterial& material,
                               UtcSeconds now) {
  if (bundle.empty()) return "there is no certificate authority";
  if (!is_pair(bundle.front().get(), key_in(material.authority_key))) {
    return "the authority's key is not that of its certificate";
  }
  return is_valid(bundle.front().get(), now) ? "" : "the authority is out of date";
}

/// Why the serving pair cannot be used; empty where it can.
std::string fault_of_pair(const std::vector<Certificate>& bundle, const TlsMaterial& material,
                          const std::vector<std::string>& dns_names, UtcSeconds now) {
  const auto chain = certificates_in(material.certificate);
  if (chain.empty()) return "there is no serving certificate";
  X509* const serving = chain.front().get();
  if (!is_pair(serving, key_in(material.private_key)))
    return "the serving key is not that of its certificate";
  if (!is_valid(serving, now)) return "the serving certificate is out of date";
  if (!is_for(serving, dns_names)) return "the serving certificate is for another name";
  const bool trusted = std::ranges::any_of(bundle, [&](const Certificate& authority) {
    return is_valid(authority.get(), now) && is_signed_by(serving, authority.get());
  });
  return trusted ? "" : "no authority of the bundle has signed the serving certificate";
}

}  // namespace

std::vector<std::string> service_dns_names(const std::string& service, const std::string& namespace_name) {
  const std::string name = service + "." + namespace_name + ".svc";
  return {name, name + ".cluster.local"};
}

Result<TlsMaterial> with_new_authority(const TlsMaterial& former, UtcSeconds now) {
  const Key key = new_key();
  const Certificate authority = key ? self_signed_authority(key.get(), now) : nullptr;
  TlsMaterial made = former;
  made.authority_bundle = authority ? pem_of(authority.get()) : "";
  made.authority_key = key ? pem_of(key.get()) : "";
  if (made.authority_bundle.empty() || made.authority_key.empty())
    return openssl_failed("making an authority");
  const auto bundle = certificates_in(former.authority_bundle);
  if (!bundle.empty() && is_valid(bundle.front().get(), now)) {
    made.authority_bundle += pem_of(bundle.front().get());
  }
  return made;
}

Result<TlsMaterial> with_new_serving_pair(const TlsMaterial& material,
                                          const std::vector<std::string>& dns_names, UtcSeconds now) {
  const auto bundle = certificates_in(material.authority_bundle);
  const Key authority_key = key_in(material.authority_key);
  if (bundle.empty() || !authority_key) {
    return tl::make_unexpected<std::string>("certificates: no authority to sign a serving certificate with");
  }
  const Key key = new_key();
  const Certificate serving =
      key ? signed_serving(key.get(), bundle.front().get(), authority_key.get(), dns_names, now) : nullptr;
  TlsMaterial made = material;
  made.certificate = serving ? pem_of(serving.get()) : "";
  made.private_key = key ? pem_of(key.get()) : "";
  if (made.certificate.empty() || made.private_key.empty())
    return openssl_failed("making a serving certificate");
  return made;
}

RenewalPlan plan_renewal(const TlsMaterial& material, const std::vector<std::string>& dns_names,
                         std::optional<UtcSeconds> bundle_published_at, UtcSeconds now) {
  const auto bundle = certificates_in(material.authority_bundle);
  const std::string authority_fault = fault_of_authority(bundle, material, now);
  const std::string pair_fault = fault_of_pair(bundle, material, dns_names, now);
  if (!pair_fault.empty()) {
    // Nobody can be served with it, so there is nothing to be careful of.
    return {.authority = !authority_fault.empty(),
            .serving_pair = true,
            .cannot_serve = true,
            .reason = pair_fault};
  }
  if (!authority_fault.empty()) return {.authority = true, .reason = authority_fault};
  X509* const authority = bundle.front().get();
  if (is_due(authority, now))
    return {.authority = true, .reason = "two thirds of the authority's time are over"};

  const auto chain = certificates_in(material.certificate);
  X509* const serving = chain.front().get();
  const bool due = is_due(serving, now);
  if (is_signed_by(serving, authority)) {
    if (!due) return {};
    return {.serving_pair = true, .reason = "two thirds of the serving certificate's time are over"};
  }
  const bool bundle_has_spread = bundle_published_at && now - *bundle_published_at >= kBundleSpreads;
  if (!bundle_has_spread) return {};
  return {.serving_pair = true, .reason = "the serving certificate is of the former authority"};
}

Result<TlsMaterial> renewed(const TlsMaterial& material, const RenewalPlan& plan,
                            const std::vector<std::string>& dns_names, UtcSeconds now) {
  Result<TlsMaterial> made = material;
  if (plan.authority) made = with_new_authority(*made, now);
  if (made && plan.serving_pair) made = with_new_serving_pair(*made, dns_names, now);
  return made;
}

}  // namespace walguard::controller
