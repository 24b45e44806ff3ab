/// How a compose file starts a service. Pure, thread-safe. Errors are thrown as json::ReadError.
#pragma once

#include <string>
#include <vector>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

/// `environment` in either of its forms. What is no text, number or boolean is as if it came from outside.
void read_compose_environment(json::Value& value, const json::Path& at, core::Launch& launch);

/// `env_file`: a file is named that is not read, and that may set any variable.
void note_env_file(core::Launch& launch);

/// `command` and `entrypoint`: a list, or one text that is split as a shell does.
[[nodiscard]] std::vector<std::string> read_compose_command(json::Value& value, const json::Path& at);

}  // namespace walguard::wire
