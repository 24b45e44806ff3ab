#include "operator/wire/workload_reader.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/pod_spec.h"
#include "operator/wire/volume_source.h"

namespace walguard::wire {
namespace {

using core::WorkloadKind;
using json::Keys;
using json::Path;
using json::Value;

void read_annotations(Value& value, const Path& at, Metadata& metadata) {
  json::each_entry(value, at, [&](std::string_view key, Value& entry, const Path& here) {
    metadata.has_annotations = true;
    if (key == "kubernetes.io/config.mirror") {  // set by the kubelet on the mirror of a static pod
      metadata.mirror_pod = true;
      return;
    }
    if (!key.starts_with(kAnnotationPrefix)) {
      return;
    }
    if (std::any_of(metadata.annotations.begin(), metadata.annotations.end(),
                    [key](const auto& known) { return known.first == key; })) {
      json::throw_given_twice(here);
    }
    std::string owned(key);  // before the value is read: an escaped key lives in the same buffer
    metadata.annotations.emplace_back(std::move(owned), json::text_of(entry, here));
  });
}

void read_owner(Value& value, const Path& at, Metadata& metadata) {
  static constexpr Keys kKeys{"kind", "controller"};
  std::string_view kind;
  bool controls = false;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["kind"]) {
      kind = json::text_of(field, here);
    } else {
      controls = json::bool_of(field, here);
    }
  });
  if (controls) {
    metadata.owner_kind = kind;
  }
}

/// The parts of a workload that are spread over its levels; put together when all are read.
struct Parts {
  Metadata job_template;
  Metadata pod_template;
  std::vector<core::Volume> claim_templates;
};

void read_pod_template(Value& value, const Path& at, core::Workload& workload, Parts& parts) {
  static constexpr Keys kKeys{"metadata", "spec"};
  bool has_spec = false;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      parts.pod_template = read_metadata(field, here);
    } else {
      workload.pod = read_pod_spec(field, here);
      has_spec = true;
    }
  });
  if (!has_spec) {
    json::throw_missing(at.child("spec"), "a pod template");
  }
}

/// A StatefulSet's claim template: each replica gets a claim of its own.
core::Volume read_claim_template(Value& value, const Path& at) {
  static constexpr Keys kKeys{"metadata", "spec"};
  core::Volume volume;
  volume.kind = core::VolumeKind::kClaim;
  volume.from_template = true;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      volume.name = read_metadata(field, here).name;
    } else {
      volume.claim_spec = read_claim_spec(field, here);
    }
  });
  if (volume.name.empty()) {
    json::throw_missing(at.child("metadata").child("name"), "a claim template");
  }
  return volume;
}

bool is_recreate(Value& value, const Path& at) {
  static constexpr Keys kKeys{"type"};
  bool recreate = false;
  json::each_field<kKeys>(value, at, [&](std::size_t, Value& field, const Path& here) {
    recreate = json::text_of(field, here) == "Recreate";
  });
  return recreate;
}

void read_workload_spec(Value& value, const Path& at, core::Workload& workload, Parts& parts);

/// CronJob.spec.jobTemplate
void read_job_template(Value& value, const Path& at, core::Workload& workload, Parts& parts) {
  static constexpr Keys kKeys{"metadata", "spec"};
  bool has_spec = false;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      parts.job_template = read_metadata(field, here);
    } else {
      workload.kind = WorkloadKind::kJob;  // so that jobTemplate.spec is read as a Job's, and never recurses
      read_workload_spec(field, here, workload, parts);
      workload.kind = WorkloadKind::kCronJob;
      has_spec = true;
    }
  });
  if (!has_spec) {
    json::throw_missing(at.child("spec"), "a job template");
  }
}

void read_workload_spec(Value& value, const Path& at, core::Workload& workload, Parts& parts) {
  static constexpr Keys kKeys{"replicas", "strategy", "template", "jobTemplate", "volumeClaimTemplates"};
  const bool is_cron_job = workload.kind == WorkloadKind::kCronJob;
  bool has_template = false;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["replicas"]:
        workload.replicas = json::integer_of(field, here);
        break;
      case kKeys["strategy"]:
        workload.recreate_strategy = is_recreate(field, here);
        break;
      case kKeys["template"]:
        if (!is_cron_job) {
          read_pod_template(field, here, workload, parts);
          has_template = true;
        }
        break;
      case kKeys["jobTemplate"]:
        if (is_cron_job) {
          read_job_template(field, here, workload, parts);
          has_template = true;
        }
        break;
      case kKeys["volumeClaimTemplates"]:
        if (workload.kind == WorkloadKind::kStatefulSet) {
          json::each_item(field, here, [&](Value& item, const Path& item_at) {
            parts.claim_templates.push_back(read_claim_template(item, item_at));
          });
        }
        break;
      default:
        break;
    }
  });
  if (!has_template) {
    json::throw_missing(at.child(is_cron_job ? "jobTemplate" : "template"), "a workload");
  }
}

