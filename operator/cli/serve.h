/// `walguard serve`: the webhook server with everything behind it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/core/verdict.h"

namespace walguard::cli {

struct ServeOptions {
  std::string standalone;  ///< folder of cluster state; empty: the state is a cluster's
  std::string kubeconfig;  ///< in a cluster; empty: as kubectl finds it, in a pod its service account
  std::string context;     ///< of the kubeconfig; empty: its current one
  /// In a cluster: where walguard's own objects are. Empty: it only answers, and orders nothing.
  std::string namespace_name;
  std::string pod_name;  ///< this replica; empty: the machine's name
  std::string image;     ///< what preflight pods run
  std::string image_pull_policy;
  std::vector<std::string> image_pull_secrets;
  bool trust_node_names = false;  ///< nodes of different names are two, though their kernel is one
  int preflight_patience = 120;   ///< seconds for a claim to be bound, and again for the pods to start
  int exit_after_actions = 0;  ///< for tests: end as by SIGKILL after so many actions of preflights; 0: never
  std::string service_name = "walguard";
  std::string tls_secret = "walguard-tls";
  std::string webhook_name = "walguard";  ///< of both webhook configurations
  std::string lease_name = "walguard-leader";
  std::string listen = "0.0.0.0:8443";
  std::string http_listen = "0.0.0.0:8080";
  std::string tls_cert;
  std::string tls_key;
  std::string data_dir = "/var/lib/walguard";
  std::string preflight_binary;  ///< empty: beside this program, else from PATH
  std::vector<std::string> storage_paths;
  core::Mode mode = core::Mode::kWarn;
  LogFormat log_format = LogFormat::kText;
  LogSeverity log_level = LogSeverity::kInfo;
  std::chrono::seconds drain_timeout{25};  ///< under Kubernetes' 30 s between SIGTERM and SIGKILL
};

struct Endpoint {
  std::string host;
  int port = 0;
};

/// "ADDR:PORT", "[V6]:PORT" or ":PORT" (every address), or a sentence that says what is wrong.
[[nodiscard]] tl::expected<Endpoint, std::string> parse_endpoint(const std::string& flag,
                                                                 const std::string& text);

/// A server that was started, until it is destroyed. Used by one thread.
class RunningServer {
 public:
  RunningServer() = default;
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  virtual ~RunningServer() = default;

  /// Stops being ready, answers what is under way, ends. False when the timeout cut something off.
  virtual bool drain() = 0;
  virtual void reload_certificate() = 0;
};

/// Serves until SIGTERM or SIGINT, then drains. SIGHUP reads the certificate again. Returns the exit code;
/// what went wrong at the start has been written to stderr. Call from the main thread, before any other
/// thread exists: it blocks the signals that it waits for, and every thread made later inherits that.
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace walguard::cli
