/// The exit codes that every command keeps to (design section 9).
#pragma once

namespace walguard::cli {

inline constexpr int kOk = 0;
inline constexpr int kUnsafeFound = 1;
inline constexpr int kBadInput = 2;
inline constexpr int kUnproven = 3;
inline constexpr int kInternalError = 4;

}  // namespace walguard::cli
