// How much ConfigMaps may fill in: a large one that many containers name must not fill the memory.
#include "operator/core/config_maps.h"

#include <cstddef>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

EnvironmentVariable all_of(std::string config_map) {
  EnvironmentVariable source;
  source.is_source = true;
  source.in_view = false;
  source.config_map = std::move(config_map);
  return source;
}

TEST(ConfigMaps, ALargeOneThatManyContainersNameIsWrittenOutAFewTimesAndElseStaysHidden) {
  ConfigMaps config_maps;
  StringMap& large = config_maps[{"shop", "large"}];
  for (int i = 0; i < 6000; ++i) large["KEY" + std::to_string(i)] = "x";
  Workload workload;
  workload.namespace_name = "shop";
  workload.pod.containers.resize(3000);
  for (Container& container : workload.pod.containers) container.launch.environment = {all_of("large")};
  fill_in(workload, config_maps);
  std::size_t count = 0;
  for (const Container& container : workload.pod.containers) count += container.launch.environment.size();
  EXPECT_EQ(count, 6000U + 2999U);
  EXPECT_TRUE(workload.pod.containers.back().launch.environment.front().is_source);
}

TEST(ConfigMaps, ALargeValueThatIsNamedOftenIsCopiedAFewTimesAndElseStaysHidden) {
  ConfigMaps config_maps;
  config_maps[{"shop", "large"}]["KEY"] = std::string(1000000, 'x');
  Workload workload;
  workload.namespace_name = "shop";
  workload.pod.containers.resize(1);
  for (int i = 0; i < 3000; ++i)
    workload.pod.containers.front().launch.environment.push_back(all_of("large"));
  fill_in(workload, config_maps);
  std::size_t bytes = 0;
  for (const EnvironmentVariable& variable : workload.pod.containers.front().launch.environment) {
    bytes += variable.value.size();
  }
  EXPECT_EQ(bytes, 16000000U);
  EXPECT_FALSE(workload.pod.containers.front().launch.environment.back().in_view);
}

}  // namespace
}  // namespace walguard::core
