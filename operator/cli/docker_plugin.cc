#include "operator/cli/docker_plugin.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <signal.h>  // NOLINT(modernize-deprecated-headers): SIGHUP is POSIX, not C++
#include <tl/expected.hpp>

#include "operator/cli/docker_guard.h"
#include "operator/cli/exit_code.h"
#include "operator/cli/logger.h"
#include "operator/cli/plugin_listeners.h"
#include "operator/cli/serve_parts.h"
#include "operator/cli/server_signals.h"
#include "operator/core/verdict.h"
#include "operator/server/authz_handler.h"
#include "operator/server/authz_metrics.h"
#include "operator/wire/docker_request.h"

namespace walguard::cli {
namespace {

void log_record(Logger& logger, const server::AuthzRecord& record) {
  logger.write(LogSeverity::kWarning, "answered",
               {{"kind", record.kind},
                {"name", record.object},
                {"user", record.user},
                {"decision", record.decision},
                {"verdict", record.verdict},
                {"rule", record.rule},
                {"detail", record.detail}});
}

/// Everything that runs, in the order in which it ends last.
class Plugin {
 public:
  Plugin(const DockerPluginOptions& options, Logger& logger, std::shared_ptr<DockerGuard> guard)
      : logger_(logger),
        guard_(std::move(guard)),
        handler_(
            {.metrics = &metrics_,
             // Owned by the function: a judgement that hangs outlives the handler.
             .judge = [guard = guard_](const wire::DockerRequest& request) { return guard->judge(request); },
             .log = [&logger](const server::AuthzRecord& record) { log_record(logger, record); },
             .made = [guard = guard_](const wire::CreateContainer& request,
                                      const std::string& id) { guard->made(request, id); }}),
        listeners_(options, logger,
                   {.handler = handler_,
                    .metrics = metrics_,
                    .sample = [this] { return guard_->sample(); },
                    .why_not_current = [this] { return guard_->why_not_current(); }}) {}

  Result<void> start(const DockerPluginOptions& options) {
    if (auto started = listeners_.start(); !started) return started;
    logger_.write(LogSeverity::kInfo, "serving",
                  {{"version", WALGUARD_VERSION},
                   {"mode", core::name(guard_->mode())},
                   {"docker_host", options.docker_host}});
    // Only now: the engine asks us about these very questions.
    guard_->start();
    return {};
  }

  void reload() {
    if (const auto reloaded = guard_->reload(); reloaded) {
      logger_.write(LogSeverity::kInfo, "reloaded", {{"mode", core::name(guard_->mode())}});
    } else {
      logger_.write(LogSeverity::kError, "not reloaded, what was in force stays",
                    {{"error", reloaded.error()}});
    }
    listeners_.reload_certificate();
  }

  void end() {
    logger_.write(LogSeverity::kInfo, "draining");
    guard_->stop();
    const bool clean = listeners_.drain();
    const bool idle = handler_.stop();
    logger_.write(LogSeverity::kInfo,
                  clean ? "stopped" : "stopped; some requests were cut off at the drain timeout");
    // A judgement that hangs still uses what the destructors would take away.
    if (!idle) std::_Exit(kOk);
  }

 private:
  Logger& logger_;
  server::AuthzMetrics metrics_;
  std::shared_ptr<DockerGuard> guard_;
  server::AuthzHandler handler_;
  PluginListeners listeners_;
};

int fail(const std::string& why) {
  std::cerr << "walguard docker-plugin: " << why << '\n';
  return kBadInput;
}

}  // namespace

int docker_plugin(const DockerPluginOptions& options) {
  const ServerSignals signals;
  Logger logger(options.log_format, options.log_level);
  auto guard = DockerGuard::open(options, logger);
  if (!guard) return fail(guard.error());
  Plugin plugin(options, logger, *std::move(guard));
  if (const auto started = plugin.start(options); !started) return fail(started.error());
  for (int signal = signals.wait(); signal == SIGHUP; signal = signals.wait()) plugin.reload();
  plugin.end();
  return kOk;
}

}  // namespace walguard::cli
