#ifndef WALGUARD_PREFLIGHT_LINK_ERRNO_NAME_H_
#define WALGUARD_PREFLIGHT_LINK_ERRNO_NAME_H_

#include <cstring>
#include <string>

namespace walguard::preflight {

/// "ENOSPC" for ENOSPC: the stable word by which results are judged and reported. "errno 999" for an unknown
/// one.
[[nodiscard]] inline std::string errno_name(int error) {
  const char* const name = ::strerrorname_np(error);
  return name != nullptr ? name : "errno " + std::to_string(error);
}

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_ERRNO_NAME_H_