/// As the StatefulSet controller does it: a claim template takes the place of a volume of the same name.
void add_claim_templates(std::vector<core::Volume>& volumes, std::vector<core::Volume> templates) {
  for (core::Volume& claim : templates) {
    const auto same = std::find_if(volumes.begin(), volumes.end(),
                                   [&](const core::Volume& volume) { return volume.name == claim.name; });
    if (same == volumes.end()) {
      volumes.push_back(std::move(claim));
    } else {
      *same = std::move(claim);
    }
  }
}

std::string read_phase(Value& value, const Path& at) {
  static constexpr Keys kKeys{"phase"};
  std::string phase;
  json::each_field<kKeys>(
      value, at, [&](std::size_t, Value& field, const Path& here) { phase = json::text_of(field, here); });
  return phase;
}

}  // namespace

void fill_annotations(core::Annotations& annotations, const AnnotationList& list) {
  for (const auto& [key, value] : list) {
    const std::string_view name = std::string_view(key).substr(kAnnotationPrefix.size());
    const auto fill = [&text = value](std::optional<std::string>& slot) {
      if (!slot) {
        slot = text;
      }
    };
    if (name == "require-local" && !annotations.require_local) {
      annotations.require_local = value != "false";
    } else if (name == "databases") {
      fill(annotations.databases);
    } else if (name == "journal-mode") {
      fill(annotations.journal_mode);
    } else if (name == "mode") {
      fill(annotations.mode);
    } else if (name == "accept-risk") {
      fill(annotations.accept_risk);
    } else if (name == "sqlite-version") {
      fill(annotations.sqlite_version);
    }
  }
}

Metadata read_metadata(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name",        "namespace",       "uid",
                              "annotations", "ownerReferences", "deletionTimestamp"};
  Metadata metadata;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["name"]:
        metadata.name = json::text_of(field, here);
        break;
      case kKeys["namespace"]:
        metadata.namespace_name = json::text_of(field, here);
        break;
      case kKeys["uid"]:
        metadata.uid = json::text_of(field, here);
        break;
      case kKeys["annotations"]:
        read_annotations(field, here, metadata);
        break;
      case kKeys["ownerReferences"]:
        json::each_item(field, here,
                        [&](Value& item, const Path& item_at) { read_owner(item, item_at, metadata); });
        break;
      case kKeys["deletionTimestamp"]:
        metadata.being_deleted = true;  // each_field has left null out
        break;
      default:
        break;
    }
  });
  return metadata;
}

WorkloadObject read_workload(Value& value, const Path& at, WorkloadKind kind) {
  static constexpr Keys kKeys{"metadata", "spec", "status"};
  WorkloadObject object;
  core::Workload& workload = object.workload;
  workload.kind = kind;
  Parts parts;
  bool has_spec = false;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["metadata"]:
        object.metadata = read_metadata(field, here);
        object.has_metadata = true;
        break;
      case kKeys["spec"]:
        if (kind == WorkloadKind::kPod) {
          workload.pod = read_pod_spec(field, here);
        } else {
          read_workload_spec(field, here, workload, parts);
        }
        has_spec = true;
        break;
      case kKeys["status"]:
        if (kind == WorkloadKind::kPod) {
          object.phase = read_phase(field, here);
        }
        break;
      default:
        break;
    }
  });
  if (!has_spec) {
    json::throw_missing(at.child("spec"), kind == WorkloadKind::kPod ? "a pod" : "a workload");
  }
  add_claim_templates(workload.pod.volumes, std::move(parts.claim_templates));
  // The template's annotations count; those of the levels above only where it has none.
  fill_annotations(workload.annotations, parts.pod_template.annotations);
  fill_annotations(workload.annotations, parts.job_template.annotations);
  fill_annotations(workload.annotations, object.metadata.annotations);
  workload.name = std::move(object.metadata.name);
  workload.namespace_name = std::move(object.metadata.namespace_name);
  workload.owner_kind = object.metadata.owner_kind;
  workload.mirror_pod = object.metadata.mirror_pod;
  workload.being_deleted = object.metadata.being_deleted;
  return object;
}

}  // namespace walguard::wire
