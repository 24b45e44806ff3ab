#ifndef WALGUARD_PREFLIGHT_CLI_PROGRESS_H_
#define WALGUARD_PREFLIGHT_CLI_PROGRESS_H_

#include <memory>

#include "preflight/conductor/run.h"

namespace walguard::preflight {

/// Progress on stderr: a line that is rewritten while a check runs where stderr is a terminal, and notices
/// only where it is not.
[[nodiscard]] std::unique_ptr<Progress> make_progress();

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_PROGRESS_H_
