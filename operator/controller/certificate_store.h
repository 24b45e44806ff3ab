/// Keeps the webhook's certificate in a Secret that all replicas share, and its authority in the webhook
/// configurations, so that API servers trust it.
///
/// The first replica that finds no Secret makes it; a second one that tries at the same time is refused and
/// reads what the first has made. From then on the leader alone writes: it renews the pair ahead of its end
/// (plan_renewal), and puts the caBundle back whenever somebody has blanked or changed it. Every replica
/// reads the Secret now and then and shows the new pair to new connections.
///
/// Needs of the API: Secrets get, create, patch; Mutating- and ValidatingWebhookConfigurations get, list,
/// watch, patch. No list or watch of Secrets: that they are one's own to see is seldom granted, and half a
/// minute does.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/certificate_objects.h"
#include "operator/controller/certificates.h"
#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/kube/api_error.h"
#include "operator/kube/backoff.h"
#include "operator/kube/client.h"
#include "operator/kube/resource.h"

namespace walguard::controller {

struct CertificateOptions {
  std::string namespace_name;
  std::string secret = "walguard-tls";
  std::string service = "walguard";
  std::string webhooks = "walguard";             ///< name of both webhook configurations
  std::chrono::milliseconds read_every{30'000};  ///< follow(): the Secret
  std::chrono::milliseconds check_every{
      30'000};                           ///< lead(): all of it, also where no watch tells of a change
  std::chrono::milliseconds pause{200};  ///< lead(): between two looks, however much changes
  kube::Backoff first_pair{.first = std::chrono::milliseconds(250),
                           .longest = std::chrono::milliseconds(5'000)};  ///< run(): between two attempts
};

struct CertificateParts {
  /// Shows this pair to new connections. An error keeps the former one, and is logged.
  std::function<tl::expected<void, std::string>(const TlsMaterial&)> use;
  std::function<core::UtcSeconds()> now;
  LogLine log;
};

/// Each function is called by one thread at a time; different functions may be called by different threads.
/// Errors are one line that names the object and what to do.
class CertificateStore {
 public:
  /// `client` must outlive it.
  CertificateStore(const kube::Client& client, CertificateOptions options, CertificateParts parts);

  /// The pair in the Secret; where there is none, or none that can serve, makes one first. Blocks for a few
  /// requests.
  [[nodiscard]] tl::expected<TlsMaterial, std::string> load_or_create(const std::stop_token& stop);

  /// Every replica: hands each new pair to `use` until stopped. `in_use`: what is shown already.
  void follow(TlsMaterial in_use, const std::stop_token& stop);

  /// Every replica: load_or_create() until there is a pair to `use`, however long the API server is away,
  /// then follow().
  void run(const std::stop_token& stop);
  /// Why run() has no pair in use yet, one line; "" once it has. Thread-safe.
  [[nodiscard]] std::string why_none() const;

  /// The leader: keeps the Secret and the caBundles as they should be until stopped.
  void lead(const std::stop_token& stop);

  /// One pass of lead(). False: something could not be done, has been logged, and is to be tried again.
  bool keep(const std::stop_token& stop);

 private:
  [[nodiscard]] tl::expected<std::optional<TlsSecret>, std::string> read(const std::stop_token& stop) const;
  [[nodiscard]] tl::expected<TlsMaterial, std::string> renew(const TlsSecret& secret, const RenewalPlan& plan,
                                                             const std::stop_token& stop);
  [[nodiscard]] tl::expected<TlsMaterial, std::string> create(const std::stop_token& stop);
  [[nodiscard]] tl::expected<TlsMaterial, std::string> kept_material(const std::stop_token& stop);
  [[nodiscard]] tl::expected<bool, std::string> publish(const kube::ResourceType& type,
                                                        const std::string& bundle,
                                                        const std::stop_token& stop) const;
  [[nodiscard]] bool publish_both(const std::string& bundle, const std::stop_token& stop);
  [[nodiscard]] kube::ObjectName secret_name() const;
  [[nodiscard]] std::string explain(const kube::ApiError& error, const std::string& what) const;
  void say(LogLevel level, const std::string& line) const;
  void set_why_none(std::string why);

  const kube::Client& client_;
  const CertificateOptions options_;
  const CertificateParts parts_;
  const std::vector<std::string> dns_names_;
  mutable std::mutex mutex_;
  std::string why_none_ = "it has not been looked for yet";  // guarded by mutex_
  // Of the leader's thread.
  std::string published_;  // the bundle last seen in both configurations
  std::optional<core::UtcSeconds> published_at_;
};

}  // namespace walguard::controller
