#include "operator/cli/serve_parts.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/server/admission_handler.h"
#include "operator/server/tls_identity.h"

namespace walguard::cli {
namespace {

LogSeverity severity_of(controller::LogLevel level) {
  switch (level) {
    case controller::LogLevel::kInfo:
      return LogSeverity::kInfo;
    case controller::LogLevel::kWarning:
      return LogSeverity::kWarning;
    case controller::LogLevel::kError:
      return LogSeverity::kError;
  }
  return LogSeverity::kError;
}

}  // namespace

core::UtcSeconds utc_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

controller::LogLine log_line(Logger& logger) {
  return [&logger](controller::LogLevel level, const std::string& line) {
    logger.write(severity_of(level), line);
  };
}

void log_answer(Logger& logger, const server::AnswerRecord& record) {
  logger.write(LogSeverity::kInfo, "answered",
               {{"endpoint", record.endpoint},
                {"uid", record.uid},
                {"kind", record.kind},
                {"namespace", record.namespace_name},
                {"name", record.name},
                {"decision", record.decision},
                {"mode", record.mode},
                {"rules", record.rules},
                {"detail", record.detail}});
}

Result<server::TlsFiles> tls_files(const ServeOptions& options) {
  if (options.tls_cert.empty() || options.tls_key.empty()) {
    return tl::unexpected(
        std::string(options.tls_cert.empty() ? "--tls-cert" : "--tls-key") +
        ": missing; the webhook speaks HTTPS only: give the PEM files of its certificate and key");
  }
  return server::TlsFiles{options.tls_cert, options.tls_key};
}

Result<void> make_data_dir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return tl::unexpected("--data-dir: \"" + path + "\": " + error.message() +
                        "; give a folder on a local disk that walguard may write to");
}

}  // namespace walguard::cli
