/// The command line of `walguard`.
#pragma once

namespace walguard::cli {

/// Parses, runs one command, returns its exit code (exit_code.h). Results go to stdout, everything else to
/// stderr.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace walguard::cli
