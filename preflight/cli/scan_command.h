#ifndef WALGUARD_PREFLIGHT_CLI_SCAN_COMMAND_H_
#define WALGUARD_PREFLIGHT_CLI_SCAN_COMMAND_H_

#include <string>

#include <CLI/App.hpp>
#include <tl/expected.hpp>

/// `walguard-preflight scan`: which SQLite databases a directory holds.
namespace walguard::preflight {

struct ScanArguments {
  std::string dir;
  std::string output = "text";
};

void add_scan_options(CLI::App& scan, ScanArguments& arguments);

/// Writes to stdout as the scan goes on. The error is bad input, one sentence with a remedy. Throws
/// std::runtime_error where stdout cannot be written.
[[nodiscard]] tl::expected<void, std::string> run_scan(const ScanArguments& arguments);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_SCAN_COMMAND_H_
