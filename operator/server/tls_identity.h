#pragma once

#include <functional>
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
};

/// The same as text, for a certificate that is kept elsewhere than in files.
struct PemPair {
  std::string certificate;  ///< followed by its chain
  std::string private_key;
};

/// The pair in force, or a line that says why there is none. Called whenever the certificate is loaded.
using PemSource = std::function<tl::expected<PemPair, std::string>()>;
using TlsSource = std::variant<TlsFiles, PemSource>;

/// The certificate a server shows, replaceable while it serves. Thread-safe.
class TlsIdentity {
 public:
  explicit TlsIdentity(TlsSource source);

  /// Asks the source and uses what it has for every connection opened from now on. Files are read: it blocks
  /// on the file system. On an error, which names the file, what is wrong and a remedy, the former
  /// certificate stays.
  [[nodiscard]] tl::expected<void, std::string> load();

  /// The server's side of a new connection over the socket `fd`, which it does not own. Null when nothing is
  /// loaded or memory is out.
  [[nodiscard]] SslPtr new_connection(int fd) const;

 private:
  const TlsSource source_;
  mutable std::mutex mutex_;
  SslContextPtr context_;  // guarded by mutex_; each connection holds a reference of its own
};

}  // namespace walguard::server
