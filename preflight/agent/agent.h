#ifndef WALGUARD_PREFLIGHT_AGENT_AGENT_H_
#define WALGUARD_PREFLIGHT_AGENT_AGENT_H_

#include <chrono>
#include <optional>
#include <string>

#include "preflight/link/line_channel.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// The whole life of a conductor's child process that is an agent: starts, kills and watches worker processes
/// on one side and relays their lines (link/frame.h). It never touches the storage itself, so that it always
/// answers.
///
/// Ends when the conductor's end closes, and takes its workers with it; a worker is also set to die with it.
/// Returns the exit code. Must be called in a single-threaded process of its own.
int run_agent(UniqueFd link);

/// How an agent's work for a conductor on another host ended.
struct AgentEnd {
  std::optional<std::string> result;  ///< what the conductor said came of the run
  std::string why;                    ///< where there is none, as a sentence
};

/// The same for a conductor on another host, until `until` at the latest, or until `interrupt_fd` is readable
/// (-1 for never). Must be called in a single-threaded process that does not mind being forked.
[[nodiscard]] AgentEnd work_for(LineChannel conductor, std::chrono::steady_clock::time_point until,
                                int interrupt_fd);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_AGENT_H_
