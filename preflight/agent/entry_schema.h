#ifndef WALGUARD_PREFLIGHT_AGENT_ENTRY_SCHEMA_H_
#define WALGUARD_PREFLIGHT_AGENT_ENTRY_SCHEMA_H_

#include <cstdint>
#include <vector>

#include "preflight/agent/pattern.h"

/// What the rows of a workload's database must look like: shared by the processes that write them and the
/// conductor that judges. Pure.
///
///   entries(n, writer, seq, hash, filler)   n counts all commits; hash chains each row to the one before it,
///                                           so that a lost, doubled or reordered commit shows; filler is
///                                           made from hash, so that a page of another age or half a page
///                                           shows
///   accounts(id, balance)                   each commit moves 1 from one to another; the sum never changes
namespace walguard::preflight {

inline constexpr std::int64_t kAccounts = 8;
inline constexpr std::int64_t kOpeningBalance = 1000;

/// The hash of the entry that `writer` makes as its `seq`th, on top of the one whose hash is `previous` (0
/// before the first).
[[nodiscard]] constexpr std::uint64_t chain_hash(std::uint64_t previous, std::int64_t writer,
                                                 std::int64_t seq) {
  return mix(previous, mix(static_cast<std::uint64_t>(writer), static_cast<std::uint64_t>(seq)));
}

/// Rows are {n, writer, seq, hash}.
[[nodiscard]] inline bool follows(const std::vector<std::int64_t>& row,
                                  const std::vector<std::int64_t>& next) {
  return next[0] == row[0] + 1 && static_cast<std::uint64_t>(next[3]) ==
                                      chain_hash(static_cast<std::uint64_t>(row[3]), next[1], next[2]);
}

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_ENTRY_SCHEMA_H_
