#include "operator/cli/serve.h"

#include <charconv>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

#include <signal.h>  // NOLINT(modernize-deprecated-headers): SIGHUP is POSIX, not C++
#include <tl/expected.hpp>

#include "operator/cli/cluster_operator.h"
#include "operator/cli/exit_code.h"
#include "operator/cli/logger.h"
#include "operator/cli/server_signals.h"
#include "operator/cli/standalone_webhook.h"

namespace walguard::cli {

tl::expected<Endpoint, std::string> parse_endpoint(const std::string& flag, const std::string& text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&] {
    return tl::unexpected(flag + ": \"" + text + "\": give ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443");
  };
  if (colon == std::string::npos) return wrong();
  Endpoint endpoint{.host = text.substr(0, colon), .port = 0};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
  if (error != std::errc{} || rest != end || endpoint.port < 0 || endpoint.port > 65535) return wrong();
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  } else if (endpoint.host.find(':') != std::string::npos) {
    return wrong();  // an IPv6 address without brackets: which colon is the port's?
  }
  return endpoint;
}

int serve(const ServeOptions& options) {
  const ServerSignals signals;
  Logger logger(options.log_format, options.log_level);
  const bool in_cluster = options.standalone.empty();
  auto server =
      in_cluster ? ClusterOperator::start(options, logger) : StandaloneWebhook::start(options, logger);
  if (!server) {
    std::cerr << "walguard serve: " << server.error() << '\n';
    return kBadInput;
  }
  for (int signal = signals.wait(); signal == SIGHUP; signal = signals.wait())
    (*server)->reload_certificate();
  logger.write(LogSeverity::kInfo, "draining");
  const bool clean = (*server)->drain();
  logger.write(LogSeverity::kInfo,
               clean ? "stopped" : "stopped; some requests were cut off at the drain timeout");
  return kOk;
}

}  // namespace walguard::cli
