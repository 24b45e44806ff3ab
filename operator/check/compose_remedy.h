/// Ways out that fit a compose file. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "operator/core/decide.h"
#include "operator/wire/compose.h"

namespace walguard::check {

/// One mount of one service.
struct ComposeMountPlace {
  const std::string& service;
  const wire::ComposeMount& mount;
  const std::string& file;
  /// What `docker compose config` prints tells more: variables are filled in, and other files are in it.
  bool merged_tells_more = false;
};

/// The rules' own remedies speak of claims and StorageClasses; these are to be pasted into the compose file,
/// or into the shell beside it. nullopt: the rule's own fits here too.
[[nodiscard]] std::optional<std::string> compose_remedy(const core::Finding& finding,
                                                        const ComposeMountPlace& place);

}  // namespace walguard::check
