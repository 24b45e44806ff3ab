#include "operator/wire/pod_spec.h"

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "operator/core/mounted_path.h"
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

/// A field of text inside a small object: schedulingGates[].name, os.name, configMapRef.name.
std::string read_name(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name"};
  std::string name;
  json::each_field<kKeys>(
      value, at, [&](std::size_t, Value& field, const Path& here) { name = json::text_of(field, here); });
  return name;
}

core::VolumeMount read_mount(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name", "mountPath", "subPath", "subPathExpr", "readOnly"};
  core::VolumeMount mount;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["name"]:
        mount.volume = json::text_of(field, here);
        break;
      case kKeys["mountPath"]:
        // The kubelet takes a relative one from the root.
        mount.path = core::normalised_path(std::string("/").append(json::text_of(field, here)));
        break;
      case kKeys["subPath"]:
      case kKeys["subPathExpr"]:
        if (const std::string_view sub_path = json::text_of(field, here); !sub_path.empty()) {
          mount.sub_path = sub_path;
          mount.sub_path_is_expanded = key == kKeys["subPathExpr"];
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

// How a container is started is a hint alone, and what the API server would refuse of it is passed over: an
// error could repeat what is secret.
bool is_text(Value& value) { return value.type() == simdjson::ondemand::json_type::string; }
bool is_list(Value& value) { return value.type() == simdjson::ondemand::json_type::array; }
bool is_object(Value& value) { return value.type() == simdjson::ondemand::json_type::object; }

/// command, args
std::vector<std::string> read_words(Value& value, const Path& at) {
  std::vector<std::string> words;
  if (!is_list(value)) return words;
  json::each_item(value, at, [&](Value& item, const Path& here) {
    if (is_text(item)) words.emplace_back(json::text_of(item, here));
  });
  return words;
}

/// env[].valueFrom: the value itself is elsewhere.
void read_value_source(Value& value, const Path& at, core::EnvironmentVariable& variable) {
  static constexpr Keys kSources{"configMapKeyRef"};
  static constexpr Keys kReference{"name", "key"};
  variable.in_view = false;
  if (!is_object(value)) return;
  json::each_field<kSources>(value, at, [&](std::size_t, Value& reference, const Path& here) {
    json::each_field<kReference>(reference, here, [&](std::size_t key, Value& field, const Path& field_at) {
      (key == kReference["name"] ? variable.config_map : variable.config_key) =
          json::text_of(field, field_at);
    });
  });
}

core::EnvironmentVariable read_variable(Value& value, const Path& at) {
  static constexpr Keys kKeys{"name", "value", "valueFrom"};
  core::EnvironmentVariable variable;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    switch (key) {
      case kKeys["name"]:
        variable.name = json::text_of(field, here);
        break;
      case kKeys["value"]:
        variable.in_view = is_text(field);
        if (variable.in_view) variable.value = json::text_of(field, here);
        break;
      default:
        read_value_source(field, here, variable);
        break;
    }
  });
  return variable;
}

/// envFrom[]
core::EnvironmentVariable read_source(Value& value, const Path& at) {
  static constexpr Keys kKeys{"prefix", "configMapRef"};
  core::EnvironmentVariable source;
  source.in_view = false;
  source.is_source = true;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    if (key == kKeys["prefix"]) {
      source.name = json::text_of(field, here);
    } else {
      source.config_map = read_name(field, here);
    }
  });
  return source;
}

/// `env` goes before `envFrom`, whichever stands first.
void add_variables(std::vector<core::EnvironmentVariable>& all, std::vector<core::EnvironmentVariable> more,
                   bool first) {
  if (all.empty()) {
    all = std::move(more);
    return;
  }
  all.insert(first ? all.begin() : all.end(), std::make_move_iterator(more.begin()),
             std::make_move_iterator(more.end()));
}

template <typename Read>
std::vector<core::EnvironmentVariable> read_variables(Value& list, const Path& at, Read read) {
  std::vector<core::EnvironmentVariable> variables;
  if (!is_list(list)) return variables;
  variables.reserve(kUsualCount);
  json::each_item(list, at, [&](Value& item, const Path& here) {
    if (is_object(item)) variables.push_back(read(item, here));
  });
  return variables;
}

core::Container read_container(Value& value, const Path& at, ContainerRole role) {
  static constexpr Keys kKeys{"name",    "restartPolicy", "volumeMounts", "image",
                              "command", "args",          "env",          "envFrom"};
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
      case kKeys["image"]:
        if (is_text(field)) container.launch.image = json::text_of(field, here);
        break;
      case kKeys["command"]:
        container.launch.command = read_words(field, here);
        break;
      case kKeys["args"]:
        container.launch.args = read_words(field, here);
        break;
      case kKeys["env"]:
        add_variables(container.launch.environment, read_variables(field, here, read_variable),
                      /*first=*/false);
        break;
      case kKeys["envFrom"]:
        add_variables(container.launch.environment, read_variables(field, here, read_source),
                      /*first=*/true);
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
