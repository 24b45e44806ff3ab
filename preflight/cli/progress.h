#ifndef WALGUARD_PREFLIGHT_CLI_PROGRESS_H_
#define WALGUARD_PREFLIGHT_CLI_PROGRESS_H_

#include <memory>

#include "preflight/conductor/run.h"
#include "preflight/render/text.h"

namespace walguard::preflight {

/// Progress on stderr: a line that is rewritten while a check runs where stderr is a terminal, and notices
/// only where it is not.
[[nodiscard]] std::unique_ptr<Progress> make_progress();

/// How to write for people on this descriptor: with colours and wrapped to its width where it is a terminal,
/// without colours where NO_COLOR is set (no-color.org).
[[nodiscard]] TextStyle style_for(int fd);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_PROGRESS_H_
