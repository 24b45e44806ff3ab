/// One object of the cluster from its JSON, as list and watch bring it: straight into what the state holds.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "operator/core/cluster_objects.h"
#include "operator/wire/admission_review.h"

namespace walguard::wire {

/// Reusable and not thread-safe: one for each thread. It keeps its buffers between objects.
class ObjectDecoder {
 public:
  ObjectDecoder();
  ~ObjectDecoder();
  ObjectDecoder(ObjectDecoder&&) noexcept;
  ObjectDecoder& operator=(ObjectDecoder&&) noexcept;

  /// nullopt: it does not belong into the state (a pod that has ended). The error names the field, what it
  /// holds and the way out. Copies what it keeps; never throws for what the JSON says. What kind the object
  /// says it is does not matter: the items of a list do not say it.
  [[nodiscard]] tl::expected<std::optional<core::ClusterObject>, std::string> decode(core::ClusterKind kind,
                                                                                     PaddedView json);

 private:
  struct Parser;  // keeps simdjson out of this header
  std::unique_ptr<Parser> parser_;
};

}  // namespace walguard::wire
