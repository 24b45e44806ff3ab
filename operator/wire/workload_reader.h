/// Reads an object's metadata, and pods and the workloads that make pods.
///
/// Internal to `wire`; throws as json_reader.h says.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"

namespace walguard::wire {

inline constexpr std::string_view kAnnotationPrefix = "walguard/";

using AnnotationList = std::vector<std::pair<std::string, std::string>>;

struct Metadata {
  std::string name;
  std::string namespace_name;
  std::string uid;
  AnnotationList annotations;    ///< those of walguard alone
  bool has_annotations = false;  ///< there is at least one annotation, whoever's
  bool mirror_pod = false;
  bool being_deleted = false;
  std::string owner_kind;  ///< of the controlling owner
};

[[nodiscard]] Metadata read_metadata(json::Value& value, const json::Path& at);

/// Takes over each annotation of `list` that `annotations` has not yet. Keys begin with kAnnotationPrefix, or
/// with kLabelPrefix (labels.h).
void fill_annotations(core::Annotations& annotations, const AnnotationList& list);

struct WorkloadObject {
  core::Workload workload;  ///< namespace and name as the object itself says
  Metadata metadata;        ///< its own, not the template's; name and namespace have moved to `workload`
  bool has_metadata = false;
  std::string phase;  ///< pods: status.phase
};

/// A pod, or an object with a pod template in the place where its kind has it. A missing spec or template is
/// an error: nothing could be judged.
[[nodiscard]] WorkloadObject read_workload(json::Value& value, const json::Path& at, core::WorkloadKind kind);

}  // namespace walguard::wire
