/// Measures the storage of a class by running `walguard-preflight` as a child process on a mapped path.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "operator/core/probe_plan.h"
#include "operator/process/child_process.h"

namespace walguard::controller {

/// Where the storage of a class is seen on this machine.
struct StoragePath {
  std::string directory;
  std::string
      second_view;  ///< another mount of the same directory, standing for a second node; empty when none

  friend bool operator==(const StoragePath&, const StoragePath&) = default;
};

/// Class name -> where it lives.
using StoragePaths = std::map<std::string, StoragePath, std::less<>>;

/// "CLASS=DIR" or "CLASS=DIR,DIR2" (--storage-path), or a sentence that says what is wrong with it.
[[nodiscard]] tl::expected<std::pair<std::string, StoragePath>, std::string> parse_storage_path(
    std::string_view text);

/// What preflights on these paths are able to settle.
[[nodiscard]] core::ProbeReach reach_of(const StoragePaths& paths);

/// How one preflight ended.
struct RunResult {
  std::optional<std::string> report;  ///< JSON, as `walguard-preflight` wrote it; nullopt: there is none
  int exit_code = -1;                 ///< of the preflight: 0, 1 or 3 with a report, -1 when it did not exit
  std::string reason;                 ///< why there is no report; empty where there is one
  /// There is nothing to measure, or not yet. A preflight that finds that several times in a row is forgotten
  /// until it is wanted again.
  bool nothing_there = false;
};

struct PreflightCommand {
  std::string binary = "walguard-preflight";  ///< looked up in PATH when it has no slash
  std::string profile = "quick";
};

/// Thread-safe: runs may go on at the same time.
class PreflightRunner {
 public:
  PreflightRunner(PreflightCommand command, StoragePaths paths, process::ChildLimits limits)
      : command_(std::move(command)), paths_(std::move(paths)), limits_(limits), children_(limits) {}

  /// Blocks until the preflight has ended, or has been ended because of its deadline or the stop token. Never
  /// throws; whatever goes wrong is the reason for having no report.
  [[nodiscard]] RunResult run(const core::ProbeRequest& request, const std::stop_token& stop);

 private:
  const PreflightCommand command_;
  const StoragePaths paths_;
  const process::ChildLimits limits_;
  process::ChildRunner children_;
};

}  // namespace walguard::controller
