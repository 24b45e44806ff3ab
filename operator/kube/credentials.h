/// Where the credential for the next request comes from: values, a token file that rotates, or a plugin.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/exec_credential.h"

namespace walguard::kube {

/// Thread-safe.
class CredentialSource {
 public:
  CredentialSource() = default;
  CredentialSource(const CredentialSource&) = delete;
  CredentialSource& operator=(const CredentialSource&) = delete;
  virtual ~CredentialSource() = default;

  /// The credential as of now. May read a file or run a program, bounded in time; `stop` ends the program.
  /// The error is one line that names the file or program, and holds no secret.
  [[nodiscard]] virtual tl::expected<Credential, std::string> current(const std::stop_token& stop) = 0;

  /// The server answered 401 to `refused`. True when asking again may bring another one.
  [[nodiscard]] virtual bool forget(const Credential& refused) = 0;
};

using UtcClock = std::function<std::chrono::sys_seconds()>;

/// The source that `cluster.user` asks for. `clock` is read to see whether a plugin's credential has expired;
/// it may be called from any thread.
[[nodiscard]] std::unique_ptr<CredentialSource> make_credential_source(const ClusterConfig& cluster,
                                                                       UtcClock clock);

}  // namespace walguard::kube
