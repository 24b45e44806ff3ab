/// The server's log on stderr, as text for people or JSON for machines, one line an event.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace spdlog {
class logger;
}

namespace walguard::cli {

enum class LogFormat : std::uint8_t { kText, kJson };
enum class LogSeverity : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// Thread-safe. Values are written as given: callers pass names and ids, never a secret.
class Logger {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  Logger(LogFormat format, LogSeverity least);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  /// Fields with an empty value are left out.
  void write(LogSeverity severity, std::string_view message, std::initializer_list<Field> fields = {});

 private:
  const LogFormat format_;
  std::shared_ptr<spdlog::logger> sink_;
};

}  // namespace walguard::cli
