#ifndef WALGUARD_PREFLIGHT_CLI_EXIT_CODE_H_
#define WALGUARD_PREFLIGHT_CLI_EXIT_CODE_H_

namespace walguard::preflight {

/// Fixed for every command (design section 9).
inline constexpr int kExitSafe = 0;
inline constexpr int kExitUnsafe = 1;
inline constexpr int kExitBadInput = 2;
inline constexpr int kExitUnproven = 3;
inline constexpr int kExitInternal = 4;

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_EXIT_CODE_H_
