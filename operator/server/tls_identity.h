#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include <tl/expected.hpp>

// OpenSSL's own names, so that its headers stay out of ours.
struct ssl_ctx_st;
struct ssl_st;

namespace walguard::server {

struct SslDeleter {
  void operator()(ssl_st* ssl) const;
  void operator()(ssl_ctx_st* context) const;
};
using SslPtr = std::unique_ptr<ssl_st, SslDeleter>;
using SslContextPtr = std::unique_ptr<ssl_ctx_st, SslDeleter>;

/// PEM files. The first holds the certificate followed by its chain.
struct TlsFiles {
  std::string certificate;
  std::string private_key;
  /// Whoever connects must show a certificate that these authorities have signed. Empty: nobody is asked.
  std::string client_authorities = {};
};

/// The same as text, from wherever it is kept.
struct TlsPem {
  std::string certificate;
  std::string private_key;
  std::string origin;  ///< for errors: "Secret walguard-system/walguard-tls"
};

/// None yet: use() brings it. Until then every connection is closed at once.
struct TlsLater {};

using TlsSource = std::variant<TlsFiles, TlsPem, TlsLater>;

/// The certificate a server shows, replaceable while it serves. Thread-safe.
class TlsIdentity {
 public:
  explicit TlsIdentity(TlsSource source);

  /// Reads the source and uses it for every connection opened from now on. Blocks on the file system. On an
  /// error, which names the file, what is wrong and a remedy, the former certificate stays.
  [[nodiscard]] tl::expected<void, std::string> load();

  /// Likewise with `pem`, which is the source from then on.
  [[nodiscard]] tl::expected<void, std::string> use(TlsPem pem);

  /// The server's side of a new connection over the socket `fd`, which it does not own. Null when nothing is
  /// loaded or memory is out.
  [[nodiscard]] SslPtr new_connection(int fd) const;

 private:
  [[nodiscard]] TlsSource source() const;
  tl::expected<void, std::string> use_source(TlsSource source);

  mutable std::mutex mutex_;
  TlsSource source_;       // guarded by mutex_
  SslContextPtr context_;  // likewise; each connection holds a reference of its own
};

}  // namespace walguard::server
