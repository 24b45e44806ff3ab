/// `walguard docker-plugin`: the authorization plugin of a Docker engine. For people: docs/docker.md.
#pragma once

#include <chrono>
#include <string>

#include "operator/cli/logger.h"
#include "operator/core/verdict.h"

namespace walguard::cli {

/// Where Docker looks for a plugin named "walguard".
inline constexpr const char* kPluginSocket = "/run/docker/plugins/walguard.sock";

struct DockerPluginOptions {
  std::string socket;  ///< empty: kPluginSocket, or none where `listen` is given
  std::string listen;  ///< ADDR:PORT on loopback, over TLS; empty: none
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;    ///< who signed the engine's certificate
  std::string metrics_address;  ///< ADDR:PORT; empty: none
  std::string docker_host = "unix:///var/run/docker.sock";
  std::string policy;  ///< file of WalguardPolicy objects; empty: none
  std::string data_dir = "/var/lib/walguard";
  core::Mode mode = core::Mode::kEnforce;  ///< where the policy says none
  LogFormat log_format = LogFormat::kText;
  LogSeverity log_level = LogSeverity::kInfo;
  std::chrono::seconds drain_timeout{5};
};

/// Serves until SIGTERM or SIGINT, then drains. SIGHUP reads policy, evidence and certificate again. Answers
/// before the engine is up, as the engine wants it. Returns the exit code; what went wrong at the start has
/// been written to stderr. Call from the main thread, before any other thread exists.
[[nodiscard]] int docker_plugin(const DockerPluginOptions& options);

}  // namespace walguard::cli
