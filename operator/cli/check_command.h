/// `walguard check`: judges Kubernetes files before a cluster sees them.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "operator/check/report.h"
#include "operator/core/verdict.h"
#include "preflight/text/terminal.h"

namespace walguard::cli {

enum class CheckFormat : std::uint8_t { kText, kJson, kSarif, kJunit, kGithub };

struct CheckOptions {
  std::vector<std::string> paths;          ///< files, folders, "-"
  std::vector<std::string> cluster_state;  ///< files and folders with what is there already
  std::string policy;                      ///< file of WalguardPolicy objects; empty: none
  std::vector<std::string> evidence;  ///< files of VolumePreflight and ClaimPreflight objects, or reports
  std::string docker_info;            ///< file with what `docker info` prints; empty: not known
  core::Mode mode = core::Mode::kEnforce;
  CheckFormat format = CheckFormat::kText;
  check::FailOn fail_on = check::FailOn::kUnsafe;  ///< the least for an exit code other than 0
  core::UtcSeconds now = 0;                        ///< evidence is aged by it
};

/// Writes the report to `out` and what is wrong with the input to `err`; returns the exit code: 2 where any
/// input could not be read (the rest is judged all the same), else by what was found. Blocks on files and
/// standard input.
[[nodiscard]] int check(const CheckOptions& options, const text::TextStyle& style, std::ostream& out,
                        std::ostream& err);

}  // namespace walguard::cli
