#include "operator/controller/preflight_runner.h"

#include <cctype>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/process/child_process.h"

namespace walguard::controller {
namespace {

// Design section 9: 0 safe, 1 unsafe, 3 unproven or inconclusive; 2 is bad use or bad input, 4 an internal
// error.
bool comes_with_a_report(int exit_code) { return exit_code == 0 || exit_code == 1 || exit_code == 3; }

std::vector<std::string> arguments_for(const PreflightCommand& command, const StoragePath& path,
                                       core::Scope scope) {
  std::vector<std::string> arguments = {command.binary, "run", path.directory};
  if (!path.second_view.empty()) arguments.push_back(path.second_view);
  // All strategies: pods of one class journal differently, and one report then answers for each of them.
  arguments.insert(arguments.end(), {"--profile", command.profile, "--strategy", "all", "-o", "json"});
  // The question is about one node: on a network filesystem too, and what that is worth is decide()'s to say.
  if (scope <= core::Scope::kNode) arguments.insert(arguments.end(), {"--scope", "node"});
  return arguments;
}

/// The last lines of stderr as one short line: it goes into logs and onto the status page.
std::string last_words(std::string_view error_tail) {
  constexpr std::size_t kLongest = 300;
  std::string line;
  for (const char letter : error_tail) {
    const bool gap = std::isspace(static_cast<unsigned char>(letter)) != 0;
    if (gap && (line.empty() || line.back() == ' ')) continue;
    const bool printable = gap || std::iscntrl(static_cast<unsigned char>(letter)) == 0;
    line += gap ? ' ' : (printable ? letter : '?');
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() > kLongest) line = "..." + line.substr(line.size() - kLongest);
  return line.empty() ? "" : ": " + line;
}

std::string seconds_of(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

std::string reason_without_report(const process::ChildEnd& end, const process::ChildLimits& limits) {
  const std::string words = last_words(end.error_tail);
  switch (end.how) {
    case process::ChildEnd::How::kExited:
      if (!comes_with_a_report(end.code))
        return "the preflight ended with exit code " + std::to_string(end.code) + words;
      return "the preflight ended with exit code " + std::to_string(end.code) + " and no JSON report" + words;
    case process::ChildEnd::How::kKilled:
      return "the preflight was killed by signal " + std::to_string(end.code) + words;
    case process::ChildEnd::How::kTimedOut:
      return "the preflight did not end within " + seconds_of(limits.deadline) + words;
    case process::ChildEnd::How::kStopped:
      return "the preflight was stopped: walguard is shutting down";
    case process::ChildEnd::How::kTooMuchOutput:
      return "the preflight wrote more than " + std::to_string(limits.output) + " bytes";
    case process::ChildEnd::How::kNotStarted:
      return "the preflight could not be started" + words;
  }
  return "the preflight ended in a way that is not known";
}

}  // namespace

tl::expected<std::pair<std::string, StoragePath>, std::string> parse_storage_path(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return tl::unexpected(quoted + " is not CLASS=DIR or CLASS=DIR,DIR2: no class name");
  }
  const std::string_view paths = text.substr(equals + 1);
  const std::size_t comma = paths.find(',');
  StoragePath path{std::string(paths.substr(0, comma)), {}};
  if (comma != std::string_view::npos) path.second_view = paths.substr(comma + 1);
  if (path.directory.empty() || (comma != std::string_view::npos && path.second_view.empty())) {
    return tl::unexpected(quoted + " is not CLASS=DIR or CLASS=DIR,DIR2: a directory is empty");
  }
  if (path.second_view.find(',') != std::string::npos) {
    return tl::unexpected(quoted + " is not CLASS=DIR or CLASS=DIR,DIR2: there are at most two views");
  }
  // A directory is an argument of the preflight, which would take one that begins with a dash for an option.
  if (path.directory.front() != '/' || (!path.second_view.empty() && path.second_view.front() != '/')) {
    return tl::unexpected(quoted + ": a directory must be an absolute path");
  }
  return std::pair{std::string(text.substr(0, equals)), std::move(path)};
}

core::ProbeReach reach_of(const StoragePaths& paths) {
  core::ProbeReach reach;
  for (const auto& [name, path] : paths) {
    reach.classes[name] = {core::Scope::kNode, path.second_view.empty() ? 1 : 2};
  }
  return reach;
}

RunResult PreflightRunner::run(const core::ProbeRequest& request, const std::stop_token& stop) {
  const auto path = paths_.find(request.key.storage_class);
  if (path == paths_.end()) {
    return {std::nullopt, -1, "no --storage-path tells where class " + request.key.storage_class + " lives"};
  }
  if (!request.key.runtime_handler.empty()) {
    return {std::nullopt, -1,
            "a child process runs on this machine's kernel and says nothing of runtime " +
                request.key.runtime_handler};
  }
  process::ChildEnd end = children_.run(arguments_for(command_, path->second, request.scope), stop);
  const int exit_code = end.how == process::ChildEnd::How::kExited ? end.code : -1;
  // Half a report, as a full disk or a crash leaves it, is none.
  if (comes_with_a_report(exit_code) && nlohmann::json::accept(end.output)) {
    return {std::move(end.output), exit_code, {}};
  }
  return {std::nullopt, exit_code, reason_without_report(end, limits_)};
}

}  // namespace walguard::controller
