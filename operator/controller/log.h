/// Where the controller's parts say what happened. Injected, so that no part of them knows the logger.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace walguard::controller {

enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };

/// One line without its newline. May be called from any thread, never with a lock of the caller held that the
/// log could need; must not throw. An empty function is a silent log.
using LogLine = std::function<void(LogLevel, const std::string&)>;

}  // namespace walguard::controller
