#include "operator/wire/pod_spec.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/placement.h"
#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/volume_source.h"

namespace walguard::wire {
namespace {

using core::ContainerRole;
using json::Keys;
using json::Path;
using json::Value;

/// Volumes of a pod and mounts of a container: room for most from the first, as growing moves all of them.
constexpr std::size_t kUsualCount = 4;
constexpr std::string_view kOsLabel = "kubernetes.io/os";

core::VolumeMount read_mount(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name", "mountPath", "subPath", "subPathExpr", "readOnly"};
  core::VolumeMount mount;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["name"]:
        mount.volume = json::text_of(field, here);
        break;
      case kKeys["mountPath"]:
        mount.path = json::text_of(field, here);
        break;
      case kKeys["subPath"]:
      case kKeys["subPathExpr"]:
        if (const std::string_view sub_path = json::text_of(field, here); !sub_path.empty()) {
          mount.sub_path = sub_path;
        }
        break;
      case kKeys["readOnly"]:
        mount.read_only = json::bool_of(field, here);
        break;
      default:
        break;
    }
  });
  if (mount.volume.empty()) {
    json::throw_missing(at.child("name"), "a volume mount");
  }
  return mount;
}

core::Container read_container(Value& value, const Path& at, ContainerRole role) {
  static constexpr Keys kKeys{"name", "restartPolicy", "volumeMounts"};
  core::Container container;
  container.role = role;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["name"]:
        container.name = json::text_of(field, here);
        break;
      case kKeys["restartPolicy"]:
        if (json::text_of(field, here) == "Always" && role == ContainerRole::kInit) {
          container.role = ContainerRole::kSidecar;
        }
        break;
      case kKeys["volumeMounts"]:
        container.mounts.reserve(kUsualCount);
        json::each_item(field, here, [&](Value& item, const Path& item_at) {
          container.mounts.push_back(read_mount(item, item_at));
        });
        break;
      default:
        break;
    }
  });
  return container;
}

void read_containers(Value& value, const Path& at, ContainerRole role, std::vector<core::Container>& out) {
  json::each_item(value, at,
                  [&](Value& item, const Path& here) { out.push_back(read_container(item, here, role)); });
}

std::optional<std::string> label_in(const core::StringMap& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::nullopt : std::optional(found->second);
}

core::Toleration read_toleration(Value& value, const Path& at) {
  static constexpr Keys kKeys{"key", "operator", "value", "effect"};
  core::Toleration toleration;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    std::string& slot = key == kKeys["key"]        ? toleration.key
                        : key == kKeys["operator"] ? toleration.op
                        : key == kKeys["value"]    ? toleration.value
                                                   : toleration.effect;
    slot = json::text_of(field, here);
  });
  return toleration;
}

/// Every pod is given one for each of these.
bool is_of_every_pod(const core::Toleration& toleration) {
  return toleration.key == "node.kubernetes.io/not-ready" ||
         toleration.key == "node.kubernetes.io/unreachable";
}

core::NodeRequirement read_requirement(Value& value, const Path& at) {
  static constexpr Keys kKeys{"key", "operator", "values"};
  core::NodeRequirement requirement;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["key"]:
        requirement.key = json::text_of(field, here);
        break;
      case kKeys["operator"]:
        requirement.op = json::text_of(field, here);
        break;
      case kKeys["values"]:
        json::each_item(field, here, [&](Value& item, const Path& item_at) {
          requirement.values.emplace_back(json::text_of(item, item_at));
        });
        break;
      default:
        break;
    }
  });
  return requirement;
}

core::NodeSelectorTerm read_term(Value& value, const Path& at) {
  static constexpr Keys kKeys{"matchExpressions", "matchFields"};
  core::NodeSelectorTerm term;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& list, const Path& here) {
    auto& requirements = key == kKeys["matchFields"] ? term.match_fields : term.match_expressions;
    json::each_item(list, here, [&](Value& item, const Path& item_at) {
      requirements.push_back(read_requirement(item, item_at));
    });
  });
  return term;
}

/// affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
std::vector<core::NodeSelectorTerm> read_affinity(Value& value, const Path& at) {
  static constexpr Keys kAffinity{"nodeAffinity"};
  static constexpr Keys kNodeAffinity{"requiredDuringSchedulingIgnoredDuringExecution"};
  std::vector<core::NodeSelectorTerm> terms;
  json::each_field<kAffinity>(value, at, [&](std::size_t, Value& node_affinity, const Path& here) {
    json::each_field<kNodeAffinity>(node_affinity, here,
                                    [&](std::size_t, Value& selector, const Path& selector_at) {
                                      terms = read_node_selector(selector, selector_at);
                                    });
  });
  return terms;
}

/// A field of text inside a small object: schedulingGates[].name, os.name.
std::string read_name(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name"};
  std::string name;
  json::each_field<kKeys>(
      value, at, [&](std::size_t, Value& field, const Path& here) { name = json::text_of(field, here); });
  return name;
}

}  // namespace

std::vector<core::NodeSelectorTerm> read_node_selector(Value& selector, const Path& at) {
  static constexpr Keys kKeys{"nodeSelectorTerms"};
  std::vector<core::NodeSelectorTerm> terms;
  json::each_field<kKeys>(selector, at, [&](std::size_t, Value& list, const Path& here) {
    json::each_item(list, here, [&](Value& item, const Path& item_at) {
      core::NodeSelectorTerm term = read_term(item, item_at);
      // One without requirements takes no node.
      if (!term.match_expressions.empty() || !term.match_fields.empty()) terms.push_back(std::move(term));
    });
  });
  return terms;
}

core::PodSpec read_pod_spec(Value& value, const Path& at) {
  static constexpr Keys kKeys{"volumes",         "containers",   "initContainers", "ephemeralContainers",
                              "nodeName",        "nodeSelector", "affinity",       "runtimeClassName",
                              "schedulingGates", "os",           "tolerations"};
  core::PodSpec pod;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["volumes"]:
        pod.volumes.reserve(kUsualCount);
        json::each_item(field, here, [&](Value& item, const Path& item_at) {
          pod.volumes.push_back(read_volume(item, item_at));
        });
        break;
      case kKeys["containers"]:
        read_containers(field, here, ContainerRole::kApp, pod.containers);
        break;
      case kKeys["initContainers"]:
        read_containers(field, here, ContainerRole::kInit, pod.containers);
        break;
      case kKeys["ephemeralContainers"]:
        read_containers(field, here, ContainerRole::kEphemeral, pod.containers);
        break;
      case kKeys["nodeName"]:
        pod.node_name = json::text_of(field, here);
        break;
      case kKeys["nodeSelector"]:
        pod.placement.node_selector = read_string_map(field, here);
        break;
      case kKeys["affinity"]:
        pod.placement.node_terms = read_affinity(field, here);
        break;
      case kKeys["runtimeClassName"]:
        pod.runtime_class = json::text_of(field, here);
        break;
      case kKeys["schedulingGates"]:
        json::each_item(field, here, [&](Value& item, const Path& item_at) {
          pod.scheduling_gates.push_back(read_name(item, item_at));
        });
        break;
      case kKeys["os"]:
        pod.windows = read_name(field, here) == "windows";
        break;
      case kKeys["tolerations"]:
        json::each_item(field, here, [&](Value& item, const Path& item_at) {
          auto toleration = read_toleration(item, item_at);
          if (!is_of_every_pod(toleration)) pod.placement.tolerations.push_back(std::move(toleration));
        });
        break;
      default:
        break;
    }
  });
  const core::StringMap& labels = pod.placement.node_selector;
  pod.pinned_hostname = label_in(labels, core::kHostnameLabel);
  if (!pod.pinned_hostname) pod.pinned_hostname = core::single_hostname(pod.placement.node_terms);
  pod.windows = pod.windows || label_in(labels, kOsLabel) == "windows";
  return pod;
}

}  // namespace walguard::wire
