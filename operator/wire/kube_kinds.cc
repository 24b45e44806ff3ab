#include "operator/wire/kube_kinds.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/cluster_objects.h"
#include "operator/core/placement.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/pod_spec.h"
#include "operator/wire/text_forms.h"
#include "operator/wire/volume_source.h"
#include "operator/wire/workload_reader.h"

namespace walguard::wire {
namespace {

using json::Keys;
using json::Path;
using json::Value;
using Object = std::optional<core::ClusterObject>;

struct ObjectMeta {
  std::string name;
  std::string namespace_name = "default";  // what kubectl means by none
  core::StringMap labels;
  bool default_class = false;
  std::string provisioned_by;  // of a PersistentVolume
};

void read_meta_annotations(Value& value, const Path& at, ObjectMeta& meta) {
  static constexpr Keys kKeys{"storageclass.kubernetes.io/is-default-class",
                              "storageclass.beta.kubernetes.io/is-default-class",
                              "pv.kubernetes.io/provisioned-by"};
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["pv.kubernetes.io/provisioned-by"]) {
      meta.provisioned_by = json::text_of(field, here);
    } else {
      meta.default_class = meta.default_class || json::text_of(field, here) == "true";
    }
  });
}

ObjectMeta read_meta(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name", "namespace", "labels", "annotations"};
  ObjectMeta meta;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["name"]:
        meta.name = json::text_of(field, here);
        break;
      case kKeys["namespace"]:
        meta.namespace_name = json::text_of(field, here);
        break;
      case kKeys["labels"]:
        meta.labels = read_string_map(field, here);
        break;
      case kKeys["annotations"]:
        read_meta_annotations(field, here, meta);
        break;
      default:
        break;
    }
  });
  return meta;
}

void need_name(const ObjectMeta& meta, const Path& at) {
  if (meta.name.empty()) {
    json::throw_missing(at.child("metadata").child("name"), "every object");
  }
}

std::string text_or_empty(const core::StringMap& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

std::vector<std::string> read_texts(Value& value, const Path& at) {
  std::vector<std::string> texts;
  json::each_item(value, at,
                  [&](Value& item, const Path& here) { texts.emplace_back(json::text_of(item, here)); });
  return texts;
}

Object read_storage_class(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata",     "provisioner",       "parameters",
                              "mountOptions", "volumeBindingMode", "reclaimPolicy"};
  core::StorageClass out;
  ObjectMeta meta;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["metadata"]:
        meta = read_meta(field, here);
        break;
      case kKeys["provisioner"]:
        out.provisioner = json::text_of(field, here);
        break;
      case kKeys["parameters"]:
        out.parameters = read_string_map(field, here);
        out.parameters_digest = digest_of(out.parameters);
        if (out.parameters_digest.empty() && !out.parameters.empty()) {
          throw json::ReadError(here, "cannot be told from others: OpenSSL refuses SHA-256");
        }
        break;
      case kKeys["mountOptions"]:
        out.mount_options = without_secrets(read_texts(field, here));
        break;
      case kKeys["volumeBindingMode"]:
        out.wait_for_first_consumer = json::text_of(field, here) == "WaitForFirstConsumer";
        break;
      case kKeys["reclaimPolicy"]:
        out.retain = json::text_of(field, here) == "Retain";
        break;
      default:
        break;
    }
  });
  need_name(meta, at);
  if (out.provisioner.empty()) {
    json::throw_missing(at.child("provisioner"), "a StorageClass");
  }
  out.name = std::move(meta.name);
  out.is_default = meta.default_class;
  return out;
}

std::optional<std::string> read_required_hostname(Value& value, const Path& at) {
  static constexpr Keys kKeys{"required"};
  std::optional<std::string> hostname;
  json::each_field<kKeys>(value, at, [&](std::size_t, Value& selector, const Path& here) {
    hostname = core::single_hostname(read_node_selector(selector, here));
  });
  return hostname;
}

void take_source(PersistentSource source, core::PersistentVolume& out) {
  out.kind = source.volume.kind;
  out.driver = std::move(source.volume.driver);
  out.volume_handle = std::move(source.volume_handle);
  out.attributes = std::move(source.volume.attributes);
  out.fs_type = std::move(source.volume.fs_type);
  out.path = std::move(source.volume.host_path);
}

void read_volume_spec(Value& spec, const Path& at, core::PersistentVolume& out) {
  static constexpr Keys kKeys{"storageClassName", "accessModes", "mountOptions", "volumeMode",
                              "nodeAffinity"};
  bool has_source = false;
  json::each_entry(spec, at, [&](std::string_view name, Value& field, const Path& here) {
    if (field.is_null()) {
      return;
    }
    const std::size_t key = kKeys.find(name);
    if (key == kKeys.kUnknown) {
      std::optional<PersistentSource> source = read_persistent_source(name, field, here);
      if (!source) {
        return;  // capacity, claimRef, ...
      }
      if (std::exchange(has_source, true)) {
        throw json::ReadError(here, "a second source of one volume; keep one");
      }
      take_source(*std::move(source), out);
      return;
    }
    switch (key) {
      case kKeys["storageClassName"]:
        out.storage_class = json::text_of(field, here);
        break;
      case kKeys["accessModes"]:
        out.access_modes = read_access_modes(field, here);
        break;
      case kKeys["mountOptions"]:
        out.mount_options = without_secrets(read_texts(field, here));
        break;
      case kKeys["volumeMode"]:
        out.volume_mode = read_volume_mode(field, here);
        break;
      case kKeys["nodeAffinity"]:
        out.pinned_hostname = read_required_hostname(field, here);
        break;
      default:
        break;
    }
  });
}

