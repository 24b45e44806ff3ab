#include "operator/core/config_maps.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// What is left for the containers of a pod, more than any reads: a ConfigMap that is named a thousand times
/// is not written out as often. What does not fit is not in view.
struct Room {
  std::size_t variables = 10000;
  std::size_t bytes = 16777216;

  bool take(const std::string& value) {
    if (value.size() > bytes) return false;
    bytes -= value.size();
    return true;
  }
};

void fill_in_environment(std::vector<EnvironmentVariable>& environment, const std::string& namespace_name,
                         const ConfigMaps& config_maps, Room& room) {
  std::vector<EnvironmentVariable> filled;
  for (EnvironmentVariable& variable : environment) {
    const auto data = variable.config_map.empty() ? config_maps.end()
                                                  : config_maps.find({namespace_name, variable.config_map});
    if (data == config_maps.end() || (variable.is_source && data->second.size() > room.variables)) {
      filled.push_back(std::move(variable));
      continue;
    }
    if (!variable.is_source) {
      const auto entry = data->second.find(variable.config_key);
      variable.in_view = entry != data->second.end() && room.take(entry->second);
      if (variable.in_view) variable.value = entry->second;
      filled.push_back(std::move(variable));
      continue;
    }
    room.variables -= data->second.size();
    for (const auto& [key, value] : data->second) {
      EnvironmentVariable one;
      one.name = variable.name + key;
      one.in_view = room.take(value);
      if (one.in_view) one.value = value;
      one.config_map = variable.config_map;
      one.config_key = key;
      filled.push_back(std::move(one));
    }
  }
  environment = std::move(filled);
}

}  // namespace

void fill_in(Workload& workload, const ConfigMaps& config_maps) {
  if (config_maps.empty()) return;
  Room room;
  for (Container& container : workload.pod.containers) {
    fill_in_environment(container.launch.environment, workload.namespace_name, config_maps, room);
  }
}

}  // namespace walguard::core
