#include "operator/docker/recent_requests.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "operator/core/workload.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {
namespace {

using wire::DockerContainer;
using wire::DockerMount;

/// What came of a request: the engine adds a name, and the volumes of the image.
bool may_have_become(const DockerContainer& wanted, const DockerContainer& made) {
  if (!wanted.name.empty()) return wanted.name == made.name;
  return wanted.image == made.image && std::ranges::all_of(wanted.mounts, [&](const DockerMount& mount) {
           return std::ranges::find(made.mounts, mount.target, &DockerMount::target) != made.mounts.end();
         });
}

/// Whether one may stand for the other wherever they are judged: the names and what is logged aside.
bool are_alike(const DockerContainer& a, const DockerContainer& b) {
  const auto labels = [](const core::Annotations& of) {
    return std::tie(of.require_local, of.databases, of.journal_mode, of.mode, of.accept_risk,
                    of.sqlite_version);
  };
  const auto variable = [](const core::EnvironmentVariable& of) { return std::tie(of.name, of.value); };
  return std::tie(a.image, a.runtime, a.mounts, a.volumes_from, a.launch.command, a.launch.args) ==
             std::tie(b.image, b.runtime, b.mounts, b.volumes_from, b.launch.command, b.launch.args) &&
         labels(a.labels) == labels(b.labels) &&
         std::ranges::equal(a.launch.environment, b.launch.environment, {}, variable, variable);
}

constexpr std::ptrdiff_t kMostAlike = 2;

}  // namespace

void RecentRequests::add(Container container, const EngineSnapshot& engine, Time now) {
  if (!container->name.empty()) {
    std::erase_if(containers_,
                  [&](const Wanted& earlier) { return earlier.container->name == container->name; });
  }
  const auto is_alike = [&](const Wanted& earlier) {
    return earlier.container->id.empty() && are_alike(*earlier.container, *container);
  };
  if (std::ranges::count_if(containers_, is_alike) >= kMostAlike) {
    containers_.erase(std::ranges::find_if(containers_, is_alike));
  }
  containers_.push_back(
      {.container = std::move(container), .seen_before = engine.last_seen, .until = now + kKept});
}

void RecentRequests::made(Container container, const EngineSnapshot& engine, Time now) {
  const auto asked = std::ranges::find_if(containers_, [&](const Wanted& earlier) {
    return earlier.container->id.empty() && earlier.container->name == container->name &&
           are_alike(*earlier.container, *container);
  });
  if (asked != containers_.end()) containers_.erase(asked);
  containers_.push_back(
      {.container = std::move(container), .seen_before = engine.last_seen, .until = now + kKept});
}

void RecentRequests::add(wire::DockerVolume volume, Time now) {
  volumes_.push_back({.volume = std::move(volume), .until = now + kKept});
}

std::vector<RecentRequests::Container> RecentRequests::containers(const EngineSnapshot& engine, Time now) {
  std::set<std::string> taken;
  std::erase_if(containers_, [&](const Wanted& wanted) {
    if (now >= wanted.until) return true;
    if (!wanted.container->id.empty()) return engine.containers.contains(wanted.container->id);
    const auto made = std::ranges::find_if(engine.containers, [&](const auto& entry) {
      return entry.second->first_seen > wanted.seen_before && !taken.contains(entry.first) &&
             may_have_become(*wanted.container, entry.second->container);
    });
    if (made == engine.containers.end()) return false;
    taken.insert(made->first);
    return true;
  });
  std::vector<Container> left;
  left.reserve(containers_.size());
  for (const Wanted& wanted : containers_) left.push_back(wanted.container);
  return left;
}

std::vector<wire::DockerVolume> RecentRequests::volumes(const EngineSnapshot& engine, Time now) {
  std::erase_if(volumes_, [&](const WantedVolume& wanted) {
    return now >= wanted.until || engine.volumes.contains(wanted.volume.name);
  });
  std::vector<wire::DockerVolume> left;
  left.reserve(volumes_.size());
  for (const WantedVolume& wanted : volumes_) left.push_back(wanted.volume);
  return left;
}

}  // namespace walguard::docker
