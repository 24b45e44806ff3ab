/// What every way to serve is built from.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"
#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/server/admission_handler.h"
#include "operator/server/tls_identity.h"

namespace walguard::cli {

template <typename T>
using Result = tl::expected<T, std::string>;

/// Seconds since the epoch.
[[nodiscard]] core::UtcSeconds utc_now();

/// For the controller's parts. `logger` outlives what is returned.
[[nodiscard]] controller::LogLine log_line(Logger& logger);

void log_answer(Logger& logger, const server::AnswerRecord& record);

/// --tls-cert and --tls-key, or which of them is missing.
[[nodiscard]] Result<server::TlsFiles> tls_files(const ServeOptions& options);

/// Makes the folder of --data-dir where it is not there.
[[nodiscard]] Result<void> make_data_dir(const std::string& path);

}  // namespace walguard::cli
