#ifndef WALGUARD_PREFLIGHT_AGENT_WORKER_H_
#define WALGUARD_PREFLIGHT_AGENT_WORKER_H_

#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// The whole life of a worker process: reads a request a line, does it, answers, until the other end closes.
///
///   request  {"id":7,"op":"lock","args":{...}}
///   reply    {"id":7,"ok":{...}}  or  {"id":7,"error":{"what":"...","error":"ENOLCK"}}
///   note     {"note":{...}}       on its own account, during an operation
///
/// Returns the exit code. Must be called in a process of its own: it changes signal dispositions and limits.
int run_worker(UniqueFd link);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_WORKER_H_
