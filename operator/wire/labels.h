/// Labels that belong to walguard, on containers, volumes and compose services: the counterpart of the
/// annotations of pods. `walguard.require-local` is the form that Docker recommends for labels, and
/// `walguard/require-local` that of Kubernetes; both are read. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "operator/wire/workload_reader.h"

namespace walguard::wire {

inline constexpr std::string_view kLabelPrefix = "walguard.";
static_assert(kLabelPrefix.size() == kAnnotationPrefix.size(), "fill_annotations takes either off a key");

[[nodiscard]] constexpr bool is_walguard_label(std::string_view key) {
  return key.starts_with(kLabelPrefix) || key.starts_with(kAnnotationPrefix);
}

/// The name behind the prefix that stands twice with two values, in one form or in both; nullopt: none.
/// `labels` are all walguard's, as `fill_annotations` takes them.
[[nodiscard]] std::optional<std::string> contradictory_label(const AnnotationList& labels);

}  // namespace walguard::wire