Object read_persistent_volume(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata", "spec"};
  core::PersistentVolume out;
  ObjectMeta meta;
  bool has_spec = false;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      meta = read_meta(field, here);
    } else {
      read_volume_spec(field, here, out);
      has_spec = true;
    }
  });
  need_name(meta, at);
  if (!has_spec) {
    json::throw_missing(at.child("spec"), "a PersistentVolume");
  }
  out.name = std::move(meta.name);
  out.provisioned_by = std::move(meta.provisioned_by);
  return out;
}

Object read_claim(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata", "spec"};
  core::PersistentVolumeClaim out;
  ObjectMeta meta;
  bool has_spec = false;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      meta = read_meta(field, here);
    } else {
      out.spec = read_claim_spec(field, here);
      has_spec = true;
    }
  });
  need_name(meta, at);
  if (!has_spec) {
    json::throw_missing(at.child("spec"), "a PersistentVolumeClaim");
  }
  out.namespace_name = std::move(meta.namespace_name);
  out.name = std::move(meta.name);
  return out;
}

void read_node_status(Value& value, const Path& at, core::Node& out) {
  static constexpr Keys kStatus{"nodeInfo"};
  static constexpr Keys kInfo{"kernelVersion", "operatingSystem"};
  json::each_field<kStatus>(value, at, [&](std::size_t, Value& info, const Path& here) {
    json::each_field<kInfo>(info, here, [&](std::size_t key, Value& field, const Path& field_at) {
      (key == kInfo["kernelVersion"] ? out.kernel_release : out.os) = json::text_of(field, field_at);
    });
  });
}

Object read_node(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata", "status"};
  core::Node out;
  ObjectMeta meta;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      meta = read_meta(field, here);
    } else {
      read_node_status(field, here, out);
    }
  });
  need_name(meta, at);
  out.hostname = text_or_empty(meta.labels, "kubernetes.io/hostname");
  out.name = std::move(meta.name);
  return out;
}

Object read_runtime_class(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata", "handler"};
  core::RuntimeClass out;
  ObjectMeta meta;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      meta = read_meta(field, here);
    } else {
      out.handler = json::text_of(field, here);
    }
  });
  need_name(meta, at);
  if (out.handler.empty()) {
    json::throw_missing(at.child("handler"), "a RuntimeClass");
  }
  out.name = std::move(meta.name);
  return out;
}

Object read_csi_driver(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata", "spec"};
  static constexpr Keys kSpec{"attachRequired"};
  core::CsiDriver out;
  ObjectMeta meta;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      meta = read_meta(field, here);
      return;
    }
    json::each_field<kSpec>(field, here, [&](std::size_t, Value& flag, const Path& flag_at) {
      out.attach_required = json::bool_of(flag, flag_at);
    });
  });
  need_name(meta, at);
  out.name = std::move(meta.name);
  return out;
}

Object read_namespace(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata"};
  core::Namespace out;
  ObjectMeta meta;
  json::each_field<kKeys>(
      object, at, [&](std::size_t, Value& field, const Path& here) { meta = read_meta(field, here); });
  need_name(meta, at);
  if (const auto label = meta.labels.find("walguard/mode"); label != meta.labels.end()) {
    out.mode = core::parse<core::Mode>(label->second);
    if (!out.mode) {
      throw json::ReadError(at.child("metadata").child("labels").child("walguard/mode"),
                            "unknown mode \"" + label->second + "\"; use off, audit, warn, gate or enforce");
    }
  }
  const auto ignore = meta.labels.find("walguard/ignore");
  out.ignored = ignore != meta.labels.end() && ignore->second != "false";
  out.name = std::move(meta.name);
  out.labels = std::move(meta.labels);
  return out;
}

/// As every object of a namespace does it: none said means "default", as for kubectl.
void need_names(core::Workload& workload, const Path& at) {
  if (workload.name.empty()) {
    json::throw_missing(at.child("metadata").child("name"), "every object");
  }
  if (workload.namespace_name.empty()) {
    workload.namespace_name = "default";
  }
}

Object read_pod(Value& object, const Path& at) {
  WorkloadObject pod = read_workload(object, at, core::WorkloadKind::kPod);
  core::Workload& workload = pod.workload;
  need_names(workload, at);
  if (pod.phase == "Succeeded" || pod.phase == "Failed") {
    return std::nullopt;  // its containers will never write again
  }
  return core::RunningPod{.namespace_name = std::move(workload.namespace_name),
                          .name = std::move(workload.name),
                          .uid = std::move(pod.metadata.uid),
                          .annotations = std::move(workload.annotations),
                          .owner_kind = std::move(workload.owner_kind),
                          .being_deleted = workload.being_deleted,
                          .spec = std::move(workload.pod)};
}

