#ifndef WALGUARD_PREFLIGHT_AGENT_AGENT_H_
#define WALGUARD_PREFLIGHT_AGENT_AGENT_H_

#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// The whole life of an agent: starts, kills and watches worker processes on one side and relays their lines
/// (link/frame.h). It never touches the storage itself, so that it always answers.
///
/// Ends when the conductor's end closes, and takes its workers with it; a worker is also set to die with it.
/// Returns the exit code. Must be called in a single-threaded process of its own.
int run_agent(UniqueFd link);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_AGENT_H_
