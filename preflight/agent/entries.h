#ifndef WALGUARD_PREFLIGHT_AGENT_ENTRIES_H_
#define WALGUARD_PREFLIGHT_AGENT_ENTRIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "preflight/agent/sqlite.h"

/// The transactions of the workloads, on the tables that entry_schema.h describes. Each call is one
/// transaction and blocks as SQLite does; on an error nothing of it stays open.
namespace walguard::preflight {

/// One commit of a writer.
struct EntryOrder {
  std::int64_t writer = 0;
  std::int64_t seq = 0;  ///< the writer's own count
  std::int64_t filler_bytes = 0;
};

struct CommittedEntry {
  Row row;                   ///< {n, writer, seq, hash}
  double wait_seconds = 0;   ///< until the write lock was granted
  double write_seconds = 0;  ///< from then until COMMIT was acknowledged
};

/// Makes both tables, with `count` entries of writer 0 in them, and returns those.
[[nodiscard]] SqlResult<std::vector<Row>> make_tables(Database& database, std::int64_t count,
                                                      std::int64_t filler_bytes);

[[nodiscard]] SqlResult<CommittedEntry> commit_entry(Database& database, const EntryOrder& order);

/// Reads one snapshot and says what in it a reader may never see, or an empty text. `newest` is the highest
/// commit known to exist, and is raised to what was seen.
[[nodiscard]] SqlResult<std::string> find_violation(Database& database, std::int64_t& newest);

/// The same within a transaction that is already open.
[[nodiscard]] SqlResult<std::string> find_violation_in_snapshot(Database& database, std::int64_t& newest);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_ENTRIES_H_