template <core::WorkloadKind kKind>
Object read_template(Value& object, const Path& at) {
  core::Workload workload = read_workload(object, at, kKind).workload;
  need_names(workload, at);
  return workload;
}

struct ScaleTarget {
  std::string api_version;
  std::string kind;
  std::string name;
};

ScaleTarget read_scale_target(Value& value, const Path& at) {
  static constexpr Keys kKeys{"apiVersion", "kind", "name"};
  ScaleTarget target;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    std::string& slot = key == kKeys["apiVersion"] ? target.api_version
                        : key == kKeys["kind"]     ? target.kind
                                                   : target.name;
    slot = json::text_of(field, here);
  });
  return target;
}

/// The workload kinds that have replicas.
std::optional<core::WorkloadKind> scaled_kind(const ScaleTarget& target) {
  if (!target.api_version.starts_with("apps/")) return std::nullopt;
  if (target.kind == "Deployment") return core::WorkloadKind::kDeployment;
  if (target.kind == "StatefulSet") return core::WorkloadKind::kStatefulSet;
  if (target.kind == "ReplicaSet") return core::WorkloadKind::kReplicaSet;
  return std::nullopt;
}

Object read_autoscaler(Value& object, const Path& at) {
  static constexpr Keys kKeys{"metadata", "spec"};
  static constexpr Keys kSpec{"scaleTargetRef", "maxReplicas"};
  core::Autoscaler out;
  ObjectMeta meta;
  json::each_field<kKeys>(object, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["metadata"]) {
      meta = read_meta(field, here);
      return;
    }
    json::each_field<kSpec>(field, here, [&](std::size_t spec_key, Value& part, const Path& part_at) {
      if (spec_key == kSpec["maxReplicas"]) {
        out.most_replicas = json::integer_of(part, part_at);
        return;
      }
      ScaleTarget target = read_scale_target(part, part_at);
      out.target_kind = scaled_kind(target);
      out.target_name = std::move(target.name);
    });
  });
  need_name(meta, at);
  out.namespace_name = std::move(meta.namespace_name);
  out.name = std::move(meta.name);
  return out;
}

struct KnownKind {
  std::string_view group;
  std::string_view name;
  core::ClusterKind kind;
  KindReader reader;
};

using core::ClusterKind;
using core::WorkloadKind;

constexpr std::array kKinds = {
    KnownKind{"storage.k8s.io", "StorageClass", ClusterKind::kStorageClasses, read_storage_class},
    KnownKind{"", "PersistentVolume", ClusterKind::kVolumes, read_persistent_volume},
    KnownKind{"", "PersistentVolumeClaim", ClusterKind::kClaims, read_claim},
    KnownKind{"", "Node", ClusterKind::kNodes, read_node},
    KnownKind{"node.k8s.io", "RuntimeClass", ClusterKind::kRuntimeClasses, read_runtime_class},
    KnownKind{"storage.k8s.io", "CSIDriver", ClusterKind::kCsiDrivers, read_csi_driver},
    KnownKind{"", "Namespace", ClusterKind::kNamespaces, read_namespace},
    KnownKind{"", "Pod", ClusterKind::kPods, read_pod},
    KnownKind{"apps", "Deployment", ClusterKind::kDeployments, read_template<WorkloadKind::kDeployment>},
    KnownKind{"apps", "StatefulSet", ClusterKind::kStatefulSets, read_template<WorkloadKind::kStatefulSet>},
    KnownKind{"apps", "DaemonSet", ClusterKind::kDaemonSets, read_template<WorkloadKind::kDaemonSet>},
    KnownKind{"apps", "ReplicaSet", ClusterKind::kReplicaSets, read_template<WorkloadKind::kReplicaSet>},
    KnownKind{"batch", "Job", ClusterKind::kJobs, read_template<WorkloadKind::kJob>},
    KnownKind{"batch", "CronJob", ClusterKind::kCronJobs, read_template<WorkloadKind::kCronJob>},
    KnownKind{"autoscaling", "HorizontalPodAutoscaler", ClusterKind::kAutoscalers, read_autoscaler},
};
static_assert(kKinds.size() == core::kClusterKindCount, "every kind has its reader");

template <typename Wanted>
KindReader find_if(const Wanted& wanted) {
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(), wanted);
  return found == kKinds.end() ? nullptr : found->reader;
}

}  // namespace

KindReader find_kind_reader(std::string_view api_version, std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  const std::string_view group = slash == std::string_view::npos ? "" : api_version.substr(0, slash);
  return find_if([&](const KnownKind& known) { return known.name == kind && known.group == group; });
}

KindReader find_kind_reader(core::ClusterKind kind) {
  return find_if([&](const KnownKind& known) { return known.kind == kind; });
}

}  // namespace walguard::wire
