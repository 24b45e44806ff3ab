/// `walguard selftest`: asks a running webhook two questions whose answers are known, as the API server asks
/// them. `helm test` runs it in a pod of its own.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

namespace walguard::cli {

struct SelftestOptions {
  std::string url;                   ///< of /validate: "https://walguard.walguard-system.svc/validate"
  std::string ca_file;               ///< PEM: whom to trust; empty: the system's authorities
  std::chrono::seconds timeout{60};  ///< so long a webhook that cannot be reached is waited for
};

/// Blocks. One line on `out` for each answer that was right; on `err` the one that was not, or why there was
/// none. Returns the exit code: an answer that is wrong or missing is an internal error.
[[nodiscard]] int selftest(const SelftestOptions& options, std::ostream& out, std::ostream& err);

}  // namespace walguard::cli
