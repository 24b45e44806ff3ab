#include "operator/server/tls_identity.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <tl/expected.hpp>

namespace walguard::server {
namespace {

std::string last_openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "unknown error";
}

tl::unexpected<std::string> fault(const std::string& file, const std::string& what,
                                  const std::string& remedy) {
  return tl::make_unexpected("TLS: \"" + file + "\" " + what + ". Remedy: " + remedy);
}

/// OpenSSL reports a missing file and a malformed one much alike, so the file is opened here first.
tl::expected<void, std::string> check_readable(const std::string& file, const std::string& flag) {
  errno = 0;
  if (std::ifstream(file).good()) return {};
  return fault(file, "cannot be read: " + std::generic_category().message(errno),
               "give " + flag + " a PEM file that this user may read");
}

/// A server must never stop and ask a terminal for the passphrase of its key.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*for_writing*/, void* /*unused*/) { return 0; }

/// A client that offers "h2" first falls back to HTTP/1.1, which we speak.
int choose_http11(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_length,
                  const unsigned char* offered, unsigned offered_length, void* /*unused*/) {
  static constexpr std::array<unsigned char, 9> kOurs{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  const int match =
      SSL_select_next_proto(&chosen, out_length, kOurs.data(), kOurs.size(), offered, offered_length);
  *out = chosen;
  return match == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

SslContextPtr new_context() {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections give their buffers back; a partly written answer is kept by us and may move in memory.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One system call for a record instead of one for its head and one for the rest.
  SSL_CTX_set_read_ahead(context.get(), 1);
  // Clients resume by ticket; a session cache would only grow.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_http11, nullptr);
  return context;
}

/// From then on a connection without a certificate of these authorities fails its handshake.
tl::expected<void, std::string> require_client_certificates(SSL_CTX* context, const std::string& file) {
  if (auto ok = check_readable(file, "--tls-client-ca"); !ok) return ok;
  ERR_clear_error();
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fault(file, "holds no usable certificate (" + last_openssl_reason() + ")",
                 "give --tls-client-ca a PEM file with the certificates of the clients' authorities");
  }
  SSL_CTX_set_client_CA_list(context, names);  // which owns them now
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A session that is resumed shows no certificate again, and OpenSSL wants to know whose sessions these are.
  static constexpr std::array<unsigned char, 8> kOurs{'w', 'a', 'l', 'g', 'u', 'a', 'r', 'd'};
  SSL_CTX_set_session_id_context(context, kOurs.data(), kOurs.size());
  return {};
}

tl::expected<SslContextPtr, std::string> load_context(const TlsFiles& files) {
  if (auto ok = check_readable(files.certificate, "--tls-cert"); !ok) return tl::make_unexpected(ok.error());
  if (auto ok = check_readable(files.private_key, "--tls-key"); !ok) return tl::make_unexpected(ok.error());
  SslContextPtr context = new_context();
  if (!context) return tl::make_unexpected("TLS: OpenSSL cannot start: " + last_openssl_reason());

  // The key comes first: a certificate that does not match then drops it, and the last check tells just that.
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fault(files.private_key, "holds no usable private key (" + last_openssl_reason() + ")",
                 "give --tls-key an unencrypted PEM key");
  }
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return fault(files.certificate, "holds no usable certificate (" + last_openssl_reason() + ")",
                 "give --tls-cert a PEM file with the certificate first and its chain after it");
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return fault(files.private_key, "is not the key of the certificate in \"" + files.certificate + "\"",
                 "give --tls-cert and --tls-key the two files of one pair");
  }
  if (files.client_authorities.empty()) return context;
  if (auto ok = require_client_certificates(context.get(), files.client_authorities); !ok)
    return tl::make_unexpected(ok.error());
  return context;
}

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;
using CertificatePtr = std::unique_ptr<X509, CertificateDeleter>;
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyDeleter>;

BioPtr reading(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

CertificatePtr next_certificate(BIO* bio) {
  return CertificatePtr(PEM_read_bio_X509(bio, nullptr, no_passphrase, nullptr));
}

bool use_key(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = reading(pem);
  const KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

/// The first certificate is the server's, the rest its chain.
bool use_chain(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = reading(pem);
  const CertificatePtr own = bio ? next_certificate(bio.get()) : nullptr;
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
  while (const CertificatePtr next = next_certificate(bio.get())) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return false;
  }
  return true;
}

tl::expected<SslContextPtr, std::string> make_context(const TlsPem& pem) {
  const auto broken = [&](const std::string& what) {
    return tl::make_unexpected("TLS: " + pem.origin + " " + what + " (" + last_openssl_reason() + ")");
  };
  SslContextPtr context = new_context();
  if (!context) return broken("cannot be used: OpenSSL cannot start");
  ERR_clear_error();
  if (!use_key(context.get(), pem.private_key)) return broken("holds no usable private key");
  if (!use_chain(context.get(), pem.certificate)) return broken("holds no usable certificate");
  if (SSL_CTX_check_private_key(context.get()) != 1) return broken("holds a key of another certificate");
  return context;
}

}  // namespace

void SslDeleter::operator()(ssl_st* ssl) const { SSL_free(ssl); }
void SslDeleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsIdentity::TlsIdentity(TlsSource source) : source_(std::move(source)) {}

TlsSource TlsIdentity::source() const {
  const std::lock_guard lock(mutex_);
  return source_;
}

tl::expected<void, std::string> TlsIdentity::load() { return use_source(source()); }

tl::expected<void, std::string> TlsIdentity::use(TlsPem pem) { return use_source(std::move(pem)); }

tl::expected<void, std::string> TlsIdentity::use_source(TlsSource source) {
  if (std::holds_alternative<TlsLater>(source)) return {};
  const auto* const files = std::get_if<TlsFiles>(&source);
  auto made = files != nullptr ? load_context(*files) : make_context(std::get<TlsPem>(source));
  ERR_clear_error();
  if (!made) return tl::make_unexpected(made.error());
  const std::lock_guard lock(mutex_);
  source_ = std::move(source);
  context_ = std::move(*made);
  return {};
}

SslPtr TlsIdentity::new_connection(int fd) const {
  const std::lock_guard lock(mutex_);
  if (!context_) return nullptr;
  SslPtr ssl(SSL_new(context_.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace walguard::server
