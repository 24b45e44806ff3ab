#include "operator/cli/logger.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace walguard::cli {
namespace {

spdlog::level::level_enum level_of(LogSeverity severity) {
  switch (severity) {
    case LogSeverity::kDebug:
      return spdlog::level::debug;
    case LogSeverity::kInfo:
      return spdlog::level::info;
    case LogSeverity::kWarning:
      return spdlog::level::warn;
    case LogSeverity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool plain(std::string_view value) { return value.find_first_of(" \t\r\n\"=\\") == std::string_view::npos; }

std::string quoted(std::string_view value) {
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string as_text(std::string_view message, std::initializer_list<Logger::Field> fields) {
  std::string line(message);
  for (const auto& [key, value] : fields) {
    if (value.empty()) continue;
    line.append(" ").append(key).append("=").append(plain(value) ? std::string(value) : quoted(value));
  }
  return line;
}

/// The rest of an object that the pattern opens with time and level.
std::string as_json(std::string_view message, std::initializer_list<Logger::Field> fields) {
  std::string line = R"("msg":)" + quoted(message);
  for (const auto& [key, value] : fields) {
    if (!value.empty()) line.append(",").append(quoted(key)).append(":").append(quoted(value));
  }
  return line;
}

}  // namespace

Logger::Logger(LogFormat format, LogSeverity least)
    : format_(format),
      sink_(std::make_shared<spdlog::logger>("walguard", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  sink_->set_pattern(format == LogFormat::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                                : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                     spdlog::pattern_time_type::utc);
  sink_->set_level(level_of(least));
}

Logger::~Logger() = default;

void Logger::write(LogSeverity severity, std::string_view message, std::initializer_list<Field> fields) {
  const auto level = level_of(severity);
  if (!sink_->should_log(level)) return;
  const std::string line = format_ == LogFormat::kJson ? as_json(message, fields) : as_text(message, fields);
  sink_->log(level, spdlog::string_view_t(line));
}

}  // namespace walguard::cli
