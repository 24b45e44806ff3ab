#ifndef WALGUARD_PREFLIGHT_CLI_CLI_H_
#define WALGUARD_PREFLIGHT_CLI_CLI_H_

namespace walguard::preflight {

/// The whole program: parses, runs, prints. Returns the exit code (design section 9): 0 safe, 1 unsafe, 2 bad
/// use or bad input, 3 unproven, 4 internal error.
int run_cli(int argc, const char* const* argv);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_CLI_H_
